//! The table of a terminal: one line per scenario, and below a red one what is red, where, and by whose testimony.
//!
//! ```text
//!  ✓ first-hop       a call crosses two sidecars      6 checks    6 controls       2.4 s
//!  ✗ canary-weights  nine to one, then half and half  3/4 checks  3 controls       7.9 s
//!      split-before    expected payments-v1 90%, payments-v2 10% of checkout, before rules.half.yaml
//!                      …
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::Styles;
use super::layout::{shortened, wrapped};
use super::replay;
use super::styles::paint;
use crate::control::Shortcoming;
use crate::grade::{Grade, Outcome};
use crate::text;
use crate::verdict::Verdict;

/// The width of a terminal that does not tell.
const USUAL_WIDTH: usize = 100;
/// The least width of a title before it is left out.
const LEAST_TITLE: usize = 12;
/// The least room for words, however narrow the terminal is.
const LEAST_ROOM: usize = 20;
/// Where the details of a red scenario begin.
const INDENT: usize = 5;

/// How to write for one terminal and one set of scenarios.
#[derive(Clone, Debug)]
pub struct Terminal {
    styles: Styles,
    width: usize,
    names: usize,
    titles: usize,
    arguments: BTreeMap<String, String>,
}

/// What the first line says.
#[derive(Clone, Copy, Debug)]
pub struct Heading<'a> {
    /// The version of `hallway`.
    pub version: &'a str,
    /// Where the scenarios run, such as `real processes`.
    pub ground: &'a str,
    /// The seed.
    pub seed: u64,
}

impl Terminal {
    /// A layout for scenarios with these names and titles, in columns of `width` characters.
    pub fn new<'a>(
        styles: Styles,
        width: Option<usize>,
        scenarios: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let (mut names, mut titles) = (0, 0);
        for (name, title) in scenarios {
            names = names.max(name.chars().count());
            titles = titles.max(title.chars().count());
        }
        let width = width.unwrap_or(USUAL_WIDTH);
        // The sign and its spaces, the gaps, and the widest counts and time.
        let others = 3 + names + 2 + 2 + "9/10 checks  no control run 100.0 s".len();
        let room = width.saturating_sub(others);
        let titles = if room < LEAST_TITLE { 0 } else { titles.min(room) };
        Self {
            styles,
            width,
            names,
            titles,
            arguments: BTreeMap::new(),
        }
    }

    /// A command line calls the scenario `name` by this `argument`, and not by its name.
    #[must_use]
    pub fn calling(mut self, name: &str, argument: String) -> Self {
        self.arguments.insert(name.to_owned(), argument);
        self
    }

    /// The first line.
    pub fn heading(&self, heading: &Heading<'_>) -> String {
        let Heading {
            version,
            ground,
            seed,
        } = heading;
        let name = paint(self.styles.strong, format!("Hallway {version}"));
        format!("{name} · a service-mesh lab · {ground}, seed {seed}\n")
    }

    /// The line of a scenario, and what is red in it.
    pub fn scenario(&self, grade: &Grade) -> String {
        let mut lines = self.line(grade);
        let stand_ins = grade.run.iter().flat_map(|run| &run.stand_ins);
        lines.extend(stand_ins.map(|words| format!("{:INDENT$}{}\n", "", paint(self.styles.quiet, words))));
        match &grade.outcome {
            Outcome::Green | Outcome::Skipped { .. } => {}
            Outcome::LabFailed { incidents } => {
                for incident in incidents {
                    let words = format!("{}: {}", incident.who, incident.what);
                    lines += &self.block("lab failed", &[words]);
                }
                lines += &self.replays(grade);
            }
            Outcome::Red => lines += &self.red(grade),
        }
        lines
    }

    /// Every check of one run: what was expected, what was seen, and by whom.
    pub fn checks(&self, verdicts: &[Verdict]) -> String {
        let names = verdicts
            .iter()
            .map(|verdict| verdict.check.chars().count())
            .max()
            .unwrap_or(0);
        let margin = " ✓ ".chars().count() + names + 2;
        let mut text = String::new();
        for verdict in verdicts {
            let (sign, style) = match verdict.held {
                true => ("✓", self.styles.good),
                false => ("✗", self.styles.bad),
            };
            let lines = testimony(verdict, self.room(margin)).join(&format!("\n{:margin$}", ""));
            let _ = writeln!(text, " {} {:<names$}  {lines}", paint(style, sign), verdict.check);
        }
        text
    }

    /// The last line.
    pub fn totals(&self, grades: &[Grade], took: Duration) -> String {
        let number =
            |is_meant: fn(&Grade) -> bool| grades.iter().filter(|grade| is_meant(grade)).count() as u64;
        let mut scenarios = text::plural(grades.len() as u64, "scenario");
        for (count, words) in [
            (number(|grade| grade.outcome == Outcome::Red), "red"),
            (
                number(|grade| matches!(grade.outcome, Outcome::LabFailed { .. })),
                "without a result",
            ),
            (
                number(|grade| matches!(grade.outcome, Outcome::Skipped { .. })),
                "skipped",
            ),
        ] {
            if count > 0 {
                let _ = write!(scenarios, ", {} {words}", text::count(count));
            }
        }
        let held = grades.iter().map(Grade::checks_held).sum();
        let checks = of(
            held,
            grades.iter().map(|grade| grade.verdicts.len()).sum(),
            "check",
        );
        let held = grades.iter().map(Grade::controls_held).sum();
        let controls = of(
            held,
            grades.iter().map(|grade| grade.controls.len()).sum(),
            "control",
        );
        let took = seconds(took);
        format!(" {scenarios} · {checks} held · {controls} turned red as they should · {took}\n")
    }

    fn line(&self, grade: &Grade) -> String {
        let styles = &self.styles;
        let (sign, style) = match grade.outcome {
            Outcome::Green => ("✓", styles.good),
            Outcome::Red => ("✗", styles.bad),
            Outcome::Skipped { .. } => ("–", styles.doubtful),
            Outcome::LabFailed { .. } => ("!", styles.doubtful),
        };
        let name = paint(
            styles.strong,
            format!("{:<width$}", grade.scenario, width = self.names),
        );
        let title = match self.titles {
            0 => String::new(),
            width => format!("  {:<width$}", shortened(&grade.title, width)),
        };
        format!(" {} {name}{title}  {}\n", paint(style, sign), counts(grade))
    }

    fn red(&self, grade: &Grade) -> String {
        let mut lines = String::new();
        for verdict in grade.verdicts.iter().filter(|verdict| !verdict.held) {
            lines += &self.block(
                &verdict.check,
                &testimony(verdict, self.room(self.margin(&verdict.check))),
            );
        }
        for failure in &grade.failures {
            lines += &self.block("timeline", std::slice::from_ref(failure));
        }
        for control in grade.controls.iter().filter(|control| !control.holds()) {
            let words: Vec<String> = control.shortcomings.iter().map(Shortcoming::to_string).collect();
            lines += &self.block(&format!("control {}", control.control), &words);
        }
        lines + &self.replays(grade)
    }

    fn replays(&self, grade: &Grade) -> String {
        let line = |command: String| {
            let words = paint(self.styles.quiet, format!("replay: {command}"));
            format!("{:INDENT$}{words}\n", "")
        };
        let argument = self.arguments.get(&grade.scenario).unwrap_or(&grade.scenario);
        replay::commands(grade, argument).into_iter().map(line).collect()
    }

    /// Where the words right of a label begin.
    fn margin(&self, label: &str) -> usize {
        INDENT + self.names.max(label.chars().count()) + 2
    }

    /// How many characters fit right of a margin.
    fn room(&self, margin: usize) -> usize {
        self.width.saturating_sub(margin).max(LEAST_ROOM)
    }

    /// A label, and lines right of it, wrapped where they are too long.
    fn block(&self, label: &str, lines: &[String]) -> String {
        let margin = self.margin(label);
        let width = margin - INDENT;
        let mut text = String::new();
        for (number, line) in lines
            .iter()
            .flat_map(|line| line.lines())
            .flat_map(|line| wrapped(line, self.room(margin)))
            .enumerate()
        {
            let label = if number == 0 { label } else { "" };
            let label = paint(self.styles.bad, format!("{label:<width$}"));
            let _ = writeln!(text, "{:INDENT$}{label}{line}", "");
        }
        text
    }
}

/// What a verdict says, in lines of at most `room` characters: what was expected and seen on one line if it fits.
fn testimony(verdict: &Verdict, room: usize) -> Vec<String> {
    let mut parts = vec![
        format!("expected {}", verdict.expected),
        format!("saw {}", verdict.saw),
    ];
    parts.extend(verdict.p_value.map(text::p_value));
    let line = parts.join("   ");
    let mut lines = if line.chars().count() <= room {
        vec![line]
    } else {
        parts
    };
    lines.extend(verdict.detail.iter().cloned());
    lines.push(format!("witness: {}", verdict.witness));
    lines.extend(verdict.rule.as_ref().map(|rule| format!("rule: {rule}")));
    lines.iter().flat_map(|line| wrapped(line, room)).collect()
}

/// The right end of a scenario's line.
fn counts(grade: &Grade) -> String {
    match &grade.outcome {
        Outcome::Skipped { reason } => return format!("skipped: {reason}"),
        // What its checks say is worth nothing.
        Outcome::LabFailed { .. } => return "no result".to_owned(),
        Outcome::Green | Outcome::Red => {}
    }
    let checks = part(grade.checks_held(), grade.verdicts.len(), "check");
    let controls = match grade.controls.len() {
        0 => "no control run".to_owned(),
        controls => part(grade.controls_held(), controls, "control"),
    };
    format!("{checks:<10}  {controls:<14}{:>8}", seconds(grade.took))
}

/// `5 checks`, or `4 of 5 checks`.
fn of(held: usize, all: usize, noun: &str) -> String {
    let words = text::plural(all as u64, noun);
    if held == all {
        words
    } else {
        format!("{} of {words}", text::count(held as u64))
    }
}

/// `5 checks`, or `4/5 checks`.
fn part(held: usize, all: usize, noun: &str) -> String {
    let words = text::plural(all as u64, noun);
    if held == all {
        words
    } else {
        format!("{held}/{words}")
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
