//! How to run a scenario, and what one hears of it meanwhile.

use hallway_evidence::Variant;
use hallway_scenario::Ground;
use tokio::sync::mpsc::UnboundedSender;

use crate::languages::Languages;

/// How to run a scenario.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed of everything random.
    pub seed: u64,
    /// Which variant of the scenario this is; it only goes on record.
    pub variant: Variant,
    /// The ground.
    pub ground: Ground,
    /// What programs are started with: the `hallway` binary, which plays the roles `control-plane`, `proxy` and `service`, and the
    /// runtimes of other languages. Nothing of it is needed for a simulation.
    pub languages: Languages,
    /// Whether Rust may play services whose runtime is missing, where the scenario allows it too.
    pub stand_ins: StandIns,
    /// Whether to write down every event, for a replay; simulated only.
    pub trace: bool,
    /// Where to tell how far the run is.
    pub progress: Option<UnboundedSender<Progress>>,
}

/// Whether Rust may play services whose runtime is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StandIns {
    /// Where the scenario says `fallback: rust`.
    Allowed,
    /// Never: a missing runtime is [`crate::WorldError::MissingRuntime`].
    Forbidden,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// Processes are being started.
    Starting,
    /// The mesh is up, and every sidecar has its configuration.
    Ready,
    /// Requests have ended.
    Traffic {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// Traffic has ended, and processes are being stopped.
    Stopping,
}

impl Options {
    /// Passes `progress` on. A listener that has gone away misses it.
    pub(crate) fn tell(&self, progress: Progress) {
        if let Some(listener) = &self.progress {
            let _ = listener.send(progress);
        }
    }
}
