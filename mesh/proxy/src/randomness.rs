//! The random streams of one proxy: one for each kind of decision, so that a new draw in one never shifts another.

use std::sync::Mutex;

use hallway_host::{Host, Random};

/// The streams of one worker. Each is locked for one draw only, never across an await, and by its worker alone.
pub(crate) struct Randomness {
    /// Weighted backends.
    pub(crate) split: Draws,
    /// Load balancing.
    pub(crate) balance: Draws,
    /// Jitter of retries.
    pub(crate) retry: Draws,
    /// Request, trace and span ids.
    pub(crate) ids: Draws,
    /// Lives of connections.
    pub(crate) lifetimes: Draws,
}

/// One stream.
pub(crate) struct Draws(Mutex<Random>);

impl Randomness {
    /// The streams of the worker `who`. They carry its name, since two proxies on one machine must not mint equal ids.
    pub(crate) fn new(host: &Host, who: &str) -> Self {
        let draws = |kind: &str| Draws::new(host, &format!("proxy {who} {kind}"));
        Self {
            split: draws("split"),
            balance: draws("balance"),
            retry: draws("retry"),
            ids: draws("ids"),
            lifetimes: draws("lifetimes"),
        }
    }
}

impl Draws {
    /// The stream of that label.
    pub(crate) fn new(host: &Host, label: &str) -> Self {
        Self(Mutex::new(host.random(label)))
    }

    /// Draws from the stream.
    pub(crate) fn with<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.0.lock().expect("drawing a number does not panic"))
    }
}
