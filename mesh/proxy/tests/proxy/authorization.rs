//! Who may do what at a workload: the callee's sidecar asks its policies for each request.

use hallway_model::authorization::{AuthorizationAction, AuthorizationRule, Operation, Source, TextMatch};
use hallway_model::telemetry::{Denial, Direction};
use hallway_model::{AuthorizationPolicy, MtlsMode, Origin, Protocol};

use crate::support::application::{Application, answer};
use crate::support::client::{Client, get, raw, request};
use crate::support::http2::{self, Client as Http2Client};
use crate::support::meshes::{Pair, host};

const ORDERS: &str = "hallway.test/ns/shop/sa/orders";

fn origin() -> Origin {
    Origin {
        file: "rules.yaml".to_owned(),
        line: 7,
    }
}

/// A policy with one rule, for these principals (all, when there is none) and this path.
fn policy(action: AuthorizationAction, principals: &[&str], path: TextMatch) -> AuthorizationPolicy {
    let principals = principals
        .iter()
        .map(|principal| TextMatch::Exact((*principal).to_owned()));
    let source = Source {
        principals: principals.collect(),
        ..Source::default()
    };
    let operation = Operation {
        paths: vec![path],
        ..Operation::default()
    };
    AuthorizationPolicy {
        action,
        rules: vec![AuthorizationRule {
            name: "shop/need-to-know#1".to_owned(),
            origin: origin(),
            from: vec![source],
            to: vec![operation],
        }],
    }
}

fn allow(principals: &[&str], path: &str) -> AuthorizationPolicy {
    policy(
        AuthorizationAction::Allow,
        principals,
        TextMatch::Prefix(path.to_owned()),
    )
}

fn deny(path: &str) -> AuthorizationPolicy {
    policy(AuthorizationAction::Deny, &[], TextMatch::Prefix(path.to_owned()))
}

/// Two sidecars, and an application that answers with the path that it was asked for.
async fn pair() -> Pair {
    let host = host();
    let application = Application::start(
        &host,
        |request| async move { answer(200, request.uri().to_string()) },
    )
    .await;
    Pair::start(host, application).await
}

/// Puts `policies` in force at `payments-1`.
async fn enforce(mesh: &Pair, mtls: MtlsMode, protocol: Protocol, policies: Vec<AuthorizationPolicy>) {
    mesh.accept_with(mtls, |inbound| {
        inbound.protocol = protocol;
        inbound.authorization = policies;
    })
    .await;
}

async fn enforce_strictly(mesh: &Pair, policies: Vec<AuthorizationPolicy>) {
    enforce(mesh, MtlsMode::Strict, Protocol::Http1, policies).await;
}

#[tokio::test]
async fn what_no_policy_allows_is_refused_by_the_callee_in_envoys_words() {
    let mesh = pair().await;
    enforce_strictly(&mesh, vec![allow(&[ORDERS], "/charge")]).await;
    assert_eq!(mesh.get("/charge?amount=1").await.text(), "/charge?amount=1");
    let refused = mesh.get("/refund").await;
    assert_eq!(
        (refused.status.as_u16(), refused.text().as_str()),
        (403, "RBAC: access denied")
    );
    assert_eq!(refused.header("content-type"), Some("text/plain"));
    assert_eq!(
        refused.header("x-hallway-answered-by"),
        Some("payments-1 inbound")
    );

    let access = mesh.payments.records.access(Direction::Inbound, "/refund").await;
    assert_eq!((access.status, access.attempts), (Some(403), 0));
    assert_eq!(access.denial, Some(Denial::NotAllowed));
    assert_eq!(
        access.detail.as_deref(),
        Some("rbac_access_denied_matched_policy[none]")
    );
    let allowed = mesh
        .payments
        .records
        .access(Direction::Inbound, "/charge?amount=1")
        .await;
    assert_eq!(allowed.denial, None);
    let caller = mesh.orders.records.access(Direction::Outbound, "/refund").await;
    assert_eq!(
        (caller.status, caller.denial),
        (Some(403), None),
        "it is not the caller's sidecar that refuses"
    );
}

#[tokio::test]
async fn a_rule_that_denies_is_named_in_log_and_metrics() {
    let mesh = pair().await;
    enforce_strictly(&mesh, vec![allow(&[ORDERS], "/"), deny("/admin")]).await;
    assert_eq!(mesh.get("/admin/keys").await.status, 403);
    let access = mesh
        .payments
        .records
        .access(Direction::Inbound, "/admin/keys")
        .await;
    assert_eq!(
        access.detail.as_deref(),
        Some("rbac_access_denied_matched_policy[shop/need-to-know#1]")
    );
    let expected = Denial::Denied {
        rule: "shop/need-to-know#1".to_owned(),
        origin: origin(),
    };
    assert_eq!(access.denial, Some(expected));
    let token = [("authorization", "Bearer admin")];
    let metrics = get(&mesh.host, mesh.payments.admin, "/metrics", &token)
        .await
        .text();
    let counted =
        r#"hallway_requests_denied_total{direction="inbound",because="denied",rule="shop/need-to-know#1"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn the_path_that_is_authorised_is_the_path_that_is_forwarded() {
    let mesh = pair().await;
    enforce_strictly(&mesh, vec![deny("/admin")]).await;
    for path in [
        "/%61dmin",
        "/admin%3Fx",
        "/admin;v=1",
        "/%41dmin/../admin",
        "//admin",
        "/x/../admin",
        "/x/%2e%2E/admin",
        "/x%2f..%2fadmin",
    ] {
        let status = mesh.get(path).await.status.as_u16();
        assert!(matches!(status, 400 | 403), "{path}: {status}");
    }
    // As they came: nothing is repaired.
    for path in [
        "/charge",
        "/a%20b",
        "/%63harge?next=//admin/..",
        "/ann%40shop.test",
    ] {
        assert_eq!(mesh.get(path).await.text(), path);
    }
    let access = mesh.payments.records.access(Direction::Inbound, "//admin").await;
    let detail = access.detail.expect("the proxy answered");
    assert_eq!(
        detail,
        "the path can be read in more than one way: it has an empty segment (`//`)"
    );
    assert_eq!(access.denial, None);

    enforce_strictly(&mesh, Vec::new()).await;
    assert_eq!(
        mesh.get("/x/../admin").await.text(),
        "/x/../admin",
        "without policies nobody looks"
    );
}

#[tokio::test]
async fn a_method_in_lower_case_might_be_taken_for_another() {
    let mesh = pair().await;
    let get = |method: &'static str| request(method, "http://payments/charge", &[], "");
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    enforce_strictly(&mesh, vec![deny("/admin")]).await;
    assert_eq!(client.send(get("get")).await.expect("an answer").status, 400);
    assert_eq!(client.send(get("PURGE")).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn the_target_of_options_is_no_path() {
    let mesh = pair().await;
    enforce(&mesh, MtlsMode::Permissive, Protocol::Http1, vec![deny("/admin")]).await;
    let request = b"OPTIONS * HTTP/1.1\r\nhost: payments\r\nconnection: close\r\n\r\n";
    let answer = raw(&mesh.host, mesh.payments.inbound, request).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_peer_without_an_identity_is_nobody() {
    let mesh = pair().await;
    enforce(
        &mesh,
        MtlsMode::Permissive,
        Protocol::Http1,
        vec![allow(&[ORDERS], "/")],
    )
    .await;
    assert_eq!(mesh.get("/charge").await.status, 200);
    let headers = [
        ("host", "payments"),
        (
            "x-forwarded-client-cert",
            "URI=spiffe://hallway.test/ns/shop/sa/orders",
        ),
    ];
    let plain = get(&mesh.host, mesh.payments.inbound, "/charge", &headers).await;
    assert_eq!(plain.status, 403);
}

#[tokio::test]
async fn a_connection_that_is_open_already_obeys_new_policies() {
    let mesh = pair().await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let charge = || request("GET", "http://payments/charge", &[], "");
    assert_eq!(client.send(charge()).await.expect("an answer").status, 200);
    enforce_strictly(&mesh, vec![allow(&["hallway.test/ns/shop/sa/web"], "/")]).await;
    assert_eq!(client.send(charge()).await.expect("an answer").status, 403);
    enforce_strictly(&mesh, vec![allow(&[ORDERS], "/")]).await;
    assert_eq!(client.send(charge()).await.expect("an answer").status, 200);
    let connections = mesh.payments.records.connections();
    assert!(
        connections.is_empty(),
        "it is one connection, still open: {connections:?}"
    );
}

#[tokio::test]
async fn grpc_is_refused_in_its_own_words() {
    let host = host();
    let application = http2::application(&host, |_| async { answer(200, "served") }).await;
    let mesh = http2::pair(host, application).await;
    enforce(
        &mesh,
        MtlsMode::Strict,
        Protocol::Http2,
        vec![deny("/shop.Payments/Refund")],
    )
    .await;
    let client = Http2Client::connect(&mesh.host, mesh.orders.outbound);
    let mut client = client.await;
    let call = |method: &str| {
        let uri = format!("http://payments/shop.Payments/{method}");
        request("POST", &uri, &[("content-type", "application/grpc")], "")
    };
    let (refused, _) = client.send(call("Refund")).await.expect("an answer");
    assert_eq!(refused.status, 200);
    assert_eq!(refused.header("grpc-status"), Some("7"));
    assert_eq!(refused.header("grpc-message"), Some("RBAC: access denied"));
    let (served, _) = client.send(call("Charge")).await.expect("an answer");
    assert_eq!(served.text(), "served");
}
