//! Checks of shares: `load`, `spread` and `split`.

use std::collections::BTreeMap;

use hallway_evidence::Observations;
use hallway_grade::Verdict;
use hallway_scenario::statistics::two_sided_p_value;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Call, call, green, nothing, red, verdict};

/// Requests whose first attempts reached these replicas so often.
fn spread(replicas: &[(&str, u64)]) -> Observations {
    let mut observations = nothing();
    for (replica, count) in replicas {
        for _ in 0..*count {
            call(
                &mut observations,
                &Call {
                    attempts: &[(200, replica)],
                    ..Call::default()
                },
            );
        }
    }
    observations
}

fn load() -> Value {
    json!({ "load": { "traffic": "checkout", "instance": "payments-3", "below": "15%" } })
}

fn split(more: Value) -> Value {
    let mut check = json!({
        "traffic": "checkout",
        "expect": { "payments-v1": 90, "payments-v2": 10 },
        "tells_apart": { "payments-v1": 80, "payments-v2": 20 },
        "sample": 100,
    });
    check
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    json!({ "split": check })
}

#[test]
fn a_load_that_is_proven_lower_holds() {
    let observations = spread(&[("payments-1", 280), ("payments-2", 290), ("payments-3", 30)]);
    assert_eq!(green(load(), &observations), "5.0% (30 of 600)");
}

#[test]
fn a_load_that_is_too_high_fails() {
    let verdict = verdict(
        load(),
        &spread(&[("payments-1", 200), ("payments-2", 200), ("payments-3", 200)]),
    );
    assert_eq!(
        (verdict.held, verdict.saw.as_str()),
        (false, "33.3% (200 of 600)")
    );
    assert!(verdict.detail.is_empty());
}

#[test]
fn a_load_that_is_lower_by_chance_fails() {
    let verdict = verdict(
        load(),
        &spread(&[("payments-1", 44), ("payments-2", 44), ("payments-3", 12)]),
    );
    assert_eq!((verdict.held, verdict.saw.as_str()), (false, "12.0% (12 of 100)"));
    assert_eq!(
        verdict.detail,
        ["that is below 15%, but too few attempts to prove it"]
    );
    assert!(verdict.p_value.is_some_and(|p_value| p_value > 0.1));
}

#[test]
fn a_load_without_attempts_is_red() {
    let mut observations = spread(&[("payments-1", 10)]);
    observations.ledger.clear();
    assert_eq!(
        red(load(), &observations),
        "no evidence: no first attempt reached payments"
    );
    assert_eq!(
        red(load(), &nothing()),
        "no evidence: there was no request of checkout"
    );
}

#[test]
fn only_first_attempts_count() {
    let mut observations = spread(&[("payments-1", 300)]);
    for _ in 0..300 {
        let attempts = &[(503, "payments-1"), (200, "payments-3")];
        call(
            &mut observations,
            &Call {
                attempts,
                ..Call::default()
            },
        );
    }
    assert_eq!(green(load(), &observations), "0.0% (0 of 600)");
}

/// Three replicas, of which each is to have more than a fifth.
fn even(replicas: [u64; 3]) -> Verdict {
    let names = ["payments-1", "payments-2", "payments-3"];
    let counts: Vec<_> = names.into_iter().zip(replicas).collect();
    let mut observations = spread(&counts);
    observations.run.sidecars = names.map(str::to_owned).to_vec();
    let check = json!({ "traffic": "checkout", "service": "payments", "each_above": "20%" });
    verdict(json!({ "spread": check }), &observations)
}

#[test]
fn a_spread_that_is_proven_holds() {
    let verdict = even([200, 190, 210]);
    assert!(verdict.held);
    assert_eq!(
        verdict.saw,
        "payments-2 31.7% (190), payments-1 33.3% (200), payments-3 35.0% (210)"
    );
    assert!(verdict.p_value.is_some_and(|p_value| p_value < 1e-6));
}

#[test]
fn a_replica_with_nothing_spoils_a_spread() {
    let verdict = even([600, 0, 0]);
    assert!(!verdict.held);
    assert!(
        verdict.saw.starts_with("payments-2 0.0% (0), "),
        "{}",
        verdict.saw
    );
    assert_eq!(verdict.p_value, Some(1.0));
    assert!(!even([240, 240, 120]).held, "exactly a fifth is not more");
}

#[test]
fn a_spread_that_may_be_luck_fails() {
    let verdict = even([20, 20, 20]);
    assert!(!verdict.held);
    assert_eq!(
        verdict.detail,
        ["that is above 20%, but too few attempts to prove it"]
    );
    assert_eq!(
        even([0, 0, 0]).saw,
        "no evidence: there was no request of checkout"
    );
}

#[test]
fn a_split_as_asked_holds() {
    let observations = spread(&[("payments-v1-1", 890), ("payments-v2-1", 110)]);
    assert_eq!(
        green(split(json!({})), &observations),
        "1,000 first attempts: payments-v1 89.0% (890), payments-v2 11.0% (110)"
    );
}

#[test]
fn another_split_fails_with_its_probability() {
    let verdict = verdict(
        split(json!({})),
        &spread(&[("payments-v1-1", 1_718), ("payments-v2-1", 282)]),
    );
    assert!(!verdict.held);
    assert_eq!(verdict.expected, "payments-v1 90%, payments-v2 10% of checkout");
    assert_eq!(
        verdict.saw,
        "2,000 first attempts: payments-v1 85.9% (1,718) instead of 90%, payments-v2 14.1% (282) instead of 10%"
    );
    assert!(verdict.p_value.is_some_and(|p_value| p_value < 1e-6));
    let blamed = verdict.samples.first().expect("a sample");
    assert_eq!(
        *blamed,
        crate::support::correlation(1_718),
        "a request of the service with too many"
    );
}

#[test]
fn a_service_of_weight_0_must_get_nothing() {
    let check = || split(json!({ "expect": { "payments-v1": 100, "payments-v2": 0 } }));
    green(check(), &spread(&[("payments-v1-1", 200)]));
    red(check(), &spread(&[("payments-v1-1", 199), ("payments-v2-1", 1)]));
}

#[test]
fn a_split_of_too_few_is_red() {
    let too_few = red(
        split(json!({})),
        &spread(&[("payments-v1-1", 90), ("payments-v2-1", 9)]),
    );
    assert_eq!(
        too_few,
        "no evidence: 99 first attempts in that part of the run, where 100 are needed"
    );
    assert_eq!(
        red(split(json!({})), &nothing()),
        "no evidence: there was no request of checkout"
    );
    let elsewhere = red(split(json!({})), &spread(&[("marketing-1", 200)]));
    assert_eq!(
        elsewhere,
        "no evidence: 0 first attempts in that part of the run, where 100 are needed"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The verdict, against a naive count of the ledger: first attempts by service, of the requests of that traffic.
    #[test]
    fn a_split_is_judged_as_the_naive_count_says(
        calls in prop::collection::vec((0..3_usize, 1..3_usize, prop::bool::weighted(0.9)), 1..300),
        weights in (1..10_u32, 1..10_u32),
    ) {
        const REPLICAS: [&str; 3] = ["payments-v1-1", "payments-v2-1", "marketing-1"];
        let mut observations = nothing();
        let mut naive: BTreeMap<&str, u64> = BTreeMap::new();
        for (first, attempts, is_ours) in calls {
            let tried: Vec<(u16, &str)> = (0..attempts).map(|next| (200, REPLICAS[(first + next) % 3])).collect();
            let traffic = if is_ours { "checkout" } else { "other" };
            call(&mut observations, &Call { traffic, attempts: &tried, ..Call::default() });
            if is_ours {
                *naive.entry(REPLICAS[first]).or_default() += 1;
            }
        }
        let (one, two) = weights;
        let check = split(json!({ "expect": { "payments-v1": one, "payments-v2": two }, "sample": 1 }));
        let verdict = verdict(check, &observations);
        let count = |replica| naive.get(replica).copied().unwrap_or_default();
        let (part, whole) = (count(REPLICAS[0]), count(REPLICAS[0]) + count(REPLICAS[1]));
        let share = f64::from(one) / f64::from(one + two);
        let expected = whole > 0 && two_sided_p_value(part, whole, share) >= 1e-6;
        prop_assert_eq!(verdict.held, expected, "{:?}", verdict);
    }
}
