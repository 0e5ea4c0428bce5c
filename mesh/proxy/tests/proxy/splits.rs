//! Weighted backends, unresolved ones, and clusters without endpoints.

use std::collections::BTreeMap;

use hallway_model::route::{HeaderChanges, Target};
use hallway_model::telemetry::{Direction, ResponseFlag};
use hallway_model::{Backend, ClusterName};

use crate::support::application::{Application, answer};
use crate::support::client::{Client, request};
use crate::support::meshes::{Alone, host};
use crate::support::snapshots::{add_cluster, outbound, rule};

#[tokio::test]
async fn requests_are_split_by_weight() {
    let v1 = Application::start(&host(), |_| async { answer(200, "v1") }).await;
    let v2 = Application::start(&host(), |_| async { answer(200, "v2") }).await;
    let mesh = Alone::start().await;
    let mut canary = rule("shop/canary", "/", "v1");
    let target = Target::Cluster(ClusterName("v2".to_owned()));
    canary.backends[0].weight = 90;
    canary.backends.push(Backend { target, weight: 10 });
    let mut snapshot = outbound("payments", vec![canary], Vec::new());
    add_cluster(&mut snapshot, "v1", vec![v1.in_the_clear("payments-v1-1")]);
    add_cluster(&mut snapshot, "v2", vec![v2.in_the_clear("payments-v2-1")]);
    mesh.control.put_in_force("orders-1", snapshot).await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let mut answers = BTreeMap::<String, u32>::new();
    for _ in 0..1000 {
        let answer = client
            .send(request("GET", "http://payments/", &[], ""))
            .await
            .expect("an answer");
        *answers.entry(answer.text()).or_default() += 1;
    }
    // Seven standard deviations (√(1000 · 0.1 · 0.9) ≈ 9.5); the seed is fixed anyway.
    assert!(answers["v2"].abs_diff(100) < 67, "{answers:?}");
    assert_eq!(answers["v1"] + answers["v2"], 1000);
}

#[tokio::test]
async fn what_leads_nowhere_is_answered_with_the_reason() {
    let mesh = Alone::start().await;
    let mut unresolved = rule("shop/unresolved", "/unresolved", "payments");
    let reason = "Service shop/ledger does not exist".to_owned();
    unresolved.backends[0].target = Target::Unresolved {
        reason: reason.clone(),
    };
    let mut weightless = rule("shop/weightless", "/weightless", "payments");
    weightless.backends[0].weight = 0;
    let rules = vec![
        unresolved,
        weightless,
        rule("shop/missing", "/missing", "ledger"),
        rule("shop/empty", "/empty", "payments"),
    ];
    mesh.route(rules, Vec::new()).await;
    let expected = [
        ("/unresolved", 500, vec![], reason.as_str()),
        (
            "/weightless",
            500,
            vec![],
            "rule `shop/weightless` has no backend with a weight above 0",
        ),
        (
            "/missing",
            503,
            vec![ResponseFlag::NC],
            "the configuration has no cluster `ledger`",
        ),
        (
            "/empty",
            503,
            vec![ResponseFlag::UH],
            "the cluster `payments` has no endpoint",
        ),
        (
            "/",
            404,
            vec![ResponseFlag::NR],
            "no rule of `payments` matches the request",
        ),
    ];
    for (path, status, flags, detail) in expected {
        let answer = mesh.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(
            answer.text().contains(&detail.replace('"', "\\\"")),
            "{path}: {}",
            answer.text()
        );
        let access = mesh.orders.records.access(Direction::Outbound, path).await;
        assert_eq!((access.flags, access.detail.as_deref()), (flags, Some(detail)));
    }
}

#[tokio::test]
async fn header_filters_change_requests_and_responses() {
    let application = Application::start(&host(), |request| async move {
        let tag = request
            .headers()
            .get("x-tag")
            .map_or_else(String::new, |tag| format!("{tag:?}"));
        let mut answer = answer(200, tag);
        answer
            .headers_mut()
            .append("x-internal", "1".parse().expect("a value"));
        answer
    })
    .await;
    let mesh = Alone::start().await;
    let mut filtered = rule("shop/filtered", "/", "payments");
    filtered
        .request_headers
        .set
        .push(("x-tag".to_owned(), "canary".to_owned()));
    filtered.response_headers = HeaderChanges {
        remove: vec!["x-internal".to_owned()],
        add: vec![("x-served-by".to_owned(), "v2".to_owned())],
        ..HeaderChanges::default()
    };
    mesh.route(vec![filtered], vec![application.in_the_clear("payments-1")])
        .await;
    let answer = mesh.get("/").await;
    assert_eq!(answer.text(), "\"canary\"");
    assert_eq!(
        (answer.header("x-internal"), answer.header("x-served-by")),
        (None, Some("v2"))
    );
}
