//! `first_calls`: what programs got that called as soon as they ran.

use std::collections::BTreeMap;

use hallway_evidence::Observations;
use hallway_evidence::ledger::FirstCall;
use hallway_grade::{Verdict, judge, tamper};
use hallway_scenario::{Scenario, Tamper};
use serde_json::json;

use crate::support::{healthy, nothing, scenario};

const CHARGE: &str = "http://payments/charge";
const MENU: &str = "http://menus/";

/// Two replicas of `orders` call two services at first.
fn booting() -> Scenario {
    let checks = json!({ "the-check": { "first_calls": { "service": "orders", "status": 200 } } });
    let mut scenario = scenario(checks, json!({}));
    let orders = json!({ "replicas": 2, "first_calls": ["menus", { "url": CHARGE }] });
    scenario.topology.services["orders"] = serde_json::from_value(orders).expect("a service");
    scenario
}

fn first_call(number: u64, url: &str, status: Option<u16>) -> FirstCall {
    FirstCall {
        number,
        at_us: number,
        url: url.to_owned(),
        status,
        error: status.is_none().then(|| "connection refused".to_owned()),
    }
}

/// Has a replica begin another life with these first calls, each of which its sidecar logs.
fn begin(observations: &mut Observations, replica: &str, calls: &[(&str, u16)]) {
    let mut life = Vec::new();
    for (number, (url, status)) in (1..).zip(calls) {
        life.push(first_call(number, url, Some(*status)));
        let mut logged = healthy(1).telemetry.access.swap_remove(0);
        let rest = url.strip_prefix("http://").expect("an HTTP URL");
        let (authority, path) = rest.split_once('/').expect("a path");
        logged.proxy = replica.to_owned();
        (logged.authority, logged.path) = (authority.to_owned(), format!("/{path}"));
        logged.status = Some(*status);
        logged.headers = BTreeMap::new();
        observations.telemetry.access.push(logged);
    }
    let lives = observations.first_calls.entry(replica.to_owned()).or_default();
    lives.push(life);
}

/// Both replicas boot, and the second of them twice; there is traffic too.
fn booted() -> Observations {
    let mut observations = healthy(3);
    for replica in ["orders-1", "orders-2", "orders-2"] {
        begin(&mut observations, replica, &[(MENU, 200), (CHARGE, 200)]);
    }
    observations
}

fn verdict(observations: &Observations) -> Verdict {
    judge(&booting(), observations).pop().expect("one verdict")
}

#[track_caller]
fn red(observations: &Observations) -> String {
    let verdict = verdict(observations);
    assert!(!verdict.held, "green: {verdict:#?}");
    verdict.saw
}

#[test]
fn it_holds_when_every_life_of_every_replica_got_the_status() {
    let verdict = verdict(&booted());
    assert!(verdict.held, "red: {verdict:#?}");
    assert_eq!(verdict.saw, "200 × 6");
}

#[test]
fn what_a_replica_got_instead_is_named() {
    let mut observations = healthy(3);
    begin(&mut observations, "orders-1", &[(MENU, 200), (CHARGE, 503)]);
    begin(&mut observations, "orders-2", &[(MENU, 200), (CHARGE, 200)]);
    assert_eq!(
        red(&observations),
        format!("orders-1 got 503 from {CHARGE} × 1, 200 × 3")
    );
}

#[test]
fn a_call_that_found_nobody_is_in_no_log() {
    let mut observations = booted();
    observations.telemetry.access.retain(|record| {
        !(record.proxy == "orders-1" && record.headers.is_empty() && record.authority == "menus")
    });
    let lives = observations.first_calls.get_mut("orders-1").expect("it booted");
    lives[0][0] = first_call(1, MENU, None);
    assert_eq!(
        red(&observations),
        format!("orders-1 got no answer from {MENU} (connection refused) × 1, 200 × 5")
    );
}

#[test]
fn calls_that_were_not_made_and_made_twice_are_named() {
    let mut observations = booted();
    let lives = observations.first_calls.get_mut("orders-2").expect("it booted");
    lives[1][1] = lives[1][0].clone();
    assert_eq!(
        red(&observations),
        format!(
            "orders-2 called {MENU} 2 times × 1, orders-2 did not say what came of {CHARGE} × 1, \
             orders-2 says that it got 1 answer from {CHARGE}, its sidecar's log 2 × 1, \
             orders-2 says that it got 3 answers from {MENU}, its sidecar's log 2 × 1, 200 × 4"
        )
    );
    let lives = observations.first_calls.get_mut("orders-2").expect("it booted");
    lives[1] = vec![first_call(1, CHARGE, Some(200)), first_call(2, CHARGE, Some(200))];
    assert!(red(&observations).contains(&format!("orders-2 called {CHARGE} instead of {MENU} × 1")));
}

#[test]
fn replicas_that_never_ran_are_named() {
    let mut observations = booted();
    observations.first_calls.remove("orders-1");
    assert!(red(&observations).contains("orders-1 never ran × 1"));
    assert_eq!(red(&nothing()), "orders-1 never ran × 1, orders-2 never ran × 1");
}

#[test]
fn spoilt_evidence_of_either_witness_turns_it_red() {
    let lost = red(&tamper(&booted(), Tamper::DropFirstCalls(1)));
    assert!(
        lost.contains(&format!("orders-1 did not say what came of {MENU} × 1")),
        "{lost}"
    );
    let mut observations = booted();
    // First calls come before all others.
    observations
        .telemetry
        .access
        .sort_by_key(|record| !record.headers.is_empty());
    let lost = red(&tamper(&observations, Tamper::DropAccess(1)));
    assert_eq!(
        lost,
        format!(
            "orders-1 says that it got 1 answer from {MENU}, its sidecar's log 0 × 1, \
             orders-2 says that it got 2 answers from {MENU}, its sidecar's log 1 × 1, 200 × 6"
        )
    );
}

#[test]
fn a_service_that_is_told_nothing_proves_nothing() {
    let mut scenario = booting();
    scenario.topology.services["orders"].first_calls.clear();
    let verdict = judge(&scenario, &booted()).pop().expect("one verdict");
    assert_eq!(
        (verdict.held, &*verdict.saw),
        (false, "no evidence: orders is told to call nobody at first")
    );
}
