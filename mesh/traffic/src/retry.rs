//! Whether to try again, and after which pause.
//!
//! Sources: GEP-1731 (<https://gateway-api.sigs.k8s.io/geps/gep-1731/>) for what a rule can ask for, RFC 9110 §9.2.2 for
//! what is safe.
//!
//! A request is sent again only when its body is still held whole, and only when no byte of it was sent, or its method
//! is idempotent, or the match that selected the rule names that very method: who writes `method: POST` beside `retry`
//! has said that this POST may be executed twice.

use std::fmt;
use std::time::Duration;

use hallway_model::route::Retry;
use http::{Method, StatusCode};
use rand::{Rng, RngExt};

use crate::retry_budget::Spent;
use crate::timeout::TimeoutKind;

/// An attempt that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// Whether the match that selected the rule names that method.
    pub names_method: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether a byte of the request may have reached the upstream.
    pub sent: bool,
    /// Which attempt it was, from 1.
    pub number: u32,
    /// Whether the request's body is still held whole.
    pub replayable: bool,
    /// What is left of the request timeout; none when there is no such timeout.
    pub remaining: Option<Duration>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// With the head of a response.
    Status(StatusCode),
    /// Without one.
    Failure(Failure),
}

/// Why an attempt has no response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// No connection could be opened, or the peer was not who it should be.
    Connect,
    /// The connection broke before the response.
    Reset,
    /// A timeout passed.
    Timeout(TimeoutKind),
    /// The cluster has no endpoint.
    NoEndpoint,
    /// A limit of this proxy was reached: trying again would only add to the load.
    Overflow,
    /// The caller broke off its own request.
    Downstream,
}

/// What to do with an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Give its result to the caller.
    Return {
        /// Why there is no further attempt, when the result is a failure.
        reason: Option<ReturnReason>,
    },
    /// Try again.
    Retry {
        /// The pause before the next attempt, jitter included.
        after: Duration,
        /// Why.
        reason: RetryReason,
    },
}

/// Why there is no further attempt after a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReturnReason {
    /// The rule has no `retry`.
    NoPolicy,
    /// The status is not among `retry.codes`.
    CodeNotListed(StatusCode),
    /// All attempts of the policy were made.
    AttemptsUsedUp {
        /// How many attempts were made.
        attempts: u32,
    },
    /// The body is no longer held whole.
    BodyNotHeld,
    /// The request was sent, its method is not idempotent, and the rule does not name it.
    NotIdempotent,
    /// The request timeout has passed, or would pass before the next attempt.
    NoTimeLeft,
    /// This kind of failure is never tried again.
    NeverRetried,
    /// The retry budget of the cluster is spent.
    BudgetSpent(Spent),
}

/// Why there is a further attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RetryReason {
    /// The status is among `retry.codes`.
    CodeListed(StatusCode),
    /// The connection failed.
    ConnectFailure,
    /// The connection broke.
    Reset,
    /// The attempt's own timeout passed.
    BackendTimeout,
}

/// The longest pause, in multiples of the policy's `backoff`, before jitter. Source: Envoy's default for
/// `retry_back_off.max_interval`.
pub const LONGEST_BACKOFF: u32 = 10;

/// Judges an attempt.
// ANCHOR: judge
pub fn judge(policy: Option<&Retry>, attempt: &Attempt<'_>, random: &mut impl Rng) -> Verdict {
    let reason = match retryable(policy, attempt) {
        Ok(reason) => reason,
        Err(reason) => return Verdict::Return { reason },
    };
    let refuse = |reason| Verdict::Return { reason: Some(reason) };
    let Some(policy) = policy else {
        return refuse(ReturnReason::NoPolicy);
    };
    // ANCHOR: judge
    if attempt.number > policy.attempts {
        return refuse(ReturnReason::AttemptsUsedUp {
            attempts: attempt.number,
        });
    }
    if !attempt.replayable {
        return refuse(ReturnReason::BodyNotHeld);
    }
    if attempt.sent && !attempt.method.is_idempotent() && !attempt.names_method {
        return refuse(ReturnReason::NotIdempotent);
    }
    let after = backoff(policy.backoff, attempt.number, random);
    if attempt.remaining.is_some_and(|remaining| remaining <= after) {
        return refuse(ReturnReason::NoTimeLeft);
    }
    Verdict::Retry { after, reason }
    // ANCHOR_END: judge
}
// ANCHOR_END: judge

impl Verdict {
    /// This verdict, unless it is to try again and `budget`, which is asked only then, does not permit it.
    pub fn within(self, budget: impl FnOnce() -> Result<(), Spent>) -> Self {
        match self {
            Self::Return { .. } => self,
            Self::Retry { .. } => match budget() {
                Ok(()) => self,
                Err(spent) => Self::Return {
                    reason: Some(ReturnReason::BudgetSpent(spent)),
                },
            },
        }
    }
}

/// Whether the outcome alone is one to try again, and if not, why not; a success needs no reason.
fn retryable(policy: Option<&Retry>, attempt: &Attempt<'_>) -> Result<RetryReason, Option<ReturnReason>> {
    match attempt.outcome {
        Outcome::Status(status) => match policy {
            Some(policy) if policy.codes.contains(&status.as_u16()) => Ok(RetryReason::CodeListed(status)),
            _ if !status.is_server_error() => Err(None),
            Some(_) => Err(Some(ReturnReason::CodeNotListed(status))),
            None => Err(Some(ReturnReason::NoPolicy)),
        },
        Outcome::Failure(Failure::Connect) => Ok(RetryReason::ConnectFailure),
        Outcome::Failure(Failure::Reset) => Ok(RetryReason::Reset),
        Outcome::Failure(Failure::Timeout(TimeoutKind::BackendRequest)) => Ok(RetryReason::BackendTimeout),
        Outcome::Failure(Failure::Timeout(TimeoutKind::Request)) => Err(Some(ReturnReason::NoTimeLeft)),
        Outcome::Failure(Failure::NoEndpoint | Failure::Overflow | Failure::Downstream) => {
            Err(Some(ReturnReason::NeverRetried))
        }
    }
}

/// The pause after attempt `number` (from 1): `base` doubled with each attempt and capped at [`LONGEST_BACKOFF`] times
/// `base`, plus up to a quarter of that as jitter. It is never shorter than `base`, as GEP-1731 demands.
pub fn backoff(base: Duration, number: u32, random: &mut impl Rng) -> Duration {
    let doubled = base.saturating_mul(2u32.saturating_pow(number.saturating_sub(1)));
    let pause = doubled.min(base.saturating_mul(LONGEST_BACKOFF));
    let jitter: f64 = random.random_range(0.0..0.25);
    pause.saturating_add(pause.mul_f64(jitter))
}

impl fmt::Display for ReturnReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPolicy => formatter.write_str("no retry policy"),
            Self::CodeNotListed(status) => write!(formatter, "{} is not in retry.codes", status.as_u16()),
            Self::AttemptsUsedUp { attempts } => write!(formatter, "attempts used up ({attempts})"),
            Self::BodyNotHeld => formatter.write_str("the request body is no longer held whole"),
            Self::NotIdempotent => {
                formatter.write_str("sent, not idempotent, and the rule does not name the method")
            }
            Self::NoTimeLeft => formatter.write_str("timeouts.request leaves no time"),
            Self::NeverRetried => formatter.write_str("this failure is never tried again"),
            Self::BudgetSpent(spent) => spent.fmt(formatter),
        }
    }
}

impl fmt::Display for RetryReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CodeListed(status) => write!(formatter, "{} is in retry.codes", status.as_u16()),
            Self::ConnectFailure => formatter.write_str("the connection failed"),
            Self::Reset => formatter.write_str("the connection broke before the answer"),
            Self::BackendTimeout => formatter.write_str("timeouts.backendRequest passed"),
        }
    }
}
