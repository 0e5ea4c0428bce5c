//! What peers speak with each other: lanes where both know them, and otherwise HTTP.

use std::convert::Infallible;

use hallway_identity::{
    Agreed, ClientAuthentication, SvidStore, Validity, Versions, client_config, server_config, server_name,
};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::application::{Application, answer, behind};
use crate::support::client::{Client as Http1Client, request};
use crate::support::control::Control;
use crate::support::http2::Client as Http2Client;
use crate::support::meshes::{LONG, Pair, host};
use crate::support::sidecar::{Sidecar, bootstrap};
use crate::support::snapshots::{identity, outbound, rule};
use crate::support::{client, soon};

/// The credentials of a peer that is called `name`, and no sidecar of ours.
fn credentials(control: &Control, name: &str) -> SvidStore {
    let validity = Validity::starting(host().wall_clock(), LONG);
    let svid = control.authority.mint(&identity(name), validity);
    let svid = svid.expect("an identity of its trust domain");
    SvidStore::new(svid, &control.authority.bundle())
}

/// What a peer that offers `versions` agrees on with an inbound sidecar, and the answer that it gets.
async fn called(versions: Versions) -> (Agreed, Option<String>) {
    let host = host();
    let application = Application::start(&host, |_| async { answer(200, "served") }).await;
    let mesh = Pair::start(host, application).await;
    let store = credentials(&mesh.control, "orders");
    let config = client_config(&mesh.host, &store, identity("payments"), versions);
    let stream = mesh
        .host
        .connect(mesh.payments.inbound)
        .await
        .expect("it listens");
    let connecting = TlsConnector::from(config).connect(server_name(), stream);
    let stream = soon("a handshake", connecting).await.expect("a peer it knows");
    let agreed = Agreed::on(stream.get_ref().1);
    let get = |target| request("GET", target, &[("host", "payments")], "");
    let answer = match agreed {
        Agreed::Http1 => Some(Http1Client::over(&mesh.host, stream).await.send(get("/")).await),
        Agreed::Http2 => {
            let mut client = Http2Client::over(&mesh.host, stream).await;
            Some(
                client
                    .send(get("http://payments/"))
                    .await
                    .map(|(answer, _)| answer),
            )
        }
        Agreed::Lanes => None,
    };
    (agreed, answer.map(|answer| answer.expect("an answer").text()))
}

#[tokio::test]
async fn an_inbound_sidecar_serves_peers_that_know_no_lanes() {
    let served = Some("served".to_owned());
    assert_eq!(called(Versions::Http1).await, (Agreed::Http1, served.clone()));
    assert_eq!(called(Versions::Http2OrHttp1).await, (Agreed::Http2, served));
    // It would speak lanes, which the tests of pairs of sidecars do.
    assert_eq!(called(Versions::LanesOrHttp).await.0, Agreed::Lanes);
}

/// What an outbound sidecar agrees on with a peer that accepts `versions`, and the status that its caller gets.
async fn calling(versions: Versions) -> (Agreed, u16) {
    let host = host();
    let control = Control::start(&host, LONG).await;
    let store = credentials(&control, "payments");
    let config = server_config(&host, &store, ClientAuthentication::Required, versions);
    let acceptor = TlsAcceptor::from(config);
    let (tell, mut told) = mpsc::unbounded_channel();
    let spawner = host.clone();
    let peer = Application::raw(&host, move |stream| {
        let (acceptor, tell, spawner) = (acceptor.clone(), tell.clone(), spawner.clone());
        async move {
            let stream = acceptor.accept(stream).await.expect("a peer it knows");
            let agreed = Agreed::on(stream.get_ref().1);
            tell.send(agreed).expect("the test waits");
            let service = service_fn(|_| async { Ok::<_, Infallible>(answer(200, "served")) });
            let stream = TokioIo::new(stream);
            // It ends with the test.
            match agreed {
                Agreed::Http1 => drop(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(stream, service)
                        .await,
                ),
                Agreed::Http2 => {
                    let builder = hyper::server::conn::http2::Builder::new(spawner);
                    drop(builder.serve_connection(stream, service).await);
                }
                Agreed::Lanes => {}
            }
        }
    })
    .await;
    let orders = Sidecar::start(bootstrap(&control, "orders-1", "orders")).await;
    let endpoints = vec![behind("payments-1", peer.address, "payments")];
    let snapshot = outbound(
        "payments",
        vec![rule("shop/payments", "/", "payments")],
        endpoints,
    );
    control.put_in_force("orders-1", snapshot).await;
    let answer = client::get(&host, orders.outbound, "http://payments/", &[]).await;
    let agreed = soon("a connection", told.recv()).await.expect("one is accepted");
    (agreed, answer.status.as_u16())
}

#[tokio::test]
async fn an_outbound_sidecar_calls_peers_that_know_no_lanes() {
    assert_eq!(calling(Versions::Http1).await, (Agreed::Http1, 200));
    assert_eq!(calling(Versions::Http2OrHttp1).await, (Agreed::Http2, 200));
    // This one knows them by name only, and hangs up.
    assert_eq!(calling(Versions::LanesOrHttp).await, (Agreed::Lanes, 503));
}
