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
        fail_pattern: behaviour
            .fail_pattern
            .as_ref()
            .map(|pattern| contract::FailPattern {
                pattern: pattern.pattern.clone(),
                status: pattern.status,
            }),
        fail_share: behaviour.fail_share.as_ref().map(|share| contract::FailShare {
            share: share.share.probability(),
            status: share.status,
        }),
        reset_before: behaviour.reset_before.map(|share| share.probability()),
        reset_after: behaviour.reset_after.map(|share| share.probability()),
        truncate: behaviour.truncate.map(|share| share.probability()),
        hang: behaviour.hang,
        slow_body: behaviour.slow_body.as_ref().map(|slow| contract::SlowBody {
            pieces: slow.pieces,
            over_ms: milliseconds(slow.over.to_std()),
        }),
        ticks: behaviour.ticks.as_ref().map(|ticks| contract::Ticks {
            count: ticks.count,
            every_ms: milliseconds(ticks.every.to_std()),
        }),
        capacity: behaviour.capacity.as_ref().map(|capacity| contract::Capacity {
            at_once: capacity.at_once,
            queue: capacity.queue,
            status: capacity.status,
        }),
        effect: behaviour.effect.map(|effect| contract::EffectRule {
            once_per_key: effect == topology::Effect::OncePerKey,
        }),
        idle_close: behaviour.idle_close.map(|after| contract::IdleClose {
            ms: milliseconds(after.to_std()),
        }),
        drop_trace: behaviour.drop_trace,
    }
}

pub(crate) fn call(call: &CallTo) -> contract::Call {
    contract::Call {
        method: call.method().to_owned(),
        url: call.url(),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::behaviour;

    #[test]
    fn every_word_of_a_behaviour_is_translated() {
        let words = json!({
            "status": 201, "latency": { "p50": "10ms", "p90": "20ms", "p99": "1s" },
            "fail_first": { "attempts": 2, "status": 503 }, "fail_pattern": { "pattern": "..x", "status": 500 },
            "fail_share": { "share": "10%", "status": 502 }, "reset_before": "1 in 4", "reset_after": "50%",
            "truncate": "1 in 10", "hang": true, "slow_body": { "pieces": 3, "over": "2s" },
            "ticks": { "count": 5, "every": "1s500ms" }, "capacity": { "at_once": 8, "queue": 16, "status": 503 },
            "effect": "once_per_key", "idle_close": "2s", "drop_trace": true,
        });
        let translated = behaviour(&serde_json::from_value(words).unwrap());
        let expected = json!({
            "status": 201, "latency": { "percentiles": { "p50_ms": 10.0, "p90_ms": 20.0, "p99_ms": 1000.0 } },
            "fail_first": { "attempts": 2, "status": 503 }, "fail_pattern": { "pattern": "..x", "status": 500 },
            "fail_share": { "share": 0.1, "status": 502 }, "reset_before": 0.25, "reset_after": 0.5,
            "truncate": 0.1, "hang": true, "slow_body": { "pieces": 3, "over_ms": 2000.0 },
            "ticks": { "count": 5, "every_ms": 1500.0 }, "capacity": { "at_once": 8, "queue": 16, "status": 503 },
            "effect": { "once_per_key": true }, "idle_close": { "ms": 2000.0 }, "drop_trace": true,
        });
        assert_eq!(serde_json::to_value(translated).unwrap(), expected);
        let every_time = serde_json::from_value(json!({ "effect": "every_time" })).unwrap();
        assert!(!behaviour(&every_time).effect.unwrap().once_per_key);
    }
}
