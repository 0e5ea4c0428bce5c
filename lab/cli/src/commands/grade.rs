//! `hallway grade`, and `hallway` without a command: scenarios with all their controls.

use std::process::ExitCode;
use std::time::Duration;

use hallway_grade::report::comparison::Comparison;
use hallway_grade::{Grade, exit_code};
use hallway_scenario::Ground;
use hallway_scenario::load::Loaded;
use tokio::time::Instant;

use crate::arguments::{DEFAULT_SEED, Grade as Arguments, On};
use crate::catalogue::{self, Catalogue};
use crate::conduct::{Conductor, Graded};
use crate::failure::{Failure, worst};
use crate::{ground, report, runtime};

/// What runs on processes too when nobody says what to run: a first call with two languages, and a push under load.
const ON_PROCESSES: [&str; 2] = ["first-hop", "canary-weights"];

/// What came of some scenarios on one ground.
#[derive(Default)]
struct Pass {
    grades: Vec<Grade>,
    /// Why others have no grade.
    failures: Vec<Failure>,
    took: Duration,
    virtual_time: Duration,
}

/// Grades every scenario simulated and a few on processes, and says what to try next.
pub(crate) fn grade_all(catalogue: &Catalogue) -> Result<ExitCode, Failure> {
    let scenarios = chosen(catalogue, &[])?;
    let simulated = grade_on(catalogue, &scenarios, Ground::Simulated, DEFAULT_SEED)?;
    anstream::println!();
    let few: Vec<Loaded> = scenarios
        .into_iter()
        .filter(|loaded| ON_PROCESSES.contains(&loaded.name.as_str()))
        .collect();
    let processes = grade_on(catalogue, &few, Ground::Processes, DEFAULT_SEED)?;
    anstream::println!(
        "\nNext:  hallway run first-two-fail --explain       one request's journey\n       \
         hallway grade --on both                    everything on both grounds, compared\n       \
         hallway explore fair-share --seeds 100     the same run under a hundred seeds\n       \
         hallway list                               all scenarios, and what each teaches"
    );
    Ok(ExitCode::from(simulated.code(false).max(processes.code(false))))
}

/// Grades the scenarios that were asked for, or all.
pub(crate) fn grade(catalogue: &Catalogue, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let scenarios = chosen(catalogue, &arguments.names)?;
    let by_name = !arguments.names.is_empty();
    let options = &arguments.options;
    if let (true, [ground]) = (by_name, arguments.on.grounds()) {
        for loaded in &scenarios {
            ground::insist(&loaded.scenario, *ground)?;
        }
    }
    let mut passes = Vec::new();
    for ground in arguments.on.grounds() {
        passes.push(grade_on(catalogue, &scenarios, *ground, options.seed)?);
    }
    let mut code = passes.iter().map(|pass| pass.code(by_name)).max().unwrap_or(0);
    let mut comparisons = Vec::new();
    if let [simulated, processes] = &passes[..] {
        comparisons = compare(simulated, processes);
        code = code.max(report::print_comparisons(&comparisons, options.seed));
    }
    if let Some(directory) = &options.report {
        let took = passes.iter().map(|pass| pass.took).sum();
        let grades: Vec<Grade> = passes.into_iter().flat_map(|pass| pass.grades).collect();
        report::write(directory, &grades, &comparisons, took)?;
    }
    Ok(ExitCode::from(code))
}

/// Grades those of `scenarios` that run on `ground`, and names the others with the reason.
fn grade_on(catalogue: &Catalogue, scenarios: &[Loaded], ground: Ground, seed: u64) -> Result<Pass, Failure> {
    let on = match ground {
        Ground::Processes => On::Processes,
        Ground::Simulated => On::Simulated,
    };
    let terminal = report::terminal(scenarios);
    anstream::println!("{}", terminal.heading(&report::heading(on, seed)));
    let (here, elsewhere): (Vec<&Loaded>, Vec<&Loaded>) = scenarios
        .iter()
        .partition(|loaded| loaded.scenario.grounds.include(ground));

    let mut pass = Pass::default();
    pass.took = runtime::run(async |cancel| {
        let conductor = Conductor::new(catalogue, ground, seed, cancel)?;
        let started = Instant::now();
        let each = |outcome: Result<Graded, Failure>| match outcome {
            Ok(graded) => {
                anstream::print!("{}", terminal.scenario(&graded.grade));
                pass.virtual_time += graded.virtual_time;
                pass.grades.push(graded.grade);
            }
            Err(failure) => {
                anstream::eprintln!("{failure}");
                pass.failures.push(failure);
            }
        };
        conductor.grade_all(&here, each).await;
        Ok::<_, Failure>(started.elapsed())
    })??;
    for loaded in elsewhere {
        let why = ground::why_not(&loaded.scenario, ground).unwrap_or_default();
        anstream::println!("   {} {why}", loaded.name);
    }
    let totals = terminal.totals(&pass.grades, pass.took);
    let virtual_time = report::virtual_time(pass.virtual_time);
    anstream::println!("\n{}{virtual_time}", totals.trim_end());
    Ok(pass)
}

fn compare(simulated: &Pass, processes: &Pass) -> Vec<Comparison> {
    let same = |grade: &Grade| {
        let mut others = simulated.grades.iter();
        others.find(|other| other.scenario == grade.scenario)
    };
    let pairs = processes
        .grades
        .iter()
        .filter_map(|grade| Some((grade, same(grade)?)));
    pairs
        .map(|(processes, simulated)| Comparison::of(processes, simulated))
        .collect()
}

fn chosen(catalogue: &Catalogue, names: &[String]) -> Result<Vec<Loaded>, Failure> {
    if names.is_empty() {
        let directories = catalogue.directories()?;
        return directories
            .iter()
            .map(|directory| catalogue::load(directory))
            .collect();
    }
    names.iter().map(|name| catalogue.load(name)).collect()
}

impl Pass {
    fn code(&self, by_name: bool) -> u8 {
        worst(exit_code(&self.grades, report::skips(by_name)), &self.failures)
    }
}
