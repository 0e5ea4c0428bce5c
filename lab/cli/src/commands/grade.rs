//! `hallway grade`, and `hallway` without a command: scenarios with all their controls.

use std::io::IsTerminal;
use std::process::ExitCode;

use hallway_grade::report::terminal::Heading;
use hallway_grade::report::{Styles, Terminal, json, junit};
use hallway_grade::{Grade, Skips, exit_code};
use hallway_scenario::load::Loaded;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

use crate::arguments::{Grade as Arguments, Options};
use crate::catalogue::{self, Catalogue};
use crate::conduct::Conductor;
use crate::failure::{Failure, worst};
use crate::runtime;

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Grades every scenario, and says what to try next.
pub(crate) fn grade_all(catalogue: &Catalogue) -> Result<ExitCode, Failure> {
    let code = grade(catalogue, &Arguments::default())?;
    anstream::println!(
        "\nNext:  hallway run first-two-fail --explain    one request's journey\n       \
         hallway run first-hop                    what a mesh does to a call\n       \
         hallway list                             all scenarios, and what each teaches"
    );
    Ok(code)
}

/// Grades the scenarios that were asked for, or all.
pub(crate) fn grade(catalogue: &Catalogue, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let scenarios = chosen(catalogue, &arguments.names)?;
    let Options { on, seed, report } = &arguments.options;
    let by_name = !arguments.names.is_empty();

    let names = scenarios
        .iter()
        .map(|loaded| (loaded.name.as_str(), loaded.scenario.title.as_str()));
    let terminal = terminal(names);
    anstream::println!("{}", terminal.heading(&heading(*seed)));

    let (mut grades, mut failures) = (Vec::new(), Vec::new());
    let took = runtime::run(async |cancel| {
        let conductor = Conductor::new(catalogue, *on, *seed, cancel)?;
        let started = Instant::now();
        let each = |outcome: Result<Grade, Failure>| match outcome {
            Ok(grade) => {
                anstream::print!("{}", terminal.scenario(&grade));
                grades.push(grade);
            }
            Err(failure) => {
                anstream::eprintln!("{failure}");
                failures.push(failure);
            }
        };
        conductor.grade_all(&scenarios, each).await;
        Ok::<_, Failure>(started.elapsed())
    })??;
    anstream::print!("\n{}", terminal.totals(&grades, took));
    if let Some(directory) = report {
        write_reports(directory, &grades, took)?;
    }
    Ok(ExitCode::from(worst(
        exit_code(&grades, skips(by_name)),
        &failures,
    )))
}

/// Writes `report.json` and `junit.xml` into `directory`, which is made if it is not there.
pub(crate) fn write_reports(directory: &Path, grades: &[Grade], took: Duration) -> Result<(), Failure> {
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text);
    std::fs::create_dir_all(directory)
        .and_then(|()| write("report.json", json::text(grades, VERSION, took)))
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
pub(crate) fn skips(by_name: bool) -> Skips {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    if by_name || in_ci {
        Skips::Forbidden
    } else {
        Skips::Allowed
    }
}

fn chosen(catalogue: &Catalogue, names: &[String]) -> Result<Vec<Loaded>, Failure> {
    if names.is_empty() {
        return catalogue
            .directories()?
            .iter()
            .map(|directory| catalogue::load(directory))
            .collect();
    }
    names.iter().map(|name| catalogue.load(name)).collect()
}

fn terminal_width() -> Option<usize> {
    let output = std::io::stdout();
    let size = output
        .is_terminal()
        .then(|| rustix::termios::tcgetwinsize(&output).ok())??;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
