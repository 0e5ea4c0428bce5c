//! `hallway explore`: searches for a seed that breaks a scenario.

use std::process::ExitCode;

use hallway_grade::report::Terminal;
use hallway_scenario::Ground;

use crate::arguments::Explore;
use crate::catalogue::Catalogue;
use crate::conduct::cores;
use crate::conduct::judged::Judged;
use crate::conduct::run::{Order, Programs, RunError};
use crate::failure::Failure;
use crate::progress::Search;
use crate::{ground, report};

/// What a seed broke.
enum Broken {
    /// The run ended, and is red.
    Judged(Box<Judged>),
    /// The run did not end.
    Ended(RunError),
}

/// Tries seeds until one of them makes the scenario red, or its control prove nothing.
pub(crate) fn explore(catalogue: &Catalogue, arguments: &Explore) -> Result<ExitCode, Failure> {
    let (loaded, control) = catalogue.find_subject(&arguments.subject)?;
    ground::insist(&loaded.scenario, Ground::Simulated)?;
    let last = arguments.from.checked_add(arguments.seeds).ok_or_else(|| {
        Failure::input(format_args!(
            "there are no {} seeds from {} on",
            arguments.seeds, arguments.from
        ))
    })?;
    let programs = Programs::find(catalogue)?;
    let order = |seed| Order {
        loaded: &loaded,
        control: control.as_deref(),
        ground: Ground::Simulated,
        seed,
    };
    let search = Search::begin(arguments.seeds);
    let found = hallway_world::explore(
        arguments.from..last,
        cores(),
        |seed| attempt(&order(seed), &programs),
        || search.tried(),
    );
    let tried = search.end();
    let Some((seed, broken)) = found else {
        anstream::println!(
            "{}: {tried} seeds, and none breaks it",
            order(arguments.from).name()
        );
        return Ok(ExitCode::SUCCESS);
    };
    anstream::println!("{}: broken by seed {seed}; tried {tried}\n", order(seed).name());
    tell(&report::terminal([&loaded]), &order(seed), broken)
}

fn attempt(order: &Order<'_>, programs: &Programs) -> Option<Broken> {
    match order.here(programs, false) {
        Err(error) => Some(Broken::Ended(error)),
        Ok(finished) => {
            let judged = Judged::of(order, &finished);
            (judged.code() != 0).then(|| Broken::Judged(Box::new(judged)))
        }
    }
}

fn tell(terminal: &Terminal, order: &Order<'_>, broken: Broken) -> Result<ExitCode, Failure> {
    let judged = match broken {
        Broken::Judged(judged) => judged,
        Broken::Ended(error @ RunError::Panicked(_)) => {
            anstream::println!("{}", order.words(&error));
            return Ok(ExitCode::from(1));
        }
        Broken::Ended(error) => return Err(order.told(&error)),
    };
    match &judged.control {
        None => anstream::print!("{}", terminal.scenario(&judged.grade)),
        Some(control) => {
            for shortcoming in &control.shortcomings {
                anstream::println!(" ✗ {shortcoming}");
            }
            anstream::println!("   replay: {}", order.command());
        }
    }
    anstream::println!("\nEvent by event: {}", order.replay());
    Ok(ExitCode::from(1))
}
