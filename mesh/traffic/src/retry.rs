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
pub fn judge(policy: Option<&Retry>, attempt: &Attempt<'_>, random: &mut impl Rng) -> Verdict {
    let reason = match retryable(policy, attempt) {
        Ok(reason) => reason,
        Err(reason) => return Verdict::Return { reason },
    };
    let refuse = |reason| Verdict::Return { reason: Some(reason) };
    let Some(policy) = policy else {
        return refuse(ReturnReason::NoPolicy);
    };
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

#[cfg(test)]
mod tests {
    use hallway_host::Random;
    use proptest::prelude::*;

    use super::*;

    fn policy(attempts: u32) -> Retry {
        Retry {
            codes: vec![503],
            attempts,
            backoff: Duration::from_millis(20),
        }
    }

    fn attempt(method: &Method, outcome: Outcome) -> Attempt<'_> {
        Attempt {
            method,
            names_method: false,
            outcome,
            sent: true,
            number: 1,
            replayable: true,
            remaining: None,
        }
    }

    const UNAVAILABLE: Outcome = Outcome::Status(StatusCode::SERVICE_UNAVAILABLE);
    const RESET: Outcome = Outcome::Failure(Failure::Reset);

    fn verdict(policy: Option<&Retry>, attempt: &Attempt<'_>) -> String {
        match judge(policy, attempt, &mut Random::derive(1, "retry")) {
            Verdict::Return { reason: None } => "return".to_owned(),
            Verdict::Return { reason: Some(reason) } => format!("return: {reason}"),
            Verdict::Retry { reason, .. } => format!("retry: {reason}"),
        }
    }

    #[test]
    fn a_listed_code_is_tried_again_and_others_are_not() {
        let policy = policy(2);
        let judged = |code| {
            let outcome = Outcome::Status(StatusCode::from_u16(code).expect("a status"));
            verdict(Some(&policy), &attempt(&Method::GET, outcome))
        };
        assert_eq!(judged(503), "retry: 503 is in retry.codes");
        assert_eq!(judged(500), "return: 500 is not in retry.codes");
        assert_eq!(judged(404), "return");
        assert_eq!(judged(200), "return");
        assert_eq!(
            verdict(None, &attempt(&Method::GET, UNAVAILABLE)),
            "return: no retry policy"
        );
    }

    #[test]
    fn a_post_that_was_sent_is_not_repeated_unless_the_rule_names_post() {
        let policy = policy(2);
        let sent = attempt(&Method::POST, RESET);
        assert_eq!(
            verdict(Some(&policy), &sent),
            "return: sent, not idempotent, and the rule does not name the method"
        );
        let named = Attempt {
            names_method: true,
            ..sent
        };
        assert_eq!(
            verdict(Some(&policy), &named),
            "retry: the connection broke before the answer"
        );
        let unsent = Attempt {
            sent: false,
            outcome: Outcome::Failure(Failure::Connect),
            ..sent
        };
        assert_eq!(verdict(Some(&policy), &unsent), "retry: the connection failed");
        let put = attempt(&Method::PUT, RESET);
        assert_eq!(
            verdict(Some(&policy), &put),
            "retry: the connection broke before the answer"
        );
    }

    #[test]
    fn a_body_that_is_gone_and_a_deadline_that_is_near_end_it() {
        let policy = policy(2);
        let gone = Attempt {
            replayable: false,
            ..attempt(&Method::GET, UNAVAILABLE)
        };
        assert_eq!(
            verdict(Some(&policy), &gone),
            "return: the request body is no longer held whole"
        );
        let near = Attempt {
            remaining: Some(Duration::from_millis(20)),
            ..attempt(&Method::GET, UNAVAILABLE)
        };
        assert_eq!(
            verdict(Some(&policy), &near),
            "return: timeouts.request leaves no time"
        );
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            prop_oneof![Just(200u16), Just(404), Just(500), Just(503)]
                .prop_map(|code| { Outcome::Status(StatusCode::from_u16(code).expect("a status")) }),
            Just(Outcome::Failure(Failure::Connect)),
            Just(RESET),
            Just(Outcome::Failure(Failure::Timeout(TimeoutKind::BackendRequest))),
            Just(Outcome::Failure(Failure::Timeout(TimeoutKind::Request))),
            Just(Outcome::Failure(Failure::NoEndpoint)),
            Just(Outcome::Failure(Failure::Overflow)),
            Just(Outcome::Failure(Failure::Downstream)),
        ]
    }

    proptest! {
        #[test]
        fn whatever_fails_the_attempts_are_bounded(outcome in outcome(), attempts in 0u32..6) {
            let policy = policy(attempts);
            let mut random = Random::derive(1, "retry");
            let mut made = 1;
            while let Verdict::Retry { .. } =
                judge(Some(&policy), &Attempt { number: made, ..attempt(&Method::GET, outcome) }, &mut random)
            {
                made += 1;
            }
            prop_assert!(made <= attempts + 1);
        }

        #[test]
        fn nothing_unsafe_is_ever_sent_twice(
            outcome in outcome(), post: bool, names_method: bool, sent: bool, replayable: bool, number in 1u32..4,
        ) {
            let method = if post { Method::POST } else { Method::GET };
            let attempt = Attempt { method: &method, names_method, outcome, sent, number, replayable, remaining: None };
            let verdict = judge(Some(&policy(2)), &attempt, &mut Random::derive(1, "retry"));
            if matches!(verdict, Verdict::Retry { .. }) {
                prop_assert!(replayable && (!post || names_method || !sent));
            }
        }

        #[test]
        fn the_pause_grows_from_the_base_to_its_cap(base in 0u64..100_000, number in 1u32..80, seed: u64) {
            let base = Duration::from_millis(base);
            let pause = backoff(base, number, &mut Random::derive(seed, "retry"));
            let doublings = 2f64.powi(i32::try_from(number).expect("small") - 1);
            let least = base.mul_f64(doublings.min(f64::from(LONGEST_BACKOFF)));
            let slack = Duration::from_micros(1);
            prop_assert!(pause + slack >= least, "{pause:?} is shorter than {least:?}");
            prop_assert!(pause <= least.mul_f64(1.25) + slack, "{pause:?} is longer than {least:?} and a quarter");
        }
    }
}
