//! Who is refused, by whom, and for which reason.

use std::time::Duration;

use bytes::Bytes;
use hallway_host::Host;
use hallway_identity::{Authority, Svid, SvidStore, Validity, Versions, client_config, server_name};
use hallway_model::telemetry::{Direction, RefusalReason, ResponseFlag};
use hallway_model::{MtlsMode, SpiffeId, TrustDomain};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio_rustls::TlsConnector;

use crate::support::application::{Application, answer, behind};
use crate::support::client::{Client, get, raw, request};
use crate::support::control::Control;
use crate::support::meshes::{LONG, Pair, host};
use crate::support::sidecar::{Sidecar, bootstrap};
use crate::support::snapshots::{identity, inbound, outbound, rule};
use crate::support::soon;

async fn pair() -> Pair {
    let host = host();
    let application = Application::start(&host, |_| async { answer(200, "served") }).await;
    Pair::start(host, application).await
}

/// Calls `payments-1` with `svid`, without a sidecar: an intruder.
async fn intrude(mesh: &Pair, svid: Svid) -> Result<String, String> {
    let store = SvidStore::new(svid, &mesh.control.authority.bundle());
    let config = client_config(&mesh.host, &store, identity("payments"), Versions::Http1);
    let calling = async {
        let stream = mesh.host.connect(mesh.payments.inbound).await?;
        let stream = TlsConnector::from(config).connect(server_name(), stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        mesh.host.spawn(async move { drop(connection.await) });
        let request = http::Request::get("/")
            .header("host", "payments")
            .body(Empty::<Bytes>::new())?;
        let body = sender
            .send_request(request)
            .await?
            .into_body()
            .collect()
            .await?
            .to_bytes();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(String::from_utf8_lossy(&body).into_owned())
    };
    soon("the end of the intrusion", calling)
        .await
        .map_err(|error| error.to_string())
}

fn minted(authority: &Authority, identity: &SpiffeId, validity: Validity) -> Svid {
    authority
        .mint(identity, validity)
        .expect("an identity of its trust domain")
}

fn good_for_an_hour(host: &Host) -> Validity {
    Validity::starting(host.wall_clock(), LONG)
}

#[tokio::test]
async fn plaintext_is_refused_where_mutual_tls_is_required() {
    let mesh = pair().await;
    let answer = raw(
        &mesh.host,
        mesh.payments.inbound,
        b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n",
    )
    .await;
    assert_eq!(answer, "");
    let refusal = mesh.payments.records.refusal().await;
    assert_eq!(
        (refusal.direction, refusal.reason),
        (Direction::Inbound, RefusalReason::Plaintext)
    );
    assert_eq!(mesh.application.connections(), 0);
}

#[tokio::test]
async fn permissive_accepts_both_and_says_which() {
    let mesh = pair().await;
    mesh.accept(MtlsMode::Permissive).await;
    assert_eq!(mesh.get("/secure").await.text(), "served");
    assert_eq!(
        get(
            &mesh.host,
            mesh.payments.inbound,
            "/plain",
            &[("host", "payments")]
        )
        .await
        .text(),
        "served"
    );
    let secure = mesh.payments.records.access(Direction::Inbound, "/secure").await;
    let plain = mesh.payments.records.access(Direction::Inbound, "/plain").await;
    assert_eq!(secure.downstream_peer, Some(identity("orders")));
    assert_eq!(plain.downstream_peer, None);
}

#[tokio::test]
async fn a_plaintext_connection_does_not_outlive_the_permission() {
    let mesh = pair().await;
    mesh.accept(MtlsMode::Permissive).await;
    let mut client = Client::connect(&mesh.host, mesh.payments.inbound).await;
    let plain = || request("GET", "/", &[("host", "payments")], "");
    assert_eq!(client.send(plain()).await.expect("an answer").status, 200);
    mesh.accept(MtlsMode::Strict).await;
    let refused = client.send(plain()).await.expect("an answer");
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("connection"), Some("close"));
}

#[tokio::test]
async fn tls_is_refused_where_it_is_disabled() {
    let mesh = pair().await;
    mesh.accept(MtlsMode::Disable).await;
    let answer = mesh.get("/").await;
    assert_eq!(answer.status, 503);
    let refusal = mesh.payments.records.refusal().await;
    assert_eq!(refusal.reason, RefusalReason::UnexpectedTls);
}

#[tokio::test]
async fn an_honest_peer_needs_no_sidecar() {
    let mesh = pair().await;
    let svid = minted(
        &mesh.control.authority,
        &identity("orders"),
        good_for_an_hour(&mesh.host),
    );
    assert_eq!(intrude(&mesh, svid).await.as_deref(), Ok("served"));
}

#[tokio::test]
async fn a_foreign_root_is_refused() {
    let mesh = pair().await;
    let evil = Authority::new(&mesh.host, TrustDomain::new("evil.test").expect("a trust domain"));
    let thief = "spiffe://evil.test/ns/shop/sa/orders"
        .parse()
        .expect("an identity");
    let svid = minted(&evil, &thief, good_for_an_hour(&mesh.host));
    intrude(&mesh, svid).await.expect_err("it must not be served");
    assert_eq!(
        mesh.payments.records.refusal().await.reason,
        RefusalReason::UnknownIssuer
    );
    assert_eq!(mesh.application.connections(), 0);
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let mesh = pair().await;
    let now = mesh.host.wall_clock();
    let expired = Validity {
        not_before: now - Duration::from_secs(7200),
        not_after: now - Duration::from_secs(3600),
    };
    let svid = minted(&mesh.control.authority, &identity("orders"), expired);
    intrude(&mesh, svid).await.expect_err("it must not be served");
    assert_eq!(
        mesh.payments.records.refusal().await.reason,
        RefusalReason::Expired
    );
    assert_eq!(mesh.application.connections(), 0);
}

#[tokio::test]
async fn a_server_with_another_name_is_refused_by_its_caller() {
    let mesh = pair().await;
    let marketing = Sidecar::start(bootstrap(&mesh.control, "marketing-1", "marketing")).await;
    let snapshot = inbound(MtlsMode::Strict, mesh.application.address);
    mesh.control.put_in_force("marketing-1", snapshot).await;
    mesh.route(vec![rule("shop/payments", "/", "payments")], marketing.inbound)
        .await;
    let answer = mesh.get("/entry").await;
    assert_eq!(answer.status, 503);

    let refusal = mesh.orders.records.refusal().await;
    assert_eq!(
        (refusal.direction, refusal.reason),
        (Direction::Outbound, RefusalReason::UnexpectedIdentity)
    );
    assert_eq!(refusal.peer_address, marketing.inbound);
    let access = mesh.orders.records.access(Direction::Outbound, "/entry").await;
    assert_eq!(access.flags, [ResponseFlag::UF]);
    let detail = access.detail.expect("the proxy answered");
    assert!(
        detail.starts_with("unexpected-identity: ") && detail.contains("sa/marketing"),
        "{detail}"
    );
    assert_eq!(mesh.application.connections(), 0);
}

#[tokio::test]
async fn a_caller_who_is_refused_by_the_server_hears_why() {
    let mesh = pair().await;
    // Another authority under the same name: orders-1 of that mesh trusts ours, but we do not know its root.
    let stranger = Control::start(&mesh.host, LONG).await;
    stranger.trust(&mesh.control.authority);
    let orders = Sidecar::start(bootstrap(&stranger, "orders-2", "orders")).await;
    let endpoints = vec![behind("payments-1", mesh.payments.inbound, "payments")];
    let rules = vec![rule("shop/payments", "/", "payments")];
    stranger
        .put_in_force("orders-2", outbound("payments", rules, endpoints))
        .await;
    let answer = get(&mesh.host, orders.outbound, "http://payments/stranger", &[]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        mesh.payments.records.refusal().await.reason,
        RefusalReason::UnknownIssuer
    );
    let access = orders.records.access(Direction::Outbound, "/stranger").await;
    assert_eq!(access.flags, [ResponseFlag::UF]);
    let detail = access.detail.expect("the proxy answered");
    assert!(detail.starts_with("refused by the peer: "), "{detail}");
}
