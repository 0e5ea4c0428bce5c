//! `hallway check-lessons`: whether lessons keep their word.
//!
//! Each scenario has a lesson, a prediction and an exercise. The right answer of the prediction, and no other, is what the run shows; the exercise
//! fails as it declares as long as nothing is repaired; and its solution passes. All of that on every ground that the scenario declares.

mod subject;

use std::process::ExitCode;
use std::time::Duration;

use hallway_grade::Skips;
use hallway_grade::report::Styles;
use hallway_grade::report::layout::wrapped;
use hallway_grade::report::styles::paint;
use hallway_scenario::Ground;
use tokio::time::Instant;

use self::subject::{Outcome, Run, Subject};
use crate::arguments::On;
use crate::arguments::lessons::CheckLessons;
use crate::catalogue::Catalogue;
use crate::conduct::Conductor;
use crate::failure::{Failure, worst};
use crate::{ground, report, rules, runtime};

/// How wide a complaint is at most.
const WIDTH: usize = 110;

/// What came of all lessons on one ground.
#[derive(Default)]
struct Pass {
    checked: usize,
    red: usize,
    skipped: bool,
    failures: Vec<Failure>,
    took: Duration,
}

/// Checks the lessons of the scenarios that were asked for, or of all.
pub(crate) fn check_lessons(catalogue: &Catalogue, arguments: &CheckLessons) -> Result<ExitCode, Failure> {
    let loaded = match arguments.names.as_slice() {
        [] => catalogue.all()?,
        names => names
            .iter()
            .map(|name| catalogue.load(name))
            .collect::<Result<_, _>>()?,
    };
    for loaded in &loaded {
        rules::admit(&loaded.files, &loaded.scenario)?;
    }
    let by_name = !arguments.names.is_empty();
    let subjects: Vec<Subject> = loaded.into_iter().map(Subject::of).collect::<Result<_, _>>()?;
    let mut code = 0;
    for (index, ground) in arguments.on.grounds().iter().enumerate() {
        if index > 0 {
            anstream::println!();
        }
        let pass = check_on(catalogue, &subjects, *ground, arguments.seed)?;
        code = code.max(pass.code(by_name));
    }
    Ok(ExitCode::from(code))
}

fn check_on(catalogue: &Catalogue, subjects: &[Subject], ground: Ground, seed: u64) -> Result<Pass, Failure> {
    let on = match ground {
        Ground::Processes => On::Processes,
        Ground::Simulated => On::Simulated,
    };
    let terminal = report::terminal(subjects.iter().map(|subject| &subject.loaded));
    anstream::println!("{}", terminal.heading(&report::heading(on, seed)));
    let (here, elsewhere): (Vec<&Subject>, Vec<&Subject>) =
        subjects.iter().partition(|subject| subject.concerns(ground));
    let runs: Vec<Vec<Run<'_>>> = here.iter().map(|subject| subject.runs(ground)).collect();
    let groups: Vec<_> = runs
        .iter()
        .map(|runs| runs.iter().map(|run| (run.loaded, run.control)).collect())
        .collect();
    let names = subjects.iter().map(|subject| subject.loaded.name.chars().count());
    let width = names.max().unwrap_or(0);

    let mut pass = Pass::default();
    let mut of_lessons = here.iter().zip(&runs);
    pass.took = runtime::run(async |cancel| {
        let conductor = Conductor::new(catalogue, ground, seed, cancel)?;
        let started = Instant::now();
        let each = |made| {
            let (subject, runs) = of_lessons.next().expect("there is one group for each");
            pass.add(subject, width, subject.judge(ground, seed, runs, made));
        };
        conductor.run_groups(&groups, each).await;
        Ok::<_, Failure>(started.elapsed())
    })??;
    if pass
        .failures
        .iter()
        .any(|failure| matches!(failure, Failure::Interrupted))
    {
        return Err(Failure::Interrupted);
    }
    for subject in elsewhere {
        let why = ground::why_not(&subject.loaded.scenario, ground).unwrap_or_default();
        anstream::println!("   {} {why}", subject.loaded.name);
    }
    pass.print_totals();
    Ok(pass)
}

impl Pass {
    /// Says what came of one lesson.
    fn add(&mut self, subject: &Subject, width: usize, outcome: Outcome) {
        if outcome
            .failures
            .iter()
            .any(|failure| matches!(failure, Failure::Interrupted))
        {
            self.failures.push(Failure::Interrupted);
            return;
        }
        let styles = Styles::coloured();
        self.checked += 1;
        let (sign, style) = match (
            &outcome.failures[..],
            &outcome.complaints[..],
            &outcome.skipped[..],
        ) {
            ([], [], []) => ("✓", styles.good),
            (_, [_, ..], _) => ("✗", styles.bad),
            ([_, ..], ..) => ("!", styles.doubtful),
            (_, _, [_, ..]) => ("–", styles.doubtful),
        };
        let name = paint(styles.strong, format!("{:<width$}", subject.loaded.name));
        let line = format!(" {} {name}  {}", paint(style, sign), subject.title());
        anstream::println!("{}", line.trim_end());
        let mut part = "";
        for complaint in &outcome.complaints {
            if complaint.part != part {
                part = complaint.part;
                anstream::println!("     {}", paint(styles.bad, part));
            }
            for line in complaint.words.lines().flat_map(|line| wrapped(line, WIDTH)) {
                anstream::println!("       {line}");
            }
        }
        for reason in &outcome.skipped {
            anstream::println!("     skipped: {reason}");
        }
        for failure in &outcome.failures {
            anstream::eprintln!("{failure}");
        }
        self.red += usize::from(!outcome.complaints.is_empty());
        self.skipped |= !outcome.skipped.is_empty();
        self.failures.extend(outcome.failures);
    }

    fn print_totals(&self) {
        let lessons = rules::counted(self.checked, "lesson");
        let red = match self.red {
            0 => String::new(),
            red => format!(", {red} red"),
        };
        anstream::println!("\n {lessons}{red} · {:.1} s", self.took.as_secs_f64());
    }

    fn code(&self, by_name: bool) -> u8 {
        let is_forbidden = report::skips(by_name) == Skips::Forbidden;
        if self.skipped && is_forbidden {
            anstream::eprintln!(
                "error: some runs were skipped, which is an error when a lesson is asked for by name, and with CI=true"
            );
        }
        let skipped = if self.skipped && is_forbidden { 3 } else { 0 };
        worst(u8::from(self.red > 0).max(skipped), &self.failures)
    }
}
