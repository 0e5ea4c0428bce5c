//! `at_most_once` and `exactly_once`.

use hallway_evidence::Observations;
use hallway_evidence::ledger::Effect;
use hallway_grade::tamper;
use hallway_scenario::Tamper;
use serde_json::{Value, json};

use crate::support::{Call, call, correlation, green, healthy, nothing, red, verdict};

fn at_most_once() -> Value {
    json!({ "at_most_once": { "service": "payments", "by": "idempotency-key" } })
}

fn exactly_once() -> Value {
    json!({ "exactly_once": { "service": "payments", "by": "idempotency-key", "where": "caller saw 2xx" } })
}

/// Has the request in this place of the ledger have one more effect.
fn have_effect(observations: &mut Observations, place: usize, key: Option<&str>) {
    let number = observations
        .ledger
        .iter()
        .map(|entry| entry.effects.len() as u64)
        .sum::<u64>()
        + 1;
    let entry = &mut observations.ledger[place];
    entry.effects.push(Effect {
        handling: entry.received.handling,
        at_us: entry.received.at_us + 100,
        number,
        key: key.map(str::to_owned),
    });
}

/// So many requests with a key each, and an effect each.
fn charged(count: u64) -> Observations {
    let mut observations = healthy(count);
    for place in 0..observations.client.len() {
        let key = format!("key-{place}");
        observations.client[place].idempotency_key = Some(key.clone());
        have_effect(&mut observations, place, Some(&key));
    }
    observations
}

#[test]
fn both_hold_when_every_request_had_one_effect() {
    assert_eq!(green(at_most_once(), &charged(3)), "1 effect × 3");
    assert_eq!(green(exactly_once(), &charged(3)), "1 effect × 3");
}

#[test]
fn a_second_effect_of_a_key_turns_both_red() {
    let mut observations = charged(3);
    have_effect(&mut observations, 2, Some("key-1"));
    assert_eq!(red(at_most_once(), &observations), "2 effects × 1, 1 effect × 2");
    let verdict = verdict(exactly_once(), &observations);
    assert_eq!(
        (verdict.held, &*verdict.saw),
        (false, "2 effects × 1, 1 effect × 2")
    );
    assert_eq!(verdict.samples, [correlation(1)]);
}

#[test]
fn who_saw_no_success_proves_nothing_about_exactly_once() {
    let mut observations = charged(2);
    call(
        &mut observations,
        &Call {
            attempts: &[(503, "payments-1")],
            ..Call::default()
        },
    );
    observations.client[2].idempotency_key = Some("key-2".to_owned());
    assert_eq!(green(exactly_once(), &observations), "1 effect × 2");
    have_effect(&mut observations, 2, Some("key-2"));
    have_effect(&mut observations, 2, Some("key-2"));
    assert_eq!(green(exactly_once(), &observations), "1 effect × 2");
    assert_eq!(red(at_most_once(), &observations), "2 effects × 1, 1 effect × 2");
}

#[test]
fn effects_without_a_key_and_at_other_services_do_not_count() {
    let mut observations = charged(3);
    observations.ledger[0].received.service = "marketing".to_owned();
    assert_eq!(green(at_most_once(), &observations), "1 effect × 2");
    assert_eq!(red(exactly_once(), &observations), "0 effects × 1, 1 effect × 2");
    have_effect(&mut observations, 1, None);
    assert_eq!(
        red(at_most_once(), &observations),
        "an effect without a key × 1, 1 effect × 2"
    );
}

#[test]
fn without_effects_or_successes_there_is_no_evidence() {
    assert_eq!(
        red(at_most_once(), &healthy(2)),
        "no evidence: nothing had an effect at payments"
    );
    for observations in [nothing(), healthy(2)] {
        assert_eq!(
            red(exactly_once(), &observations),
            "no evidence: no caller with an idempotency-key saw 2xx"
        );
    }
}

#[test]
fn a_ledger_that_loses_entries_loses_an_effect_that_a_caller_knows_of() {
    let mut observations = charged(4);
    // The first entry is of a request that its caller believes lost, as in paid-twice.
    observations.client[0].outcome.as_mut().expect("an answer").status = 503;
    let spoilt = tamper(&observations, Tamper::DropLedger(1));
    assert_eq!(spoilt.ledger.len(), 3);
    assert_eq!(red(exactly_once(), &spoilt), "0 effects × 1, 1 effect × 2");
}
