use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hallway_evidence::ClientRecord;
use hallway_evidence::client::FailureKind;
use hallway_host::Host;
use hallway_identity::{
    Authority, ClientAuthentication, SvidStore, Validity, Versions, client_config, server_config, server_name,
};
use hallway_model::{SpiffeId, TrustDomain};
use http::Response;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_rustls::TlsAcceptor;

use super::super::{Dialer, RequestTemplate, Sender, Stranger, Tls};
use super::{arrivals, failure, listen, run, serve, stream};

#[tokio::test]
async fn an_intruder_in_the_clear_speaks_to_a_server() {
    let host = Host::real_unseeded();
    let (listener, target) = listen(&host).await;
    serve(
        &host,
        listener,
        |request| async move { request.uri().to_string() },
    );
    let request = RequestTemplate::absolute("GET", "http://payments/", [], None).unwrap();
    let intruder = Stranger {
        dialer: Dialer {
            host: host.clone(),
            target,
            tls: None,
        },
        request: request.in_origin_form(),
    };
    let arrivals = arrivals(Duration::from_millis(1), 2);
    let (records, _) = run(
        &host,
        vec![stream(
            Sender::Stranger(intruder),
            arrivals,
            Duration::from_secs(5),
        )],
    )
    .await;
    let said = |record: &ClientRecord| record.outcome.as_ref().unwrap().proxy_message.clone();
    assert_eq!(said(&records[0]).as_deref(), Some("/"));
    assert_ne!(
        records[0].local_address, records[1].local_address,
        "each has a connection of its own"
    );
}

/// A TLS server of the mesh, as an inbound sidecar is one: it answers whoever the bundle vouches for.
async fn tls_server(host: &Host, authority: &Authority) -> SocketAddr {
    let (mut listener, address) = listen(host).await;
    let svid = authority
        .mint(&identity("hallway.test", "payments"), validity(host))
        .unwrap();
    let store = SvidStore::new(svid, &authority.bundle());
    let acceptor = TlsAcceptor::from(server_config(
        host,
        &store,
        ClientAuthentication::Required,
        Versions::Http1,
    ));
    let spawner = host.clone();
    host.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await;
            let handshake = acceptor.accept(stream);
            spawner.spawn(async {
                let Ok(stream) = handshake.await else { return };
                let service =
                    service_fn(async |_| Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))));
                let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                serving.await.unwrap_or_default();
            });
        }
    });
    address
}

fn identity(trust_domain: &str, account: &str) -> SpiffeId {
    SpiffeId::new(TrustDomain::new(trust_domain).unwrap(), "shop", account).unwrap()
}

fn validity(host: &Host) -> Validity {
    Validity::starting(host.wall_clock(), Duration::from_secs(60))
}

#[tokio::test]
async fn an_intruder_presents_what_it_has() {
    let host = Host::real_unseeded();
    let mesh = Authority::new(&host, TrustDomain::new("hallway.test").unwrap());
    let evil = Authority::new(&host, TrustDomain::new("evil.test").unwrap());
    let target = tls_server(&host, &mesh).await;
    let hour_ago = host.wall_clock() - Duration::from_secs(3600);
    let expired = Validity::starting(hour_ago, Duration::from_secs(60));
    let presented = [
        (
            mesh.mint(&identity("hallway.test", "orders"), validity(&host)),
            true,
        ),
        (mesh.mint(&identity("hallway.test", "orders"), expired), false),
        (
            evil.mint(&identity("evil.test", "orders"), validity(&host)),
            false,
        ),
    ];
    for (svid, is_served) in presented {
        let store = SvidStore::new(svid.unwrap(), &mesh.bundle());
        let tls = client_config(
            &host,
            &store,
            identity("hallway.test", "payments"),
            Versions::Http1,
        );
        let request = RequestTemplate::absolute("GET", "http://payments/", [], None).unwrap();
        let intruder = Stranger {
            dialer: Dialer {
                host: host.clone(),
                target,
                tls: Some(Tls {
                    config: tls,
                    name: server_name(),
                }),
            },
            request: request.in_origin_form(),
        };
        let once = arrivals(Duration::from_millis(1), 1);
        let sender = Sender::Stranger(intruder);
        let (records, _) = run(&host, vec![stream(sender, once, Duration::from_secs(5))]).await;
        assert_eq!(records[0].status(), is_served.then_some(200), "{:?}", records[0]);
        if !is_served {
            // The alert may be overtaken by the reset of a connection that is closed with the request unread.
            let kind = failure(&records[0]);
            assert!(
                matches!(kind, FailureKind::Handshake | FailureKind::ConnectionClosed),
                "{:?}",
                records[0]
            );
        }
    }
}
