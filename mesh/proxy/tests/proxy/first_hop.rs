//! A call through two sidecars.

use std::time::Duration;

use crate::support::application::{Application, answer, behind};
use crate::support::client::get;
use crate::support::control::Control;
use crate::support::sidecar::{Sidecar, bootstrap};
use crate::support::snapshots::{identity, inbound, outbound, rule};
use hallway_host::Host;
use hallway_model::MtlsMode;
use hallway_model::telemetry::Direction;

#[tokio::test]
async fn a_call_crosses_two_sidecars_over_mutual_tls() {
    let host = Host::real(1, hallway_host::Output::discard());
    let control = Control::start(&host, Duration::from_secs(3600)).await;
    let application = Application::start(&host, |request| async move {
        answer(
            200,
            format!(
                "{:?} {} {:?}",
                request.version(),
                request.uri(),
                request.headers()
            ),
        )
    })
    .await;
    let payments = Sidecar::start(bootstrap(&control, "payments-1", "payments")).await;
    let orders = Sidecar::start(bootstrap(&control, "orders-1", "orders")).await;
    control
        .put_in_force("payments-1", inbound(MtlsMode::Strict, application.address))
        .await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    let endpoints = vec![behind("payments-1", payments.inbound, "payments")];
    control
        .put_in_force("orders-1", outbound("payments", rules, endpoints))
        .await;

    let answer = get(
        &host,
        orders.outbound,
        "http://payments/charge?x=1",
        &[("x-hallway-request", "7")],
    )
    .await;
    println!("{answer:?}");
    assert_eq!(answer.status, 200);

    let sent = orders.records.access(Direction::Outbound, "/charge?x=1").await;
    let received = payments.records.access(Direction::Inbound, "/charge?x=1").await;
    println!(
        "{sent:#?}\n{received:#?}\n{:#?}",
        orders.records.spans(&sent.request_id)
    );
    assert_eq!(sent.request_id, received.request_id);
    assert_eq!(sent.trace_id, received.trace_id);
    assert_eq!(sent.upstream_peer, Some(identity("payments")));
    assert_eq!(received.downstream_peer, Some(identity("orders")));
    assert_eq!((sent.status, received.status), (Some(200), Some(200)));
}
