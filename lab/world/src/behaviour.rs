//! A scenario's words for protocols, behaviours and calls, in those of the service contract.

use std::time::Duration;

use hallway_scenario::topology::{self, CallTo};
use hallway_service::contract;

pub(crate) fn behaviour(behaviour: &topology::Behaviour) -> contract::Behaviour {
    contract::Behaviour {
        status: behaviour.status,
        latency: behaviour.latency.as_ref().map(latency),
        fail_first: behaviour.fail_first.as_ref().map(|first| contract::FailFirst {
            attempts: first.attempts,
            status: first.status,
        }),
        fail_share: behaviour.fail_share.as_ref().map(|share| contract::FailShare {
            share: share.share.probability(),
            status: share.status,
        }),
        reset_before: behaviour.reset_before.map(|share| share.probability()),
        reset_after: behaviour.reset_after.map(|share| share.probability()),
        hang: behaviour.hang,
        slow_body: behaviour.slow_body.as_ref().map(|slow| contract::SlowBody {
            pieces: slow.pieces,
            over_ms: milliseconds(slow.over.to_std()),
        }),
    }
}

pub(crate) fn call(call: &CallTo) -> contract::Call {
    let (method, url) = match call {
        CallTo::Service(name) => (None, format!("http://{name}/")),
        CallTo::Exact(exact) => (exact.method.as_deref(), exact.url.clone()),
    };
    contract::Call {
        method: method.unwrap_or("GET").to_owned(),
        url,
        headers: Default::default(),
        body: None,
    }
}

pub(crate) fn call_order(order: topology::CallOrder) -> contract::CallOrder {
    match order {
        topology::CallOrder::Sequence => contract::CallOrder::Sequence,
        topology::CallOrder::Parallel => contract::CallOrder::Parallel,
    }
}

pub(crate) fn protocol(protocol: topology::Protocol) -> contract::Protocol {
    match protocol {
        topology::Protocol::Http1 => contract::Protocol::Http1,
        topology::Protocol::H2c => contract::Protocol::H2c,
    }
}

fn latency(latency: &topology::Latency) -> contract::Latency {
    match latency {
        topology::Latency::Fixed(duration) => contract::Latency::Fixed {
            ms: milliseconds(duration.to_std()),
        },
        topology::Latency::Percentiles(percentiles) => contract::Latency::Percentiles {
            p50_ms: milliseconds(percentiles.p50.to_std()),
            p90_ms: milliseconds(percentiles.p90.to_std()),
            p99_ms: milliseconds(percentiles.p99.to_std()),
        },
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
