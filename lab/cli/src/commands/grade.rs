//! `hallway grade`, and `hallway` without a command: scenarios with all their controls.

use std::io::IsTerminal;
use std::iter::once;
use std::process::ExitCode;
use std::time::Duration;

use hallway_grade::report::terminal::Heading;
use hallway_grade::report::{Styles, Terminal, json, junit};
use hallway_grade::{Grade, Outcome, Skips, exit_code};
use hallway_scenario::load::Loaded;
use tokio::time::Instant;

use crate::arguments::{Grade as Arguments, Options};
use crate::catalogue::{self, Catalogue};
use crate::conduct::Conductor;
use crate::failure::{Failure, worst};
use crate::{rules, runtime};

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What to try after grading: the scenario that it takes, the command, and what that shows.
const HINTS: [(&str, &str, &str); 2] = [
    (
        "first-two-fail",
        "hallway run first-two-fail --explain",
        "one request's journey",
    ),
    ("first-hop", "hallway run first-hop", "what a mesh does to a call"),
];

/// What came of grading.
struct Graded {
    grades: Vec<Grade>,
    /// Those of scenarios without a grade; they have been told.
    failures: Vec<Failure>,
    took: Duration,
}

/// Grades every scenario, and says what to try next.
pub(crate) fn grade_all(catalogue: &Catalogue) -> Result<ExitCode, Failure> {
    let code = grade(catalogue, &Arguments::default())?;
    let mut lead = "\nNext: ";
    for (scenario, command, shows) in HINTS {
        if catalogue.holds(scenario)? {
            anstream::println!("{lead} {command:<38}  {shows}");
            lead = "      ";
        }
    }
    anstream::println!(
        "{lead} {:<38}  all scenarios, and what each teaches",
        "hallway list"
    );
    Ok(code)
}

/// Grades the scenarios that were asked for, or all.
pub(crate) fn grade(catalogue: &Catalogue, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let scenarios = chosen(catalogue, &arguments.names)?;
    let options = &arguments.options;
    make_room_for_reports(options)?;
    let names = scenarios
        .iter()
        .map(|loaded| (loaded.name.as_str(), loaded.scenario.title.as_str()));
    let terminal = terminal(names);
    anstream::println!("{}", terminal.heading(&heading(options.seed)));

    let Graded {
        grades,
        failures,
        took,
    } = grade_scenarios(catalogue, &scenarios, options, &terminal)?;
    anstream::print!("\n{}", terminal.totals(&grades, took));
    write_reports(options, &grades, took)?;
    let skips = skips(!arguments.names.is_empty());
    tell_forbidden_skips(&grades, skips);
    Ok(ExitCode::from(worst(exit_code(&grades, skips), &failures)))
}

/// Grades `scenarios`, and tells of each as soon as it is done.
fn grade_scenarios(
    catalogue: &Catalogue,
    scenarios: &[Loaded],
    options: &Options,
    terminal: &Terminal,
) -> Result<Graded, Failure> {
    let (mut grades, mut failures) = (Vec::new(), Vec::new());
    let mut interrupted = false;
    let took = runtime::run(async |cancel| {
        let conductor = Conductor::new(catalogue, options.on, options.seed, cancel)?;
        let started = Instant::now();
        let each = |outcome: Result<Grade, Failure>| match outcome {
            Ok(grade) => {
                anstream::print!("{}", terminal.scenario(&grade));
                grades.push(grade);
            }
            // Every scenario that was not done yet says so.
            Err(Failure::Interrupted) => interrupted = true,
            Err(failure) => {
                anstream::eprintln!("{failure}");
                failures.push(failure);
            }
        };
        conductor.grade_all(scenarios, each).await;
        Ok::<_, Failure>(started.elapsed())
    })??;
    if interrupted {
        return Err(Failure::Interrupted);
    }
    Ok(Graded {
        grades,
        failures,
        took,
    })
}

/// Makes the directory for reports, if one is asked for. Done first, so that nobody waits for a report in vain.
pub(crate) fn make_room_for_reports(options: &Options) -> Result<(), Failure> {
    let Some(directory) = &options.report else {
        return Ok(());
    };
    std::fs::create_dir_all(directory).map_err(|error| {
        Failure::input(format_args!(
            "cannot make the directory {} for the report: {error}; name another with --report",
            directory.display()
        ))
    })
}

/// Writes `report.json` and `junit.xml`, if they are asked for.
pub(crate) fn write_reports(options: &Options, grades: &[Grade], took: Duration) -> Result<(), Failure> {
    let Some(directory) = &options.report else {
        return Ok(());
    };
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text);
    write("report.json", json::text(grades, VERSION, took))
        .and_then(|()| write("junit.xml", junit::text(grades, took)))
        .map_err(|error| {
            Failure::input(format_args!(
                "cannot write the report into {}: {error}",
                directory.display()
            ))
        })
}

/// The layout for this terminal; colours are taken out again by `anstream` where they do not belong.
pub(crate) fn terminal<'a>(scenarios: impl IntoIterator<Item = (&'a str, &'a str)>) -> Terminal {
    Terminal::new(Styles::coloured(), terminal_width(), scenarios)
}

/// The first line of every report.
pub(crate) fn heading(seed: u64) -> Heading<'static> {
    Heading {
        version: VERSION,
        ground: "real processes",
        seed,
    }
}

/// A scenario that cannot run here is an error when somebody asked for just that one, and in continuous integration.
fn skips(by_name: bool) -> Skips {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    if by_name || in_ci {
        Skips::Forbidden
    } else {
        Skips::Allowed
    }
}

/// Says why the exit code will not be 0 although nothing is red.
fn tell_forbidden_skips(grades: &[Grade], skips: Skips) {
    let is_skipped = |grade: &&Grade| matches!(grade.outcome, Outcome::Skipped { .. });
    for grade in grades.iter().filter(is_skipped) {
        if skips == Skips::Forbidden {
            anstream::eprintln!(
                "error: {} was skipped, which is an error when it is asked for by name, and with CI=true",
                grade.scenario
            );
        }
    }
}

fn chosen(catalogue: &Catalogue, names: &[String]) -> Result<Vec<Loaded>, Failure> {
    let scenarios: Vec<Loaded> = if names.is_empty() {
        let directories = catalogue.directories()?;
        directories
            .iter()
            .map(|directory| catalogue::load(directory))
            .collect::<Result<_, _>>()?
    } else {
        names
            .iter()
            .map(|name| catalogue.load(name))
            .collect::<Result<_, _>>()?
    };
    for loaded in &scenarios {
        for scenario in once(&loaded.scenario).chain(loaded.controls.values()) {
            rules::admit(&loaded.directory, scenario)?;
        }
    }
    Ok(scenarios)
}

fn terminal_width() -> Option<usize> {
    let output = std::io::stdout();
    let size = output
        .is_terminal()
        .then(|| rustix::termios::tcgetwinsize(&output).ok())??;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
