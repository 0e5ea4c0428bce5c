//! The commands that run what is red again.

use hallway_evidence::Run;

use crate::grade::{Grade, Outcome};

/// How to see what is red again: the run itself, and each control that proves nothing. A command line calls the scenario `argument`.
pub(crate) fn commands(grade: &Grade, argument: &str) -> Vec<String> {
    let Some(run) = &grade.run else {
        return Vec::new();
    };
    let command = |control: &str| {
        let Run { ground, seed, .. } = run;
        format!("hallway run {argument}{control} --on {ground} --seed {seed}")
    };
    let red = grade.verdicts.iter().find(|verdict| !verdict.held);
    let of_run = match red {
        // What requests met while the lab failed is no journey worth a look, whether or not a check is red already.
        _ if matches!(grade.outcome, Outcome::LabFailed { .. }) => Some(command("")),
        Some(verdict) if !verdict.samples.is_empty() => {
            Some(format!("{} --explain {}", command(""), verdict.check))
        }
        None if grade.failures.is_empty() => None,
        _ => Some(command("")),
    };
    let controls = grade.controls.iter().filter(|control| !control.holds());
    let of_controls = controls.map(|control| command(&format!(" --control {}", control.control)));
    of_run.into_iter().chain(of_controls).collect()
}
