//! What commands print and write of grades.

use std::io::IsTerminal;
use std::time::Duration;

use hallway_grade::report::comparison::{self, Comparison};
use hallway_grade::report::terminal::Heading;
use hallway_grade::report::{Matrix, Styles, Terminal, json, junit};
use hallway_grade::{Grade, Outcome, Skips};
use hallway_scenario::Ground;
use hallway_scenario::load::Loaded;

use crate::arguments::{On, Options};
use crate::failure::Failure;
use crate::shell;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The layout for this terminal; colours are taken out again by `anstream` where they do not belong.
pub(crate) fn terminal<'a>(scenarios: impl IntoIterator<Item = &'a Loaded>) -> Terminal {
    let scenarios: Vec<&Loaded> = scenarios.into_iter().collect();
    let names = scenarios
        .iter()
        .map(|loaded| (loaded.name.as_str(), loaded.scenario.title.as_str()));
    let terminal = Terminal::new(Styles::coloured(), terminal_width(), names);
    scenarios.iter().fold(terminal, |terminal, loaded| {
        terminal.calling(&loaded.name, shell::quoted(&loaded.argument))
    })
}

/// The first line of every report.
pub(crate) fn heading(on: On, seed: u64) -> Heading<'static> {
    Heading {
        version: VERSION,
        ground: on.words(),
        seed,
    }
}

/// `(38 virtual minutes)`; nothing when no virtual time has passed.
pub(crate) fn virtual_time(passed: Duration) -> String {
    let seconds = passed.as_secs();
    match seconds {
        0 => String::new(),
        1..120 => format!(" ({seconds} virtual seconds)"),
        120..7200 => format!(" ({} virtual minutes)", seconds / 60),
        _ => format!(" ({:.1} virtual hours)", passed.as_secs_f64() / 3600.0),
    }
}

/// Makes the directory for reports, if one is asked for. Done first, so that nobody waits for a report in vain.
pub(crate) fn make_room(options: &Options) -> Result<(), Failure> {
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

/// Whether this is continuous integration, where nothing may be missing.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// A scenario that cannot run here is an error when somebody asked for just that one, and in continuous integration.
pub(crate) fn skips(by_name: bool) -> Skips {
    if by_name || in_ci() {
        Skips::Forbidden
    } else {
        Skips::Allowed
    }
}

/// Says why the exit code will not be 0 although nothing is red.
pub(crate) fn tell_forbidden_skips(grades: &[Grade], skips: Skips) {
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

/// Prints what came of the same scenarios on both grounds, and returns the exit code: 1 if the grounds disagree about anything.
pub(crate) fn print_comparisons(comparisons: &[Comparison], seed: u64) -> u8 {
    anstream::print!("\n{}", comparison::table(comparisons, &Styles::coloured()));
    let differing: Vec<&Comparison> = comparisons
        .iter()
        .filter(|comparison| comparison.disagreements().next().is_some())
        .collect();
    for Comparison { scenario, .. } in &differing {
        anstream::eprintln!(
            "error: the grounds disagree about {scenario}: one of them is wrong about what the mesh does\n\
             replay: hallway grade {scenario} --on both --seed {seed}"
        );
    }
    u8::from(!differing.is_empty())
}

/// Prints what came of scenarios under each of their deployments.
pub(crate) fn print_matrices(matrices: &[Matrix]) {
    for matrix in matrices {
        anstream::print!("{}", matrix.table(&Styles::coloured()));
    }
}

/// Writes `NAME.GROUND.md` for each scenario with deployments, if reports are asked for.
pub(crate) fn write_matrices(options: &Options, ground: Ground, matrices: &[Matrix]) -> Result<(), Failure> {
    let Some(directory) = &options.report else {
        return Ok(());
    };
    let ground = match ground {
        Ground::Processes => "processes",
        Ground::Simulated => "simulated",
    };
    for matrix in matrices {
        let file = directory.join(format!("{}.{ground}.md", matrix.scenario));
        std::fs::write(&file, matrix.markdown()).map_err(|error| {
            Failure::input(format_args!(
                "cannot write the matrix {}: {error}",
                file.display()
            ))
        })?;
    }
    Ok(())
}

/// Writes `report.json` and `junit.xml`, and `comparison.json` where two grounds were compared, if they are asked for.
pub(crate) fn write(
    options: &Options,
    grades: &[Grade],
    comparisons: &[Comparison],
    took: Duration,
) -> Result<(), Failure> {
    let Some(directory) = &options.report else {
        return Ok(());
    };
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text);
    write("report.json", json::text(grades, VERSION, took))
        .and_then(|()| write("junit.xml", junit::text(grades, took)))
        .and_then(|()| match comparisons {
            [] => Ok(()),
            comparisons => write("comparison.json", comparison::json(comparisons)),
        })
        .map_err(|error| {
            Failure::input(format_args!(
                "cannot write the report into {}: {error}",
                directory.display()
            ))
        })
}

/// How many characters fit into a line of this terminal; nothing where it is none, or does not tell.
pub(crate) fn terminal_width() -> Option<usize> {
    let output = std::io::stdout();
    let size = output
        .is_terminal()
        .then(|| rustix::termios::tcgetwinsize(&output).ok())??;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::virtual_time;

    #[test]
    fn virtual_time_is_told_in_its_own_measure() {
        let words = [0, 82, 38 * 60, 27_720].map(|seconds| virtual_time(Duration::from_secs(seconds)));
        assert_eq!(
            words,
            [
                "",
                " (82 virtual seconds)",
                " (38 virtual minutes)",
                " (7.7 virtual hours)"
            ]
        );
    }
}
