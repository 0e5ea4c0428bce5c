//! The admin endpoint and the metrics.

use crate::support::application::{Application, answer};
use crate::support::client::{Answer, get};
use crate::support::meshes::{Alone, host};
use crate::support::snapshots::{retry, rule};

async fn asked(mesh: &Alone, path: &str) -> Answer {
    get(
        &mesh.host,
        mesh.orders.admin,
        path,
        &[("authorization", "Bearer admin")],
    )
    .await
}

#[tokio::test]
async fn it_asks_for_its_token() {
    let mesh = Alone::start().await;
    for headers in [
        &[][..],
        &[("authorization", "Bearer admim")],
        &[("authorization", "Basic admin")],
    ] {
        let refused = get(&mesh.host, mesh.orders.admin, "/config", headers).await;
        assert_eq!(refused.status, 401, "{headers:?}");
    }
}

#[tokio::test]
async fn it_is_ready_once_it_is_configured() {
    let mesh = Alone::start().await;
    assert_eq!(asked(&mesh, "/ready").await.status, 503);
    mesh.route(vec![rule("shop/payments", "/", "payments")], Vec::new())
        .await;
    assert_eq!(asked(&mesh, "/ready").await.status, 200);
    let config: serde_json::Value =
        serde_json::from_slice(&asked(&mesh, "/config").await.body).expect("JSON");
    assert_eq!(config["version"], 1);
    assert_eq!(
        config["snapshot"]["routes"]["payments"]["rules"][0]["name"],
        "shop/payments"
    );
    let stats: serde_json::Value = serde_json::from_slice(&asked(&mesh, "/stats").await.body).expect("JSON");
    assert_eq!(
        (&stats["workload"], &stats["version"]),
        (&"orders-1".into(), &1.into())
    );
}

#[tokio::test]
async fn each_request_is_counted_once_and_each_attempt_too() {
    let application = Application::start(&host(), |request| async move {
        let status = if request.uri().path() == "/bad" { 503 } else { 200 };
        answer(status, "")
    })
    .await;
    let mesh = Alone::start().await;
    let mut rule = rule("shop/payments", "/", "payments");
    rule.retry = Some(retry(2));
    mesh.route(vec![rule], vec![application.in_the_clear("payments-1")])
        .await;
    for path in ["/good", "/good", "/bad"] {
        mesh.get(path).await;
    }
    let metrics = asked(&mesh, "/metrics").await.text();
    let own =
        "source_principal=\"spiffe://hallway.test/ns/shop/sa/orders\",destination_principal=\"unknown\"";
    for line in [
        format!("hallway_requests_total{{direction=\"outbound\",route=\"shop/payments\",cluster=\"payments\",{own},response_code=\"200\",response_flags=\"-\"}} 2"),
        format!("hallway_requests_total{{direction=\"outbound\",route=\"shop/payments\",cluster=\"payments\",{own},response_code=\"503\",response_flags=\"URX\"}} 1"),
        "hallway_attempts_total{direction=\"outbound\",cluster=\"payments\",response_code=\"200\"} 2".to_owned(),
        "hallway_attempts_total{direction=\"outbound\",cluster=\"payments\",response_code=\"503\"} 3".to_owned(),
        "hallway_retries_total{direction=\"outbound\",route=\"shop/payments\",cluster=\"payments\"} 2".to_owned(),
        "hallway_request_duration_seconds_count{direction=\"outbound\",route=\"shop/payments\",cluster=\"payments\"} 3".to_owned(),
        "hallway_configuration_version 1".to_owned(),
        "hallway_control_plane_connected 1".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line}\nis not among\n{metrics}");
    }
}
