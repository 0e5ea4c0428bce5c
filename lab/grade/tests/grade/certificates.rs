//! Checks of short lives: `rotations` and `lifetimes`.

use hallway_evidence::Observations;
use hallway_grade::tamper;
use hallway_model::telemetry::{Connection, Direction, Identity};
use hallway_scenario::Tamper;
use serde_json::{Value, json};

use crate::support::{START, green, identity, nothing, red, verdict};

const SECOND: u64 = 1_000_000;
const LIFE: u64 = 300 * SECOND;

fn rotations() -> Value {
    json!({ "rotations": { "of": "all", "at_least": 3 } })
}

fn lifetimes() -> Value {
    json!({ "lifetimes": { "from": "orders", "to": "payments" } })
}

/// A sidecar puts an SVID to use so many seconds after the traffic began.
fn svid(observations: &mut Observations, workload: &str, after_seconds: u64) {
    let at_us = START + after_seconds * SECOND;
    observations.telemetry.identities.push(Identity {
        proxy: workload.to_owned(),
        at_us,
        identity: identity(workload.trim_end_matches("-1")),
        expires_us: at_us + LIFE,
        serial: format!("{workload}-{after_seconds}"),
    });
}

/// Ten minutes in which both sidecars rotate their SVIDs every 150 seconds.
fn rotating() -> Observations {
    let mut observations = nothing();
    observations.run.finished_us = START + 600 * SECOND;
    for workload in ["orders-1", "payments-1"] {
        for after_seconds in [0, 150, 300, 450] {
            svid(&mut observations, workload, after_seconds);
        }
    }
    observations
}

/// A connection from orders to payments between these seconds, with an SVID of payments that was put to use at its start.
fn connected(observations: &mut Observations, from_seconds: u64, until_seconds: u64) {
    let (opened_us, closed_us) = (START + from_seconds * SECOND, START + until_seconds * SECOND);
    crate::calls::wire(observations, "orders-1", "payments-1", opened_us);
    let wire = observations.wire.last_mut().expect("it was just added");
    wire.closed_us = Some(closed_us);
    let addresses = [
        ("payments-1", "orders", Direction::Inbound, wire.upstream_address),
        (
            "orders-1",
            "payments",
            Direction::Outbound,
            Some(wire.downstream_address),
        ),
    ];
    for (proxy, peer, direction, address) in addresses {
        observations.telemetry.connections.push(Connection {
            proxy: proxy.to_owned(),
            direction,
            peer_address: address.expect("an address"),
            peer: Some(identity(peer)),
            opened_us: opened_us + 1_000,
            closed_us: closed_us - 1_000,
            certificates_expire_us: Some(opened_us + LIFE),
            requests: 100,
        });
    }
}

/// Two connections, the later one closed 80 seconds before its certificates expire.
fn short_lived() -> Observations {
    let mut observations = rotating();
    connected(&mut observations, 0, 200);
    connected(&mut observations, 150, 370);
    observations
}

#[test]
fn rotations_hold_when_every_sidecar_rotated_in_time() {
    assert_eq!(
        green(rotations(), &rotating()),
        "3 rotations at orders-1, the fewest of 2 sidecars"
    );
}

#[test]
fn rotations_fail_when_one_sidecar_has_too_few() {
    let mut observations = rotating();
    observations.telemetry.identities[7].serial = "payments-1-300".to_owned();
    let few = verdict(rotations(), &observations);
    assert!(!few.held, "an SVID that is put to use again is no rotation");
    assert!(few.saw.starts_with("2 rotations at payments-1"), "{}", few.saw);
}

#[test]
fn rotations_fail_when_a_sidecar_was_without() {
    let mut late = rotating();
    late.telemetry.identities[5].expires_us = START + 299 * SECOND;
    let gap = verdict(rotations(), &late);
    assert!(!gap.held);
    assert_eq!(
        gap.detail,
        ["payments-1 had no valid SVID from 299.00 s on, for 1.00 s"]
    );

    let mut last = rotating();
    last.run.finished_us = START + 751 * SECOND;
    assert_eq!(
        verdict(rotations(), &last).detail[0],
        "orders-1 had no valid SVID from 750.00 s on, for 1.00 s"
    );
}

#[test]
fn rotations_without_records_are_red() {
    assert_eq!(
        red(rotations(), &nothing()),
        "no evidence: orders-1 has no record of an SVID"
    );
    let nobody = json!({ "rotations": { "of": "billing", "at_least": 1 } });
    assert_eq!(
        red(nobody, &rotating()),
        "no evidence: no sidecar of billing took part"
    );
}

#[test]
fn lifetimes_hold_when_every_connection_ends_before_its_certificates() {
    let held = verdict(lifetimes(), &short_lived());
    assert!(held.held, "{held:?}");
    assert_eq!(held.saw, "connections: closed in time × 2");
    assert_eq!(held.detail, ["the latest was closed 80.00 s before the expiry"]);
}

#[test]
fn lifetimes_believe_the_wire_more_than_the_sidecars() {
    let delay = "90s".parse().expect("a duration");
    let spoilt = tamper(&short_lived(), Tamper::DelayCloses(delay));
    assert_eq!(
        red(lifetimes(), &spoilt),
        "connections: outlived a certificate × 1, closed in time × 1"
    );
    let mut open = short_lived();
    open.wire[0].closed_us = None;
    assert!(
        red(lifetimes(), &open).contains("outlived"),
        "it was open to the end of the run"
    );
}

#[test]
fn lifetimes_compare_what_the_sidecars_say() {
    let mut boastful = short_lived();
    boastful.telemetry.connections[0].certificates_expire_us = Some(START + LIFE + 1);
    assert!(red(lifetimes(), &boastful).contains("longer certificates than were issued × 1"));

    let mut plaintext = short_lived();
    plaintext.telemetry.connections[0].certificates_expire_us = None;
    assert!(red(lifetimes(), &plaintext).contains("without certificates × 1"));

    let mut caller = short_lived();
    caller.telemetry.connections[1].closed_us = START + 301 * SECOND;
    assert!(red(lifetimes(), &caller).contains("outlived a certificate, as orders-1 says × 1"));

    let mut silent = short_lived();
    silent.telemetry.connections.remove(0);
    assert!(red(lifetimes(), &silent).contains("without a record of payments-1 × 1"));

    let mut anonymous = short_lived();
    anonymous.telemetry.identities.clear();
    assert!(red(lifetimes(), &anonymous).contains("without a record of their SVIDs × 2"));
}

#[test]
fn lifetimes_ignore_handshakes_that_failed() {
    let mut observations = short_lived();
    connected(&mut observations, 500, 501);
    observations.telemetry.connections.truncate(4);
    assert_eq!(
        green(lifetimes(), &observations),
        "connections: closed in time × 2"
    );
}

#[test]
fn lifetimes_without_connections_are_red() {
    assert_eq!(
        red(lifetimes(), &rotating()),
        "no evidence: no connection from orders to payments"
    );
}
