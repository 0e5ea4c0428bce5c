//! What is tried again, what never is, and after which pause.

use std::time::Duration;

use hallway_host::Random;
use hallway_model::route::Retry;
use hallway_traffic::retry::{Attempt, Failure, LONGEST_BACKOFF, Outcome, Verdict, backoff, judge};
use hallway_traffic::timeout::TimeoutKind;
use http::{Method, StatusCode};
use proptest::prelude::*;

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
