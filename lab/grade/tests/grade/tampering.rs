//! Spoilt evidence: what is lost or changed, and that nothing else is.

use hallway_evidence::Observations;
use hallway_grade::tamper;
use hallway_scenario::Tamper;
use serde_json::json;

use crate::support::{Call, call, green, healthy, red};

/// Three requests to one replica and two to another.
fn replicated() -> Observations {
    let mut observations = healthy(3);
    for _ in 0..2 {
        call(
            &mut observations,
            &Call {
                attempts: &[(200, "payments-2")],
                ..Call::default()
            },
        );
    }
    observations
}

#[test]
fn each_ledger_loses_entries() {
    let observations = replicated();
    let spoilt = tamper(&observations, Tamper::DropLedger(2));
    assert_eq!(spoilt.ledger, [observations.ledger[2].clone()]);
    assert_eq!(spoilt.telemetry, observations.telemetry);
}

#[test]
fn each_side_of_each_log_loses_lines() {
    let observations = replicated();
    let spoilt = tamper(&observations, Tamper::DropAccess(1));
    let lost: Vec<usize> = (0..10)
        .filter(|index| {
            !spoilt
                .telemetry
                .access
                .contains(&observations.telemetry.access[*index])
        })
        .collect();
    assert_eq!(
        lost,
        [0, 1, 7],
        "the first of orders outbound, payments-1 inbound and payments-2 inbound"
    );
    assert_eq!(spoilt.ledger, observations.ledger);
}

#[test]
fn each_side_of_each_sidecar_loses_spans() {
    let observations = replicated();
    let spoilt = tamper(&observations, Tamper::DropSpans(2));
    assert_eq!(spoilt.telemetry.spans.len(), 10 - 2 - 2 - 2);
    assert_eq!(spoilt.telemetry.access, observations.telemetry.access);
}

#[test]
fn counters_grow_and_other_samples_do_not() {
    let mut observations = healthy(3);
    let mut gauge = observations.telemetry.metrics["orders-1"][0].clone();
    gauge.name = "hallway_connections".to_owned();
    observations
        .telemetry
        .metrics
        .get_mut("orders-1")
        .expect("a scrape")
        .push(gauge);
    let spoilt = tamper(&observations, Tamper::InflateMetrics(4));
    let values: Vec<f64> = spoilt
        .telemetry
        .metrics
        .values()
        .flatten()
        .map(|sample| sample.value)
        .collect();
    assert_eq!(values, [7.0, 3.0, 7.0]);
}

#[test]
fn changed_request_ids_are_like_no_other() {
    let observations = healthy(3);
    let spoilt = tamper(&observations, Tamper::ChangeRequestIds(1));
    let ids: Vec<&str> = spoilt
        .telemetry
        .access
        .iter()
        .map(|record| record.request_id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "changed-0",
            "changed-1",
            "request-id-1",
            "request-id-1",
            "request-id-2",
            "request-id-2"
        ]
    );
}

#[test]
fn spoilt_evidence_turns_the_checks_red_that_compare_witnesses() {
    let observations = healthy(3);
    let agrees = || json!({ "telemetry_agrees": { "service": "payments" } });
    let hops =
        || json!({ "hops": { "traffic": "checkout", "proxies": ["orders outbound", "payments inbound"] } });
    let trace = || json!({ "trace_complete": { "traffic": "checkout" } });
    let spoilt = |what| tamper(&observations, what);
    assert_eq!(
        red(agrees(), &spoilt(Tamper::DropLedger(1))),
        "2 instead of 3 in the ledger"
    );
    assert_eq!(
        red(agrees(), &spoilt(Tamper::DropAccess(1))),
        "2 instead of 3 in the access log"
    );
    assert_eq!(
        red(agrees(), &spoilt(Tamper::InflateMetrics(1))),
        "4 instead of 3 in the metrics"
    );
    assert_eq!(
        red(agrees(), &spoilt(Tamper::DropSpans(1))),
        "2 instead of 3 in the spans"
    );
    assert!(red(hops(), &spoilt(Tamper::ChangeRequestIds(1))).contains("request id"));
    assert!(red(trace(), &spoilt(Tamper::DropSpans(1))).contains("span"));
    green(agrees(), &spoilt(Tamper::ChangeRequestIds(1)));
}
