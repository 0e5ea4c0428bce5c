//! `hallway run`: one scenario, or one of its controls, check by check.

use std::collections::BTreeMap;
use std::process::ExitCode;

use hallway_evidence::Observations;
use hallway_grade::control::grade_control;
use hallway_grade::report::journey::{self, Pick};
use hallway_grade::report::{Styles, Terminal};
use hallway_grade::{ControlGrade, Grade, Observed, Outcome, Skips, Verdict, exit_code, tamper};
use hallway_scenario::Control;
use hallway_scenario::load::Loaded;

use crate::arguments::{Options, Run};
use crate::catalogue::Catalogue;
use crate::commands::grade::{heading, make_room_for_reports, terminal, write_reports};
use crate::conduct::{Conductor, Finished};
use crate::failure::Failure;
use crate::{rules, runtime};

/// Runs the scenario that was asked for, or one of its controls.
pub(crate) fn run(catalogue: &Catalogue, arguments: &Run) -> Result<ExitCode, Failure> {
    let loaded = catalogue.load(&arguments.scenario)?;
    let control = arguments
        .control
        .as_deref()
        .map(|name| known_control(&loaded, name))
        .transpose()?;
    let effective = control.map_or(&loaded.scenario, |name| &loaded.controls[name]);
    rules::admit(&loaded.directory, effective)?;
    make_room_for_reports(&arguments.options)?;
    let terminal = terminal([(loaded.name.as_str(), loaded.scenario.title.as_str())]);
    anstream::println!("{}", terminal.heading(&heading(arguments.options.seed)));

    let Finished { observations, took } = execute(catalogue, &arguments.options, &loaded, control)?;
    let evidence = control.and_then(|name| loaded.scenario.controls[name].evidence);
    let spoilt = evidence.map(|evidence| tamper(&observations, evidence));
    let judged = spoilt.as_ref().unwrap_or(&observations);
    let observed = Observed {
        observations: judged,
        took,
    };
    let grade = hallway_grade::grade(&loaded.scenario, observed, &BTreeMap::new(), took);
    write_reports(&arguments.options, std::slice::from_ref(&grade), took)?;
    let lab_failed = matches!(grade.outcome, Outcome::LabFailed { .. });
    let pick = arguments.explain.as_deref().filter(|_| !lab_failed);
    if let Some(pick) = pick {
        explain(&loaded, judged, &grade.verdicts, pick)?;
    }
    Ok(match control {
        Some(name) => {
            let control = &loaded.scenario.controls[name];
            let graded = grade_control(&loaded.scenario, name, control, &observations, took);
            print_control(&terminal, control, &graded, pick.is_some())
        }
        None => print_scenario(&terminal, arguments, &loaded, &grade, pick.is_some()),
    })
}

fn execute(
    catalogue: &Catalogue,
    options: &Options,
    loaded: &Loaded,
    control: Option<&str>,
) -> Result<Finished, Failure> {
    runtime::run(async |cancel| {
        Conductor::new(catalogue, options.on, options.seed, cancel)?
            .run_one(loaded, control)
            .await
    })?
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
    observations: &Observations,
    verdicts: &[Verdict],
    words: &str,
) -> Result<(), Failure> {
    let words = Some(words).filter(|words| !words.is_empty());
    let pick = Pick::parse(words, &loaded.scenario);
    let journey =
        journey::explain(&loaded.scenario, observations, verdicts, &pick).map_err(Failure::input)?;
    anstream::print!("{}", journey.text(&Styles::coloured()));
    Ok(())
}

/// Says what came of the scenario; after a journey, only if that is not what it should be.
fn print_scenario(
    terminal: &Terminal,
    arguments: &Run,
    loaded: &Loaded,
    grade: &Grade,
    explained: bool,
) -> ExitCode {
    if explained && grade.outcome != Outcome::Green {
        anstream::println!();
    }
    match &grade.outcome {
        Outcome::Green if explained => {}
        Outcome::Green => {
            anstream::print!(
                "{}\n{}",
                terminal.scenario(grade),
                terminal.checks(&grade.verdicts)
            );
            print_next(&arguments.scenario, loaded);
        }
        // What is red is told below the scenario's line.
        Outcome::Red => {
            let held = grade.verdicts.iter().filter(|verdict| verdict.held).cloned();
            let held: Vec<Verdict> = held.collect();
            anstream::print!("{}\n{}", terminal.scenario(grade), terminal.checks(&held));
        }
        Outcome::LabFailed { .. } | Outcome::Skipped { .. } => {
            anstream::print!("{}", terminal.scenario(grade));
            anstream::println!("\nThe lab itself failed, so this run proves nothing. Run it again.");
        }
    }
    ExitCode::from(exit_code(std::slice::from_ref(grade), Skips::Forbidden))
}

/// `asked` is how the scenario was named on the command line.
fn print_next(asked: &str, loaded: &Loaded) {
    anstream::println!("\nNext:  hallway run {asked} --explain    one request's journey");
    if let Some((control, _)) = loaded.scenario.controls.first() {
        anstream::println!(
            "       hallway run {asked} --control {control}    the same with one thing spoilt\n       \
             hallway grade {asked}    with all controls"
        );
    }
}

/// Says what came of a control, which is meant to turn checks red: it succeeds when it does.
fn print_control(terminal: &Terminal, control: &Control, graded: &ControlGrade, explained: bool) -> ExitCode {
    let name = &graded.control;
    if !explained {
        anstream::print!("{}", terminal.checks(&graded.verdicts));
    }
    if graded.holds() {
        let causes = control.must_fail.iter();
        let causes: Vec<String> = causes
            .map(|(check, cause)| format!("{check} (`{cause}`)"))
            .collect();
        anstream::println!(
            "\n ✓ control {name} turned red what it should: {}",
            causes.join(", ")
        );
        return ExitCode::SUCCESS;
    }
    anstream::println!("\n ✗ control {name} did not do what it should:");
    for shortcoming in &graded.shortcomings {
        anstream::println!("     {shortcoming}");
    }
    ExitCode::from(if graded.lab_failed() { 3 } else { 1 })
}
