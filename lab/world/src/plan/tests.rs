use hallway_scenario::Scenario;
use hallway_scenario::topology::Starts;
use hallway_service::contract::{Latency, Protocol};
use serde_json::{Value, json};

use super::{Plan, Workload};

fn scenario(services: Value, traffic: Value) -> Scenario {
    serde_json::from_value(json!({
        "scenario": "test", "title": "", "teaches": "", "grounds": ["processes"],
        "topology": { "services": services }, "rules": "rules.yaml", "traffic": traffic,
        "checks": {}, "controls": {},
    }))
    .unwrap()
}

#[test]
fn a_service_becomes_its_replicas() {
    let plan = Plan::of(&scenario(
        json!({
            "orders": { "language": "python", "calls": ["payments", { "url": "http://ledger/entry", "method": "POST" }] },
            "payments": {
                "replicas": 2, "protocol": "h2c", "version": "v3", "identity": "billing", "sidecar": { "route_rules": 10 },
                "behaviour": { "latency": "5ms", "reset_before": "1 in 4" },
                "instances": { "payments-2": { "behaviour": { "status": 503 } } },
            },
        }),
        json!({}),
    ))
    .unwrap();
    let names: Vec<&str> = plan
        .workloads
        .iter()
        .map(|workload| workload.name.as_str())
        .collect();
    assert_eq!(names, ["orders-1", "payments-1", "payments-2"]);
    let [orders, first, second] = &plan.workloads[..] else {
        unreachable!()
    };
    assert_eq!(orders.version, "v1");
    assert_eq!(
        (orders.calls[0].method.as_str(), orders.calls[0].url.as_str()),
        ("GET", "http://payments/")
    );
    assert_eq!(
        (orders.calls[1].method.as_str(), orders.calls[1].url.as_str()),
        ("POST", "http://ledger/entry")
    );
    assert_eq!(
        first.identity.to_string(),
        "spiffe://hallway.test/ns/shop/sa/billing"
    );
    assert_eq!((first.version.as_str(), first.route_rules), ("v3", Some(10)));
    assert_eq!(first.behaviour.latency, Some(Latency::Fixed { ms: 5.0 }));
    assert_eq!(first.behaviour.reset_before, Some(0.25));
    assert_eq!(
        (orders.protocol, first.protocol),
        (Protocol::Http1, Protocol::H2c)
    );
    assert_eq!(second.behaviour.status, Some(503));
    assert_eq!(
        second.behaviour.latency, None,
        "a replica's own behaviour replaces its service's"
    );
}

#[test]
fn whoever_calls_or_is_called_upon_to_call_is_a_caller() {
    let plan = Plan::of(&scenario(
        json!({ "a": { "calls": ["d"] }, "b": {}, "c": {}, "d": {} }),
        json!({
            "one": { "from": "b", "to": "http://d/", "count": 1 },
            "two": { "via": "c", "to": "http://d/", "count": 1 },
            "three": { "from": "intruder", "to": "d", "present": "plaintext", "count": 1 },
        }),
    ))
    .unwrap();
    let callers: Vec<&str> = plan.callers().collect();
    assert_eq!(callers, ["a-1", "b-1", "c-1"]);
}

#[test]
fn who_calls_at_first_is_a_caller_and_joins_a_mesh_that_runs() {
    let plan = Plan::of(&scenario(
        json!({
            "a": { "first_calls": ["c", { "url": "http://c/warm", "method": "POST" }], "starts": "before_sidecar", "replicas": 2 },
            "b": { "first_calls": ["c"] },
            "c": {},
        }),
        json!({}),
    ))
    .unwrap();
    let names = |workloads: Vec<&Workload>| {
        let names = workloads.into_iter().map(|workload| workload.name.clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(plan.residents().collect()), ["c-1"]);
    assert_eq!(names(plan.newcomers().collect()), ["a-1", "a-2", "b-1"]);
    assert_eq!(plan.callers().collect::<Vec<_>>(), ["a-1", "a-2", "b-1"]);
    let [first, _, third, _] = &plan.workloads[..] else {
        unreachable!()
    };
    assert_eq!(
        (
            first.first_calls[1].method.as_str(),
            first.first_calls[1].url.as_str()
        ),
        ("POST", "http://c/warm")
    );
    assert_eq!(
        (first.starts, third.starts),
        (Starts::BeforeSidecar, Starts::Held)
    );
}

#[test]
fn a_registry_can_lie() {
    let services = json!({ "ledger": { "resolves_to": "marketing" }, "marketing": {} });
    let plan = Plan::of(&scenario(services, json!({}))).unwrap();
    assert_eq!(plan.workloads.len(), 1);
    let claim = &plan.claims[0];
    assert_eq!(
        (claim.name.as_str(), claim.service_account.as_str()),
        ("ledger-1", "ledger")
    );
    assert_eq!(claim.really, "marketing-1");

    let nowhere = json!({ "ledger": { "resolves_to": "nobody" } });
    let error = Plan::of(&scenario(nowhere, json!({}))).unwrap_err();
    assert!(
        error.to_string().contains("topology.services.ledger.resolves_to"),
        "{error}"
    );
}

#[test]
fn a_name_that_makes_no_identity_is_refused() {
    let services = json!({ "orders": { "identity": "a/b" } });
    let error = Plan::of(&scenario(services, json!({}))).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("topology.services.orders.identity: "),
        "{error}"
    );
}
