//! Calls of `orders` to `payments` through both sidecars, which all witnesses describe alike, until a test spoils them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hallway_evidence::ledger::{CORRELATION_HEADER, Finished, Outcome, Received};
use hallway_evidence::{
    ClientRecord, Closed, LedgerEntry, Observations, ResponseSeen, Sample, WireConnection,
};
use hallway_model::telemetry::{Access, Direction, Judgement, Span};
use hallway_model::{ClusterName, Origin, SpiffeId};

use crate::support::{INTERVAL, START};

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

/// Records a call with every witness.
pub(crate) fn call(observations: &mut Observations, call: &Call<'_>) {
    let number = observations.client.len() as u64;
    let names = Names::new(number);
    let (last_status, last_instance) = *call.attempts.last().expect("a call has attempts");
    let start_us = START + number * INTERVAL;
    let attempts = call.attempts.len() as u64;
    let finished_us = start_us + 500 + attempts * call.took_us;

    observations
        .client
        .push(client_record(call, &names, start_us, finished_us));
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
        let made = Attempt {
            number: index as u64 + 1,
            at_us: start_us + 200 + index as u64 * call.took_us,
            took_us: call.took_us,
            status: *status,
            instance,
            is_last: index + 1 == call.attempts.len(),
        };
        attempt(observations, &names, &made);
    }
    wire(observations, "orders-1", last_instance, start_us);
}

fn client_record(call: &Call<'_>, names: &Names, start_us: u64, finished_us: u64) -> ClientRecord {
    let (last_status, last_instance) = *call.attempts.last().expect("a call has attempts");
    ClientRecord {
        traffic: call.traffic.to_owned(),
        correlation: names.correlation.clone(),
        idempotency_key: None,
        intended_us: start_us,
        started_us: start_us,
        finished_us,
        method: "GET".to_owned(),
        url: "http://payments/charge".to_owned(),
        local_address: Some(client_address(names.number)),
        outcome: Ok(ResponseSeen {
            status: last_status,
            request_id: Some(names.request_id.clone()),
            service: Some("payments".to_owned()),
            instance: Some(last_instance.to_owned()),
            proxy_message: None,
            grpc: None,
        }),
    }
}

/// One attempt, at its replica.
struct Attempt<'a> {
    number: u64,
    at_us: u64,
    took_us: u64,
    status: u16,
    instance: &'a str,
    is_last: bool,
}

fn attempt(observations: &mut Observations, names: &Names, attempt: &Attempt<'_>) {
    let outbound = outbound_span(names, attempt);
    let inbound = Span {
        proxy: attempt.instance.to_owned(),
        direction: Direction::Inbound,
        span_id: format!("{:016x}", names.number * 100 + attempt.number * 2 + 1),
        parent_span_id: Some(outbound.span_id.clone()),
        attempt: 1,
        start_us: attempt.at_us + 200,
        duration_us: attempt.took_us - 700,
        upstream_peer: None,
        judgement: Judgement::Returned { reason: None },
        ..outbound.clone()
    };
    observations.telemetry.access.push(Access {
        downstream_peer: Some(identity("orders")),
        duration_us: inbound.duration_us,
        ..access(
            attempt.instance,
            Direction::Inbound,
            inbound.start_us,
            attempt.status,
            names,
        )
    });
    count_request(observations, attempt.instance, "inbound");
    let handling = observations.ledger.len() as u64 + 1;
    observations.ledger.push(LedgerEntry {
        received: received(names, attempt, handling, &inbound.span_id),
        effects: Vec::new(),
        finished: Some(Finished {
            handling,
            at_us: attempt.at_us + attempt.took_us - 600,
            outcome: Outcome::Answered,
            status: Some(attempt.status),
        }),
    });
    observations.telemetry.spans.extend([outbound, inbound]);
}

fn outbound_span(names: &Names, attempt: &Attempt<'_>) -> Span {
    let judgement = match attempt.is_last {
        true => Judgement::Returned { reason: None },
        false => {
            let reason = format!("{} is in retry.codes", attempt.status);
            Judgement::Retried {
                reason,
                limit: 3,
                backoff_us: 300,
            }
        }
    };
    Span {
        proxy: "orders-1".to_owned(),
        direction: Direction::Outbound,
        trace_id: names.trace_id.clone(),
        span_id: format!("{:016x}", names.number * 100 + attempt.number * 2),
        parent_span_id: None,
        request_id: names.request_id.clone(),
        attempt: u32::try_from(attempt.number).expect("few attempts"),
        start_us: attempt.at_us,
        duration_us: attempt.took_us - 300,
        cluster: Some(cluster()),
        endpoint: Some(attempt.instance.to_owned()),
        upstream_peer: Some(identity("payments")),
        new_connection: names.number == 0 && attempt.number == 1,
        status: Some(attempt.status),
        error: None,
        judgement,
    }
}

fn received(names: &Names, attempt: &Attempt<'_>, handling: u64, inbound_span: &str) -> Received {
    Received {
        handling,
        service: attempt
            .instance
            .rsplit_once('-')
            .expect("a replica has a number")
            .0
            .to_owned(),
        version: "v1".to_owned(),
        instance: attempt.instance.to_owned(),
        at_us: attempt.at_us + 300,
        method: "GET".to_owned(),
        path: "/charge".to_owned(),
        request_id: Some(names.request_id.clone()),
        correlation: Some(names.correlation.clone()),
        attempt: Some(u32::try_from(attempt.number).expect("few attempts")),
        client_cert: Some(format!("By={};URI={}", identity("payments"), identity("orders"))),
        traceparent: Some(format!("00-{}-{inbound_span}-01", names.trace_id)),
    }
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

/// A connection between two workloads that carried a request.
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
        denial: None,
        attempts: 1,
        request_bytes: 0,
        response_bytes: 120,
        endpoints: 1,
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
