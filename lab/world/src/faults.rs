//! Faults of a timeline: what each does to the links between machines and to the programs on them, on whatever ground.
//!
//! A ground offers a few plain changes ([`Faults`]); what scenario files say is put in terms of them here.

use std::time::Duration;

use hallway_control::api::RuleFile;
use hallway_scenario::Topology;
use hallway_scenario::fault::{Fault, Place, Program};
use hallway_scenario::quantity::SignedDuration;

use crate::error::WorldError;

/// What a ground can be made to suffer. Machines are named as in [`Place::machines`].
pub(crate) trait Faults {
    /// Changes what one direction between two machines is like, whoever opens the connections.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when this ground cannot.
    fn change_link(&mut self, from: &str, to: &str, change: LinkChange) -> Result<(), WorldError>;

    /// Breaks all open connections between two machines.
    fn reset_link(&mut self, one: &str, other: &str);

    /// Sets the wall clock of a machine wrong.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when this ground cannot.
    fn skew_clock(&mut self, machine: &str, by: SignedDuration) -> Result<(), WorldError>;

    /// Kills a program, and returns when it is dead.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when it does not run.
    async fn crash(&mut self, program: &Program) -> Result<(), WorldError>;

    /// Starts a program that has crashed, at the addresses that it had, and returns when it is ready. A control plane knows all
    /// workloads and has `rules` in force before any sidecar hears of it.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when it still runs, and those of starting it.
    async fn restart(&mut self, program: &Program, rules: Option<&RuleFile>) -> Result<(), WorldError>;

    /// Lets a program do nothing at all.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when it does not run.
    fn pause(&mut self, program: &Program) -> Result<(), WorldError>;

    /// Lets a paused program go on.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when it does not run.
    fn resume(&mut self, program: &Program) -> Result<(), WorldError>;
}

/// A change of one direction between two machines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LinkChange {
    /// What is sent arrives so much later.
    Delay(Duration),
    /// At most so many bytes in a second, over all connections; not zero.
    Bandwidth(u64),
    /// The probability that a packet is lost.
    Loss(f64),
    /// Nothing arrives any more.
    Cut,
    /// It is as it was at the start.
    Heal,
}

/// Lets `fault` happen. `rules` are those in force.
///
/// # Errors
/// Those of [`Faults`].
pub(crate) async fn befall(
    faults: &mut impl Faults,
    topology: &Topology,
    fault: &Fault,
    rules: Option<&RuleFile>,
) -> Result<(), WorldError> {
    let mut change = |from: &Place, to: &Place, change| {
        pairs(topology, from, to)
            .into_iter()
            .try_for_each(|(from, to)| faults.change_link(&from, &to, change))
    };
    match fault {
        Fault::Delay(delay) => change(&delay.from, &delay.to, LinkChange::Delay(delay.by.to_std())),
        Fault::Bandwidth(bandwidth) => {
            let limit = LinkChange::Bandwidth(bandwidth.limit.bytes_per_second());
            change(&bandwidth.from, &bandwidth.to, limit)
        }
        Fault::Loss(loss) => change(&loss.from, &loss.to, LinkChange::Loss(loss.share.probability())),
        Fault::Cut(cut) => {
            change(&cut.from, &cut.to, LinkChange::Cut)?;
            if cut.one_way {
                return Ok(());
            }
            change(&cut.to, &cut.from, LinkChange::Cut)
        }
        Fault::Heal(link) => {
            change(&link.from, &link.to, LinkChange::Heal)?;
            change(&link.to, &link.from, LinkChange::Heal)
        }
        Fault::Reset(link) => {
            for (one, other) in pairs(topology, &link.from, &link.to) {
                faults.reset_link(&one, &other);
            }
            Ok(())
        }
        Fault::Crash(program) => faults.crash(program).await,
        Fault::Restart(program) => faults.restart(program, rules).await,
        Fault::Pause(program) => faults.pause(program),
        Fault::Resume(program) => faults.resume(program),
        Fault::ClockSkew(skew) => skew
            .of
            .machines(topology)
            .iter()
            .try_for_each(|machine| faults.skew_clock(machine, skew.by)),
    }
}

/// Every machine of one place with every machine of the other. What a machine says to itself does not cross the network.
fn pairs(topology: &Topology, from: &Place, to: &Place) -> Vec<(String, String)> {
    let to = to.machines(topology);
    let pair = |from: String| {
        let others = to.iter().filter(|to| **to != from);
        others.map(|to| (from.clone(), to.clone())).collect::<Vec<_>>()
    };
    from.machines(topology).into_iter().flat_map(pair).collect()
}
