//! `hallway bench teams`: what one decision about retries costs four teams, and what it costs with a mesh.

use std::process::ExitCode;
use std::time::Duration;

use hallway_scenario::Ground;
use hallway_world::Options;
use hallway_world::measure::Spread;
use hallway_world::measure::teams::{Caller, Figures, Order, Team, WithMesh, WithoutMesh};
use tokio_util::sync::CancellationToken;

use super::{failed, json, note_build, options};
use crate::arguments::BenchTeams;
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::runtime;

const FULL: Order = Order {
    interval: Duration::from_millis(50),
    steady: Duration::from_secs(5),
};

const QUICK: Order = Order {
    interval: Duration::from_millis(200),
    steady: Duration::from_secs(2),
};

/// Measures, and prints tables or JSON.
pub(crate) fn teams(catalogue: &Catalogue, arguments: &BenchTeams) -> Result<ExitCode, Failure> {
    let order = if arguments.quick { QUICK } else { FULL };
    let options = Options {
        languages: catalogue.languages()?,
        ..options(Ground::Processes)?
    };
    let measuring = async |cancel: CancellationToken| {
        hallway_world::measure::teams::teams(&options, order, &cancel)
            .await
            .map_err(failed)
    };
    let figures = runtime::run(measuring)??;
    if arguments.json {
        anstream::println!("{}", json(&figures));
    } else {
        anstream::println!("{}", told(&figures));
        note_build("bench teams");
    }
    Ok(ExitCode::SUCCESS)
}

fn told(figures: &Figures) -> String {
    let order = format!(
        "Decided: {} attempts in all, not three. Real processes; each caller gets {:.0} requests per second, and its callee answers 503 to everything.",
        figures.attempts_wanted, figures.requests_per_second
    );
    [
        order,
        without_mesh(&figures.without_mesh),
        with_mesh(&figures.with_mesh),
        NOTES.to_owned(),
    ]
    .join("\n\n")
}

const NOTES: &str = "Attempts per call are counted in the callee's ledger; several numbers are the least and the most. Wrong: requests that were answered between the \
    decision and its end, and of which the GET was not attempted as often as was decided. Unanswered: requests, in the whole run, that met a service that was not there.\n\
    What people need for it is not in these figures: to find the four modules, to agree, to review and to release.";

fn without_mesh(without: &WithoutMesh) -> String {
    let rows = without.teams.iter().map(team_row).collect::<Vec<_>>().join("\n");
    let sum = |of: fn(&Team) -> usize| without.teams.iter().map(of).sum::<usize>();
    format!(
        "{:<14} {:>12} {:>12} {:>6} {:>6} {:>7} {:>9} {:>9} {:>11} {:>11}\n{rows}\n{:<40} {:>6} {:>6} {:>7} {:>9} {:>9} {:>11} {:>11}\n\n{}",
        "without a mesh",
        "GET",
        "POST",
        "files",
        "lines",
        "builds",
        "restarts",
        "seconds",
        "wrong",
        "unanswered",
        "  all, one after the other",
        sum(|team| team.change.files),
        sum(|team| team.change.lines_added),
        sum(|team| team.builds as usize),
        sum(|team| team.restarts as usize),
        format!("{:.2}", without.seconds),
        format!(
            "{}/{}",
            sum(|team| team.caller.wrong_meanwhile),
            sum(|team| team.caller.meanwhile)
        ),
        sum(|team| team.unanswered),
        without
            .teams
            .iter()
            .map(|team| team.change.diff.as_str())
            .collect::<String>()
            .trim_end(),
    )
}

fn team_row(team: &Team) -> String {
    let Caller {
        wrong_meanwhile,
        meanwhile,
        ..
    } = team.caller;
    format!(
        "{} {:>6} {:>6} {:>7} {:>9} {:>9} {:>11} {:>11}",
        attempts(&team.caller),
        team.change.files,
        team.change.lines_added,
        team.builds,
        team.restarts,
        format!("{:.2}", team.seconds),
        format!("{wrong_meanwhile}/{meanwhile}"),
        team.unanswered,
    )
}

fn with_mesh(with: &WithMesh) -> String {
    let row = |caller: &Caller| {
        format!(
            "{} {:>11} {:>11}",
            attempts(caller),
            format!("{}/{}", caller.wrong_meanwhile, caller.meanwhile),
            format!("{}/{}", caller.wrong_afterwards, caller.afterwards)
        )
    };
    format!(
        "{:<14} {:>12} {:>12} {:>11} {:>11}\n{}\n\n{}\n\nOne push: files {}, lines {}, restarts {}, requests without an answer {}; the last ACK after {:.0} ms.",
        "with a mesh",
        "GET",
        "POST",
        "wrong",
        "after ACK",
        with.callers.iter().map(row).collect::<Vec<_>>().join("\n"),
        with.change.diff.trim_end(),
        with.change.files,
        with.change.lines_added,
        with.restarts,
        with.unanswered,
        with.acknowledged_seconds * 1e3,
    )
}

/// The caller, and how often its calls are attempted before and after.
fn attempts(caller: &Caller) -> String {
    let (before, after) = (caller.before, caller.after);
    format!(
        "{:<14} {:>12} {:>12}",
        format!("  {}", caller.language),
        format!("{} → {}", number(before.get), number(after.get)),
        format!("{} → {}", number(before.post), number(after.post)),
    )
}

fn number(spread: Spread<u32>) -> String {
    match spread.least == spread.most {
        true => spread.median.to_string(),
        false => format!("{} to {}", spread.least, spread.most),
    }
}
