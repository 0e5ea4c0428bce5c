//! `hallway run`: one scenario, or one of its controls, check by check.

use std::collections::BTreeMap;
use std::process::ExitCode;

use hallway_grade::control::grade_control;
use hallway_grade::report::journey::{self, Pick};
use hallway_grade::report::{Styles, Terminal};
use hallway_grade::{ControlGrade, Grade, Verdict, exit_code, tamper};
use hallway_scenario::load::Loaded;

use crate::arguments::{Options, Run};
use crate::catalogue::Catalogue;
use crate::commands::grade::{heading, terminal, write_reports};
use crate::conduct::{Conductor, Finished};
use crate::failure::Failure;
use crate::runtime;

/// Runs the scenario that was asked for, or one of its controls.
pub(crate) fn run(catalogue: &Catalogue, arguments: &Run) -> Result<ExitCode, Failure> {
    let loaded = catalogue.load(&arguments.scenario)?;
    let control = arguments
        .control
        .as_deref()
        .map(|name| known_control(&loaded, name))
        .transpose()?;
    let Options { on, seed, report } = &arguments.options;
    let terminal = terminal([(loaded.name.as_str(), loaded.scenario.title.as_str())]);
    anstream::println!("{}", terminal.heading(&heading(*seed)));

    let mut finished = runtime::run(async |cancel| {
        Conductor::new(catalogue, *on, *seed, cancel)?
            .run_one(&loaded, control)
            .await
    })??;
    if let Some(evidence) = control.and_then(|name| loaded.scenario.controls[name].evidence) {
        finished.observations = tamper(&finished.observations, evidence);
    }
    let observed = finished.observed();
    let grade = hallway_grade::grade(&loaded.scenario, observed, &BTreeMap::new(), finished.took);
    if let Some(pick) = &arguments.explain {
        return explain(&loaded, &finished, &grade.verdicts, pick);
    }
    if let Some(directory) = report {
        write_reports(directory, std::slice::from_ref(&grade), finished.took)?;
    }
    match control {
        Some(name) => Ok(print_control(&terminal, &loaded, name, &finished, &grade)),
        None => Ok(print_scenario(&terminal, &loaded, &grade)),
    }
}

fn known_control<'a>(loaded: &'a Loaded, name: &str) -> Result<&'a str, Failure> {
    let controls = &loaded.scenario.controls;
    controls
        .get_key_value(name)
        .map(|(name, _)| name.as_str())
        .ok_or_else(|| {
            let names = hallway_yaml::suggest::all_of(controls.keys().map(String::as_str));
            Failure::input(format_args!(
                "{} has no control `{name}`; it has {names}",
                loaded.name
            ))
        })
}

fn explain(
    loaded: &Loaded,
    finished: &Finished,
    verdicts: &[Verdict],
    words: &str,
) -> Result<ExitCode, Failure> {
    let words = Some(words).filter(|words| !words.is_empty());
    let pick = Pick::parse(words, &loaded.scenario);
    let journey = journey::explain(&loaded.scenario, &finished.observations, verdicts, &pick)
        .map_err(Failure::input)?;
    anstream::print!("{}", journey.text(&Styles::coloured()));
    Ok(ExitCode::SUCCESS)
}

fn print_scenario(terminal: &Terminal, loaded: &Loaded, grade: &Grade) -> ExitCode {
    anstream::print!(
        "{}\n{}",
        terminal.scenario(grade),
        terminal.checks(&grade.verdicts)
    );
    if let Some((control, _)) = loaded.scenario.controls.first() {
        anstream::println!(
            "\nNext:  hallway run {name} --explain    one request's journey\n       \
             hallway run {name} --control {control}    the same with one thing spoilt\n       \
             hallway grade {name}    with all controls",
            name = loaded.name
        );
    }
    ExitCode::from(exit_code(
        std::slice::from_ref(grade),
        hallway_grade::Skips::Forbidden,
    ))
}

/// A control is meant to turn checks red: it succeeds when it does.
fn print_control(
    terminal: &Terminal,
    loaded: &Loaded,
    name: &str,
    finished: &Finished,
    grade: &Grade,
) -> ExitCode {
    let scenario = &loaded.scenario;
    let control = &scenario.controls[name];
    let graded: ControlGrade = grade_control(scenario, name, control, &finished.observations, finished.took);
    anstream::println!("control {name} of {}", loaded.name);
    anstream::print!("{}", terminal.checks(&grade.verdicts));
    for (check, cause) in &control.must_fail {
        anstream::println!("   {check} is meant to fail here: `{cause}`");
    }
    for shortcoming in &graded.shortcomings {
        anstream::println!(" ✗ {shortcoming}");
    }
    let code = match (graded.holds(), graded.lab_failed()) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 3,
    };
    ExitCode::from(code)
}
