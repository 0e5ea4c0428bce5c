//! Evidence by hand: calls of `orders` to `payments` through both sidecars, which all witnesses describe alike, until a
//! test spoils them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hallway_evidence::ledger::{CORRELATION_HEADER, Finished, Outcome, Received};
use hallway_evidence::{
    ClientRecord, Closed, LedgerEntry, Observations, Push, PushOutcome, ResponseSeen, Run, Sample, Telemetry,
    Variant, WireConnection,
};
use hallway_grade::{Verdict, judge};
use hallway_model::telemetry::{Access, Direction, Judgement, Span};
use hallway_model::{ClusterName, Origin, SpiffeId};
use hallway_scenario::Scenario;
use serde_json::{Value, json};

/// When the traffic begins.
pub(crate) const START: u64 = 1_800_000_000_000_000;
/// From one request to the next.
pub(crate) const INTERVAL: u64 = 10_000;

/// A scenario with these checks and controls.
pub(crate) fn scenario(checks: Value, controls: Value) -> Scenario {
    let scenario = json!({
        "scenario": "two-sidecars",
        "title": "a call crosses two sidecars",
        "teaches": "What the witnesses see",
        "grounds": ["processes", "simulated"],
        "topology": { "services": {
            "orders": { "calls": ["payments"] },
            "payments": { "behaviour": { "fail_first": { "attempts": 2, "status": 503 } } },
        } },
        "rules": "rules.yaml",
        "traffic": { "checkout": { "from": "orders", "to": "http://payments/charge" } },
        "checks": checks,
        "controls": controls,
    });
    serde_json::from_value(scenario).expect("a well-formed scenario")
}

/// The verdict of one check.
pub(crate) fn verdict(check: Value, observations: &Observations) -> Verdict {
    let scenario = scenario(json!({ "the-check": check }), json!({}));
    judge(&scenario, observations)
        .pop()
        .expect("one verdict per check")
}

/// Asserts that a check holds, and returns what was seen.
#[track_caller]
pub(crate) fn green(check: Value, observations: &Observations) -> String {
    let verdict = verdict(check, observations);
    assert!(verdict.held, "red: {verdict:#?}");
    verdict.saw
}

/// Asserts that a check fails, and returns what was seen.
#[track_caller]
pub(crate) fn red(check: Value, observations: &Observations) -> String {
    let verdict = verdict(check, observations);
    assert!(!verdict.held, "green: {verdict:#?}");
    verdict.saw
}

/// A call and what became of its attempts: a status and a replica each.
pub(crate) struct Call<'a> {
    pub(crate) traffic: &'a str,
    pub(crate) attempts: &'a [(u16, &'a str)],
    /// How long each attempt takes.
    pub(crate) took_us: u64,
}

impl Default for Call<'_> {
    fn default() -> Self {
        Self {
            traffic: "checkout",
            attempts: &[(200, "payments-1")],
            took_us: 2_000,
        }
    }
}

/// `count` calls that went well.
pub(crate) fn healthy(count: u64) -> Observations {
    let mut observations = nothing();
    for _ in 0..count {
        call(&mut observations, &Call::default());
    }
    observations
}

/// A run in which nothing happened but the initial push.
pub(crate) fn nothing() -> Observations {
    let run = Run {
        scenario: "two-sidecars".to_owned(),
        variant: Variant::Scenario,
        ground: "processes".to_owned(),
        seed: 1,
        started_us: START,
        finished_us: START + 2_000_000,
        sidecars: vec!["orders-1".to_owned(), "payments-1".to_owned()],
    };
    Observations {
        run,
        client: Vec::new(),
        ledger: Vec::new(),
        wire: Vec::new(),
        telemetry: Telemetry::default(),
        pushes: vec![accepted("rules.yaml", START - 1_000_000, 1)],
        control: Vec::new(),
        incidents: Vec::new(),
    }
}

/// A push that was accepted and in force everywhere 40 ms later.
pub(crate) fn accepted(rules: &str, sent_us: u64, generation: u64) -> Push {
    Push {
        rules: rules.to_owned(),
        initial: generation == 1,
        sent_us,
        answered_us: sent_us + 5_000,
        outcome: PushOutcome::Accepted { generation },
        settled_us: Some(sent_us + 40_000),
        proxies: Vec::new(),
        status_problems: Vec::new(),
    }
}

/// Records a call with every witness.
pub(crate) fn call(observations: &mut Observations, call: &Call<'_>) {
    let number = observations.client.len() as u64;
    let names = Names::new(number);
    let (last_status, last_instance) = *call.attempts.last().expect("a call has attempts");
    let start_us = START + number * INTERVAL;
    let attempts = call.attempts.len() as u64;
    let finished_us = start_us + 500 + attempts * call.took_us;

    observations.client.push(ClientRecord {
        traffic: call.traffic.to_owned(),
        correlation: names.correlation.clone(),
        intended_us: start_us,
        started_us: start_us,
        finished_us,
        method: "GET".to_owned(),
        url: "http://payments/charge".to_owned(),
        local_address: Some(client_address(number)),
        outcome: Ok(ResponseSeen {
            status: last_status,
            request_id: Some(names.request_id.clone()),
            service: Some("payments".to_owned()),
            instance: Some(last_instance.to_owned()),
            proxy_message: None,
        }),
    });
    observations.telemetry.access.push(Access {
        cluster: Some(cluster()),
        rule: Some("shop/checkout#1".to_owned()),
        origin: Some(Origin {
            file: "rules.yaml".to_owned(),
            line: 9,
        }),
        endpoint: Some(last_instance.to_owned()),
        upstream_peer: Some(identity("payments")),
        duration_us: finished_us - start_us - 200,
        attempts: u32::try_from(attempts).expect("few attempts"),
        ..access(
            "orders-1",
            Direction::Outbound,
            start_us + 100,
            last_status,
            &names,
        )
    });
    count_request(observations, "orders-1", "outbound");
    for (index, (status, instance)) in call.attempts.iter().enumerate() {
        let at_us = start_us + 200 + index as u64 * call.took_us;
        let is_last = index + 1 == call.attempts.len();
        attempt(
            observations,
            &names,
            index as u64 + 1,
            at_us,
            call.took_us,
            (*status, instance),
            is_last,
        );
    }
    wire(observations, "orders-1", last_instance, start_us);
}

fn attempt(
    observations: &mut Observations,
    names: &Names,
    attempt: u64,
    at_us: u64,
    took_us: u64,
    (status, instance): (u16, &str),
    is_last: bool,
) {
    let outbound_id = format!("{:016x}", names.number * 100 + attempt * 2);
    let inbound_id = format!("{:016x}", names.number * 100 + attempt * 2 + 1);
    let judgement = match is_last {
        true => Judgement::Returned { reason: None },
        false => Judgement::Retried {
            reason: format!("{status} is in retry.codes"),
            backoff_us: 300,
        },
    };
    let outbound = Span {
        proxy: "orders-1".to_owned(),
        direction: Direction::Outbound,
        trace_id: names.trace_id.clone(),
        span_id: outbound_id.clone(),
        parent_span_id: None,
        request_id: names.request_id.clone(),
        attempt: u32::try_from(attempt).expect("few attempts"),
        start_us: at_us,
        duration_us: took_us - 300,
        cluster: Some(cluster()),
        endpoint: Some(instance.to_owned()),
        upstream_peer: Some(identity("payments")),
        new_connection: names.number == 0 && attempt == 1,
        status: Some(status),
        error: None,
        judgement,
    };
    let inbound = Span {
        proxy: instance.to_owned(),
        direction: Direction::Inbound,
        span_id: inbound_id.clone(),
        parent_span_id: Some(outbound_id),
        attempt: 1,
        start_us: at_us + 200,
        duration_us: took_us - 700,
        upstream_peer: None,
        judgement: Judgement::Returned { reason: None },
        ..outbound.clone()
    };
    observations.telemetry.spans.extend([outbound, inbound]);
    observations.telemetry.access.push(Access {
        downstream_peer: Some(identity("orders")),
        duration_us: took_us - 700,
        ..access(instance, Direction::Inbound, at_us + 200, status, names)
    });
    count_request(observations, instance, "inbound");
    let handling = observations.ledger.len() as u64 + 1;
    observations.ledger.push(LedgerEntry {
        received: Received {
            handling,
            service: instance
                .rsplit_once('-')
                .expect("a replica has a number")
                .0
                .to_owned(),
            version: "v1".to_owned(),
            instance: instance.to_owned(),
            at_us: at_us + 300,
            method: "GET".to_owned(),
            path: "/charge".to_owned(),
            request_id: Some(names.request_id.clone()),
            correlation: Some(names.correlation.clone()),
            attempt: Some(u32::try_from(attempt).expect("few attempts")),
            client_cert: Some(format!(
                "By={};Hash=00;URI={}",
                identity("payments"),
                identity("orders")
            )),
            traceparent: Some(format!("00-{}-{inbound_id}-01", names.trace_id)),
        },
        finished: Some(Finished {
            handling,
            at_us: at_us + took_us - 600,
            outcome: Outcome::Answered,
            status: Some(status),
        }),
    });
}

/// The names under which the witnesses know a request.
struct Names {
    number: u64,
    correlation: String,
    request_id: String,
    trace_id: String,
}

impl Names {
    fn new(number: u64) -> Self {
        Self {
            number,
            correlation: correlation(number),
            request_id: format!("request-id-{number}"),
            trace_id: format!("{:032x}", number + 1),
        }
    }
}

/// The id of the request with this number, from 0.
pub(crate) fn correlation(number: u64) -> String {
    format!("{:08x}-e4b1", 0x7f3a_0000 + number)
}

/// The client's address for the request with this number.
pub(crate) fn client_address(number: u64) -> SocketAddr {
    SocketAddr::from((
        [127, 0, 0, 1],
        u16::try_from(20_000 + number).expect("few requests"),
    ))
}

/// The identity of a service.
pub(crate) fn identity(service: &str) -> SpiffeId {
    format!("spiffe://hallway.test/ns/shop/sa/{service}")
        .parse()
        .expect("a well-formed identity")
}

/// A connection between two workloads that carried data.
pub(crate) fn wire(observations: &mut Observations, from: &str, to: &str, opened_us: u64) {
    let port = u16::try_from(40_000 + observations.wire.len()).expect("few connections");
    observations.wire.push(WireConnection {
        from: from.to_owned(),
        to: to.to_owned(),
        opened_us,
        closed_us: None,
        downstream_address: SocketAddr::from(([127, 0, 0, 2], port)),
        upstream_address: Some(SocketAddr::from(([127, 0, 0, 3], port))),
        bytes_up: 900,
        bytes_down: 1_200,
        tls: true,
        application_records: 4,
        marker_seen: false,
        closed: Some(Closed::Orderly),
    });
}

fn cluster() -> ClusterName {
    ClusterName("shop/payments:80".to_owned())
}

fn access(proxy: &str, direction: Direction, start_us: u64, status: u16, names: &Names) -> Access {
    Access {
        proxy: proxy.to_owned(),
        direction,
        start_us,
        duration_us: 1_000,
        request_id: names.request_id.clone(),
        trace_id: names.trace_id.clone(),
        method: "GET".to_owned(),
        authority: "payments".to_owned(),
        path: "/charge".to_owned(),
        rule: None,
        origin: None,
        cluster: None,
        endpoint: None,
        downstream_peer: None,
        upstream_peer: None,
        status: Some(status),
        flags: Vec::new(),
        detail: None,
        attempts: 1,
        request_bytes: 0,
        response_bytes: 120,
        headers: BTreeMap::from([(CORRELATION_HEADER.to_owned(), names.correlation.clone())]),
    }
}

fn count_request(observations: &mut Observations, proxy: &str, direction: &str) {
    let samples = observations
        .telemetry
        .metrics
        .entry(proxy.to_owned())
        .or_default();
    let labels = BTreeMap::from([("direction".to_owned(), direction.to_owned())]);
    match samples.iter_mut().find(|sample| sample.labels == labels) {
        Some(sample) => sample.value += 1.0,
        None => samples.push(Sample {
            name: "hallway_requests_total".to_owned(),
            labels,
            value: 1.0,
        }),
    }
}
