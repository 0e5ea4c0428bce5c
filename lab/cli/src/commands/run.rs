//! `hallway run`: one scenario, or one of its controls, check by check.

use std::process::ExitCode;

use hallway_evidence::Observations;
use hallway_grade::report::comparison::Comparison;
use hallway_grade::report::journey::{self, Pick};
use hallway_grade::report::{Styles, Terminal};
use hallway_grade::{Grade, Verdict};
use hallway_scenario::Ground;
use hallway_scenario::load::Loaded;

use crate::arguments::{On, Run};
use crate::catalogue::Catalogue;
use crate::conduct::Conductor;
use crate::conduct::judged::{Judged, evidence};
use crate::conduct::run::{Finished, Order, Programs};
use crate::failure::Failure;
use crate::{ground, report, runtime};

/// Runs the scenario that was asked for, or one of its controls.
pub(crate) fn run(catalogue: &Catalogue, arguments: &Run) -> Result<ExitCode, Failure> {
    let (loaded, control) = catalogue.find_subject(&arguments.subject)?;
    let on = arguments.on.unwrap_or_else(|| On::default_for(&loaded.scenario));
    let seed = arguments.options.seed;
    let order = |ground| Order {
        loaded: &loaded,
        control: control.as_deref(),
        ground,
        seed,
    };
    if arguments.fingerprint {
        return fingerprint(catalogue, &order(Ground::Simulated));
    }
    for ground in on.grounds() {
        ground::insist(&loaded.scenario, *ground)?;
    }
    let terminal = report::terminal([&loaded]);
    anstream::println!("{}", terminal.heading(&report::heading(on, seed)));

    let mut runs = Vec::new();
    for ground in on.grounds() {
        let order = order(*ground);
        let finished = conduct(catalogue, &order)?;
        let judged = Judged::of(&order, &finished);
        if let Some(pick) = &arguments.explain {
            let evidence = evidence(&loaded, order.control, &finished.observations);
            explain(&loaded, &evidence, &judged.grade.verdicts, pick)?;
        } else {
            print(&terminal, &order, &finished, &judged);
        }
        runs.push(judged);
    }
    let mut code = runs.iter().map(Judged::code).max().unwrap_or(0);
    let took = runs.iter().map(|run| run.grade.took).sum();
    let grades: Vec<Grade> = runs.into_iter().map(|run| run.grade).collect();
    let mut comparisons = Vec::new();
    if let [simulated, processes] = &grades[..] {
        comparisons.push(Comparison::of(processes, simulated));
        code = code.max(report::print_comparisons(&comparisons, seed));
    }
    if let Some(directory) = &arguments.options.report {
        report::write(directory, &grades, &comparisons, took)?;
    }
    match (&arguments.explain, &comparisons[..]) {
        // A journey was asked for and shown, whatever the verdicts are.
        (Some(_), []) => Ok(ExitCode::SUCCESS),
        (None, []) if control.is_none() => {
            next_steps(&loaded);
            Ok(ExitCode::from(code))
        }
        _ => Ok(ExitCode::from(code)),
    }
}

fn conduct(catalogue: &Catalogue, order: &Order<'_>) -> Result<Finished, Failure> {
    runtime::run(async |cancel| {
        Conductor::new(catalogue, order.ground, order.seed, cancel)?
            .run_one(order.loaded, order.control)
            .await
    })?
}

fn fingerprint(catalogue: &Catalogue, order: &Order<'_>) -> Result<ExitCode, Failure> {
    ground::insist(&order.loaded.scenario, order.ground)?;
    let finished = order.here(&Programs::find(catalogue)?, false);
    let finished = finished.map_err(|error| order.told(&error))?;
    let simulated = finished.simulated.expect("a simulation has a fingerprint");
    anstream::println!("{}", simulated.fingerprint);
    Ok(ExitCode::SUCCESS)
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

fn print(terminal: &Terminal, order: &Order<'_>, finished: &Finished, judged: &Judged) {
    match &judged.control {
        None => anstream::print!("{}", terminal.scenario(&judged.grade)),
        Some(control) => {
            anstream::println!("control {} of {}", control.control, order.loaded.name);
        }
    }
    anstream::print!("{}", terminal.checks(&judged.grade.verdicts));
    if let (Some(graded), Some(name)) = (&judged.control, order.control) {
        for (check, cause) in &order.loaded.scenario.controls[name].must_fail {
            anstream::println!("   {check} is meant to fail here: `{cause}`");
        }
        for shortcoming in &graded.shortcomings {
            anstream::println!(" ✗ {shortcoming}");
        }
        if !graded.holds() {
            anstream::println!("   replay: {}", order.command());
        }
    }
    if let Some(simulated) = &finished.simulated {
        let virtual_time = report::virtual_time(simulated.virtual_time);
        anstream::println!(
            "   {:.1} s{virtual_time}, fingerprint {}",
            finished.took.as_secs_f64(),
            simulated.fingerprint
        );
    }
}

fn next_steps(loaded: &Loaded) {
    if let Some((control, _)) = loaded.scenario.controls.first() {
        anstream::println!(
            "\nNext:  hallway run {name} --explain    one request's journey\n       \
             hallway run {name} --control {control}    the same with one thing spoilt\n       \
             hallway grade {name}    with all controls",
            name = loaded.name
        );
    }
}
