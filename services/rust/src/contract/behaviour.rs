//! How a service is told to behave.

use serde::{Deserialize, Serialize};

/// How a service behaves. The default answers 200 at once.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// The status of every answer that no fault below decides; 200 when absent.
    pub status: Option<u16>,
    /// How long the work takes.
    pub latency: Option<Latency>,
    /// Fails the first attempts of each request id, exactly.
    pub fail_first: Option<FailFirst>,
    /// Fails the requests at certain places in the order of arrival.
    pub fail_pattern: Option<FailPattern>,
    /// Fails a share of the attempts, at random.
    pub fail_share: Option<FailShare>,
    /// Resets the connection for a share of the attempts, before the work is done.
    pub reset_before: Option<f64>,
    /// Resets the connection for a share of the attempts, after the work is done and before the answer.
    pub reset_after: Option<f64>,
    /// Sends only the first half of the answer's body, for a share of the attempts.
    pub truncate: Option<f64>,
    /// Never answers.
    pub hang: bool,
    /// Sends the body of the answer slowly.
    pub slow_body: Option<SlowBody>,
    /// Answers with a stream of events.
    pub ticks: Option<Ticks>,
    /// How many requests are worked on at once.
    pub capacity: Option<Capacity>,
    /// Whether requests have effects.
    pub effect: Option<EffectRule>,
    /// Closes connections that are idle.
    pub idle_close: Option<IdleClose>,
    /// Copies no trace context to its calls.
    pub drop_trace: bool,
}

/// How long the work of one request takes, in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Latency {
    /// Always the same.
    Fixed {
        /// Milliseconds.
        ms: f64,
    },
    /// Drawn from a distribution that is linear between these percentiles (0 ms at p0, `p99_ms` above p99).
    Percentiles {
        /// The median, in milliseconds.
        p50_ms: f64,
        /// The 90th percentile, in milliseconds.
        p90_ms: f64,
        /// The 99th percentile, in milliseconds.
        p99_ms: f64,
    },
}

/// The first attempts of every request id fail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailFirst {
    /// How many attempts fail.
    pub attempts: u32,
    /// The status that they get.
    pub status: u16,
}

/// The requests at certain places in the order of arrival fail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailPattern {
    /// One character for each request, then from the beginning again: `x` fails, `.` does not.
    pub pattern: String,
    /// The status that they get.
    pub status: u16,
}

/// A share of the attempts fails.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailShare {
    /// The probability, from 0 to 1.
    pub share: f64,
    /// The status that they get.
    pub status: u16,
}

/// The body of an answer comes in `pieces`, evenly spread over `over_ms`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SlowBody {
    /// How many pieces.
    pub pieces: u32,
    /// Milliseconds from the first piece to the last.
    pub over_ms: f64,
}

/// The answer is a stream of server-sent events.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ticks {
    /// How many events.
    pub count: u32,
    /// Milliseconds from one to the next.
    pub every_ms: f64,
}

/// How many requests are worked on at once, and what happens to the others.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// How many are worked on.
    pub at_once: u32,
    /// How many wait for their turn.
    pub queue: u32,
    /// The status that all others get.
    pub status: u16,
}

/// Requests that change something have an effect.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EffectRule {
    /// Whether all requests with the same `idempotency-key` have one together.
    pub once_per_key: bool,
}

/// Idle connections are closed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdleClose {
    /// After so many milliseconds.
    pub ms: f64,
}
