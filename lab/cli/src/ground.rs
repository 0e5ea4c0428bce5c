//! Where a scenario is asked to run, and whether it can.

use hallway_scenario::scenario::{Grounds, OnlyGround};
use hallway_scenario::{Ground, Scenario};

use crate::arguments::On;
use crate::failure::Failure;

impl On {
    /// The grounds that are asked for, the quick one first.
    pub(crate) fn grounds(self) -> &'static [Ground] {
        match self {
            Self::Processes => &[Ground::Processes],
            Self::Simulated => &[Ground::Simulated],
            Self::Both => &[Ground::Simulated, Ground::Processes],
        }
    }

    /// Where a scenario runs when nobody says: simulated if it can be.
    pub(crate) fn default_for(scenario: &Scenario) -> Self {
        if scenario.grounds.include(Ground::Simulated) {
            Self::Simulated
        } else {
            Self::Processes
        }
    }

    /// What the first line of a report says.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Processes => "real processes",
            Self::Simulated => "simulated ground",
            Self::Both => "both grounds",
        }
    }
}

/// The word for a ground on the command line.
pub(crate) fn word(ground: Ground) -> &'static str {
    match ground {
        Ground::Processes => "processes",
        Ground::Simulated => "simulated",
    }
}

/// Why a scenario does not run on `ground`; nothing if it does.
pub(crate) fn why_not(scenario: &Scenario, ground: Ground) -> Option<String> {
    if scenario.grounds.include(ground) {
        return None;
    }
    let reason = match &scenario.grounds {
        Grounds::Only(OnlyGround::Processes(reason) | OnlyGround::Simulated(reason)) => reason,
        Grounds::Listed(_) => "its file gives no reason",
    };
    Some(format!("runs on {} only: {reason}", word(other(ground))))
}

/// Insists that a scenario runs on `ground`.
///
/// # Errors
/// [`Failure::Input`], with the reason and what to type instead.
pub(crate) fn insist(scenario: &Scenario, ground: Ground) -> Result<(), Failure> {
    match why_not(scenario, ground) {
        None => Ok(()),
        Some(reason) => Err(Failure::input(format_args!(
            "{} {reason}\nrun or grade it with `--on {}`",
            scenario.scenario,
            word(other(ground))
        ))),
    }
}

fn other(ground: Ground) -> Ground {
    match ground {
        Ground::Processes => Ground::Simulated,
        Ground::Simulated => Ground::Processes,
    }
}
