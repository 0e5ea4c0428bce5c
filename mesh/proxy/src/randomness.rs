//! The random streams of one proxy: one for each kind of decision, so that a new draw in one never shifts another.

use std::sync::Mutex;

use hallway_host::{Host, Random};

/// The streams. Each is locked for one draw only, never across an await.
pub(crate) struct Randomness {
    /// Weighted backends.
    pub(crate) split: Draws,
    /// Load balancing.
    pub(crate) balance: Draws,
    /// Jitter of retries.
    pub(crate) retry: Draws,
    /// Request, trace and span ids.
    pub(crate) ids: Draws,
    /// Lives of connections and SVIDs.
    pub(crate) lifetimes: Draws,
    /// Pauses before another try to reach the control plane.
    pub(crate) reconnect: Draws,
}

/// One stream.
pub(crate) struct Draws(Mutex<Random>);

impl Randomness {
    /// The streams of `workload`. They carry its name, since two proxies on one machine must not mint equal ids.
    pub(crate) fn new(host: &Host, workload: &str) -> Self {
        let draws = |kind: &str| Draws(Mutex::new(host.random(&format!("proxy {workload} {kind}"))));
        Self {
            split: draws("split"),
            balance: draws("balance"),
            retry: draws("retry"),
            ids: draws("ids"),
            lifetimes: draws("lifetimes"),
            reconnect: draws("reconnect"),
        }
    }
}

impl Draws {
    /// Draws from the stream.
    pub(crate) fn with<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.0.lock().expect("drawing a number does not panic"))
    }
}
