//! `hallway grade`, and `hallway` without a command: scenarios with all their controls.

use std::iter::once;
use std::process::ExitCode;
use std::time::Duration;

use hallway_grade::report::comparison::Comparison;
use hallway_grade::report::{Matrix, Terminal};
use hallway_grade::{Grade, exit_code};
use hallway_scenario::Ground;
use hallway_scenario::load::Loaded;
use tokio::time::Instant;

use crate::arguments::{DEFAULT_SEED, Grade as Arguments, On};
use crate::catalogue::Catalogue;
use crate::conduct::{Conductor, Graded};
use crate::failure::{Failure, worst};
use crate::{ground, next, report, rules, runtime};

/// What runs on processes too when nobody says what to run: a first call with two languages, and a push under load.
const ON_PROCESSES: [&str; 2] = ["first-hop", "canary-weights"];

/// What came of some scenarios on one ground.
#[derive(Default)]
struct Pass {
    grades: Vec<Grade>,
    /// Why others have no grade; they have been told.
    failures: Vec<Failure>,
    took: Duration,
    virtual_time: Duration,
}

/// What to try after grading: the scenario that it takes, the command, and what that shows.
const HINTS: [(&str, &str, &str); 3] = [
    (
        "first-two-fail",
        "hallway run first-two-fail --explain",
        "one request's journey",
    ),
    ("first-hop", "hallway run first-hop", "what a mesh does to a call"),
    (
        "first-hop",
        "hallway learn",
        "the guided path, from the beginning",
    ),
];

/// Grades every scenario simulated and a few on processes, and says what to try next.
pub(crate) fn grade_all(catalogue: &Catalogue) -> Result<ExitCode, Failure> {
    let scenarios = chosen(catalogue, &[])?;
    let mut code = grade_on(catalogue, &scenarios, Ground::Simulated, DEFAULT_SEED)?.code(false);
    let few: Vec<Loaded> = scenarios
        .into_iter()
        .filter(|loaded| ON_PROCESSES.contains(&loaded.name.as_str()))
        .collect();
    if !few.is_empty() {
        anstream::println!();
        let processes = grade_on(catalogue, &few, Ground::Processes, DEFAULT_SEED)?;
        code = code.max(processes.code(false));
    }
    print_next(catalogue)?;
    Ok(ExitCode::from(code))
}

fn print_next(catalogue: &Catalogue) -> Result<(), Failure> {
    let mut commands = Vec::new();
    for (scenario, command, shows) in HINTS {
        if catalogue.holds(scenario)? {
            commands.push((command, shows));
        }
    }
    commands.push(("hallway grade --on both", "everything on both grounds, compared"));
    commands.push(("hallway list", "all scenarios, and what each teaches"));
    next::print(&commands);
    Ok(())
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
    report::make_room(options)?;
    let mut passes = Vec::new();
    for ground in arguments.on.grounds() {
        if !passes.is_empty() {
            anstream::println!();
        }
        let pass = grade_on(catalogue, &scenarios, *ground, options.seed)?;
        let matrices = matrices(&scenarios, &pass.grades);
        if by_name {
            report::print_matrices(&matrices);
        }
        report::write_matrices(options, *ground, &matrices)?;
        passes.push(pass);
    }
    let mut code = passes.iter().map(|pass| pass.code(by_name)).max().unwrap_or(0);
    let mut comparisons = Vec::new();
    if let [simulated, processes] = &passes[..] {
        comparisons = compare(simulated, processes);
        code = code.max(report::print_comparisons(&comparisons, options.seed));
    }
    let took = passes.iter().map(|pass| pass.took).sum();
    let grades: Vec<Grade> = passes.into_iter().flat_map(|pass| pass.grades).collect();
    report::write(options, &grades, &comparisons, took)?;
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

    let pass = conduct(catalogue, &here, ground, seed, &terminal)?;
    for loaded in elsewhere {
        let why = ground::why_not(&loaded.scenario, ground).unwrap_or_default();
        anstream::println!("   {} {why}", loaded.name);
    }
    let totals = terminal.totals(&pass.grades, pass.took);
    let virtual_time = report::virtual_time(pass.virtual_time);
    anstream::println!("\n{}{virtual_time}", totals.trim_end());
    Ok(pass)
}

/// Grades `scenarios`, and tells of each as soon as it is done.
fn conduct(
    catalogue: &Catalogue,
    scenarios: &[&Loaded],
    ground: Ground,
    seed: u64,
    terminal: &Terminal,
) -> Result<Pass, Failure> {
    let mut pass = Pass::default();
    let mut interrupted = false;
    pass.took = runtime::run(async |cancel| {
        let conductor = Conductor::new(catalogue, ground, seed, cancel)?;
        let started = Instant::now();
        let each = |outcome: Result<Graded, Failure>| match outcome {
            Ok(graded) => {
                anstream::print!("{}", terminal.scenario(&graded.grade));
                pass.virtual_time += graded.virtual_time;
                pass.grades.push(graded.grade);
            }
            // Every scenario that was not done yet says so.
            Err(Failure::Interrupted) => interrupted = true,
            Err(failure) => {
                anstream::eprintln!("{failure}");
                pass.failures.push(failure);
            }
        };
        conductor.grade_all(scenarios, each).await;
        Ok::<_, Failure>(started.elapsed())
    })??;
    if interrupted {
        return Err(Failure::Interrupted);
    }
    Ok(pass)
}

/// Those of the scenarios that declare deployments.
fn matrices(scenarios: &[Loaded], grades: &[Grade]) -> Vec<Matrix> {
    let of = |grade: &Grade| {
        let loaded = scenarios.iter().find(|loaded| loaded.name == grade.scenario)?;
        Matrix::of(&loaded.scenario, grade)
    };
    grades.iter().filter_map(of).collect()
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

/// The scenarios of these names, or all. Their rules have been checked.
fn chosen(catalogue: &Catalogue, names: &[String]) -> Result<Vec<Loaded>, Failure> {
    let scenarios: Vec<Loaded> = if names.is_empty() {
        catalogue.all()?
    } else {
        names
            .iter()
            .map(|name| catalogue.load(name))
            .collect::<Result<_, _>>()?
    };
    for loaded in &scenarios {
        for scenario in once(&loaded.scenario).chain(loaded.controls.values()) {
            rules::admit(&loaded.files, scenario)?;
        }
    }
    Ok(scenarios)
}

impl Pass {
    /// The exit code; says why, where that is not to be seen in the table.
    fn code(&self, by_name: bool) -> u8 {
        let skips = report::skips(by_name);
        report::tell_forbidden_skips(&self.grades, skips);
        worst(exit_code(&self.grades, skips), &self.failures)
    }
}
