//! `hallway run`: one scenario, or one of its controls, check by check.

use std::process::ExitCode;

use hallway_evidence::Observations;
use hallway_grade::report::comparison::Comparison;
use hallway_grade::report::journey::{self, Pick};
use hallway_grade::report::{Styles, Terminal};
use hallway_grade::{ControlGrade, Grade, Outcome, Verdict};
use hallway_scenario::Ground;
use hallway_scenario::load::Loaded;

use crate::arguments::{On, Run};
use crate::catalogue::Catalogue;
use crate::conduct::Conductor;
use crate::conduct::judged::{Judged, evidence};
use crate::conduct::run::{Finished, Order, Programs};
use crate::failure::Failure;
use crate::{ground, next, report, runtime, shell};

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
    report::make_room(&arguments.options)?;
    let terminal = report::terminal([&loaded]);
    anstream::println!("{}", terminal.heading(&report::heading(on, seed)));

    let pick = arguments.explain.as_deref();
    let grounds = on.grounds().iter();
    let runs = grounds.map(|ground| conduct(catalogue, &terminal, &order(*ground), pick));
    let runs: Vec<Judged> = runs.collect::<Result<_, _>>()?;
    let mut code = runs.iter().map(Judged::code).max().unwrap_or(0);
    let took = runs.iter().map(|run| run.grade.took).sum();
    let grades: Vec<Grade> = runs.into_iter().map(|run| run.grade).collect();
    let mut comparisons = Vec::new();
    if let [simulated, processes] = &grades[..] {
        comparisons.push(Comparison::of(processes, simulated));
        code = code.max(report::print_comparisons(&comparisons, seed));
    }
    report::write(&arguments.options, &grades, &comparisons, took)?;
    if code == 0 && control.is_none() && pick.is_none() {
        print_next(&loaded);
    }
    Ok(ExitCode::from(code))
}

/// Makes one run, judges it, and says what came of it.
fn conduct(
    catalogue: &Catalogue,
    terminal: &Terminal,
    order: &Order<'_>,
    pick: Option<&str>,
) -> Result<Judged, Failure> {
    let finished = runtime::run(async |cancel| {
        Conductor::new(catalogue, order.ground, order.seed, cancel)?
            .run_one(order.loaded, order.control)
            .await
    })??;
    let judged = Judged::of(order, &finished);
    tell(terminal, order, &finished, &judged, pick)?;
    Ok(judged)
}

fn fingerprint(catalogue: &Catalogue, order: &Order<'_>) -> Result<ExitCode, Failure> {
    ground::insist(&order.loaded.scenario, order.ground)?;
    let finished = order.here(&Programs::find(catalogue)?, false);
    let finished = finished.map_err(|error| order.told(&error))?;
    let simulated = finished.simulated.expect("a simulation has a fingerprint");
    anstream::println!("{}", simulated.fingerprint);
    Ok(ExitCode::SUCCESS)
}

/// Says what came of a run, after the journey that `pick` asks for. When the lab failed, no journey is worth a look.
fn tell(
    terminal: &Terminal,
    order: &Order<'_>,
    finished: &Finished,
    judged: &Judged,
    pick: Option<&str>,
) -> Result<(), Failure> {
    let lab_failed = matches!(judged.grade.outcome, Outcome::LabFailed { .. });
    let pick = pick.filter(|_| !lab_failed);
    if let Some(pick) = pick {
        let evidence = evidence(order.loaded, order.control, &finished.observations);
        explain(order.loaded, &evidence, &judged.grade.verdicts, pick)?;
    }
    match &judged.control {
        Some(control) => print_control(terminal, order, control, pick.is_some()),
        None => print_scenario(terminal, order.ground, &judged.grade, pick.is_some()),
    }
    if let (Some(simulated), None) = (&finished.simulated, pick) {
        anstream::println!(
            "\n   {:.1} s{}, fingerprint {}",
            finished.took.as_secs_f64(),
            report::virtual_time(simulated.virtual_time),
            simulated.fingerprint
        );
    }
    Ok(())
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
fn print_scenario(terminal: &Terminal, ground: Ground, grade: &Grade, explained: bool) {
    if explained && grade.outcome != Outcome::Green {
        anstream::println!();
    }
    match &grade.outcome {
        Outcome::Green if explained => {}
        Outcome::Green => {
            let checks = terminal.checks(&grade.verdicts);
            anstream::print!("{}\n{checks}", terminal.scenario(grade));
        }
        // What is red is told below the scenario's line.
        Outcome::Red => {
            let held = grade.verdicts.iter().filter(|verdict| verdict.held).cloned();
            let held: Vec<Verdict> = held.collect();
            anstream::print!("{}\n{}", terminal.scenario(grade), terminal.checks(&held));
        }
        Outcome::LabFailed { .. } | Outcome::Skipped { .. } => {
            let advice = match ground {
                Ground::Processes => " Run it again.",
                // The same would come of it.
                Ground::Simulated => "",
            };
            anstream::print!("{}", terminal.scenario(grade));
            anstream::println!("\nThe lab itself failed, so this run proves nothing.{advice}");
        }
    }
}

/// Says what came of a control, which is meant to turn checks red: it succeeds when it does.
fn print_control(terminal: &Terminal, order: &Order<'_>, graded: &ControlGrade, explained: bool) {
    let name = &graded.control;
    if !explained {
        anstream::print!("{}", terminal.checks(&graded.verdicts));
    }
    if graded.holds() {
        let causes = order.loaded.scenario.controls[name].must_fail.iter();
        let causes: Vec<String> = causes
            .map(|(check, cause)| format!("{check} (`{cause}`)"))
            .collect();
        anstream::println!(
            "\n ✓ control {name} turned red what it should: {}",
            causes.join(", ")
        );
        return;
    }
    anstream::println!("\n ✗ control {name} did not do what it should:");
    for shortcoming in &graded.shortcomings {
        anstream::println!("     {shortcoming}");
    }
    anstream::println!("   replay: {}", order.command());
}

fn print_next(loaded: &Loaded) {
    let scenario = shell::quoted(&loaded.argument);
    let mut commands = vec![(
        format!("hallway run {scenario} --explain"),
        "one request's journey",
    )];
    if let Some((control, _)) = loaded.scenario.controls.first() {
        commands.push((
            format!("hallway run {scenario} --control {control}"),
            "the same with one thing spoilt",
        ));
        commands.push((format!("hallway grade {scenario}"), "with all controls"));
    }
    next::print(&commands);
}
