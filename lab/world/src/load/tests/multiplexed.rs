use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use hallway_evidence::client::{FailureKind, GrpcSeen};
use hallway_evidence::{ClientRecord, ResponseSeen};
use hallway_host::Host;
use hallway_service::grpc;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::super::{Dialer, Http2Client, Kind, RequestTemplate, Sender};
use super::{arrivals, failure, listen, run, stream as traffic};

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// Answers every request with what `answer` makes of it, and closes a connection in order after so many requests.
async fn serve(
    host: &Host,
    requests: usize,
    answer: impl Fn(&Request<Bytes>) -> Answer + Clone + Send + Sync + 'static,
) -> SocketAddr {
    let (mut listener, address) = listen(host).await;
    let spawner = host.clone();
    host.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await;
            let (answer, executor) = (answer.clone(), spawner.clone());
            let served = Arc::new(AtomicUsize::new(0));
            spawner.spawn(async move {
                let counted = served.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, counted) = (answer.clone(), counted.clone());
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        counted.fetch_add(1, Ordering::Relaxed);
                        Ok::<_, Infallible>(answer(&Request::from_parts(head, body)))
                    }
                });
                let serving = http2::Builder::new(executor).serve_connection(TokioIo::new(stream), service);
                let mut serving = std::pin::pin!(serving);
                std::future::poll_fn(|context| {
                    if served.load(Ordering::Relaxed) >= requests {
                        serving.as_mut().graceful_shutdown();
                    }
                    serving.as_mut().poll(context).map(drop)
                })
                .await;
            });
        }
    });
    address
}

/// An answer of these frames.
fn framed(frames: Vec<Result<Frame<Bytes>, io::Error>>) -> Answer {
    let mut answer = Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
    let content_type = HeaderValue::from_static(grpc::CONTENT_TYPE);
    answer.headers_mut().insert("content-type", content_type);
    answer
}

fn message(text: &str) -> Result<Frame<Bytes>, io::Error> {
    Ok(Frame::data(grpc::frame(text.as_bytes())))
}

fn trailers(name: &'static str, value: &'static str) -> Result<Frame<Bytes>, io::Error> {
    let mut trailers = HeaderMap::new();
    trailers.insert(name, HeaderValue::from_static(value));
    Ok(Frame::trailers(trailers))
}

/// What comes of `count` requests over `connections` connections.
async fn send(
    host: &Host,
    target: SocketAddr,
    kind: Kind,
    connections: u32,
    count: u32,
) -> Vec<ClientRecord> {
    let request =
        RequestTemplate::absolute("POST", "http://payments/hallway.Payments/Charge", [], None).unwrap();
    let request = match kind {
        Kind::Plain => request.into_http2(),
        Kind::Grpc => request.into_grpc_call(),
    };
    let dialer = Dialer {
        host: host.clone(),
        target,
        tls: None,
    };
    let sender = Sender::Multiplexed {
        client: Http2Client::new(dialer, connections),
        kind,
        request,
    };
    let arrivals = arrivals(Duration::from_millis(1), count);
    let (records, incidents) = run(host, vec![traffic(sender, arrivals, Duration::from_secs(5))]).await;
    assert_eq!(incidents.list(), []);
    assert_eq!(records.len(), count as usize);
    records
}

fn by_connection(records: &[ClientRecord]) -> BTreeMap<SocketAddr, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(record.local_address.unwrap()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn a_call_is_one_message_with_an_outcome_in_trailers() {
    let host = Host::real_unseeded();
    let address = serve(&host, usize::MAX, |request| {
        assert_eq!(
            (request.version(), request.uri().to_string().as_str()),
            (Version::HTTP_2, "http://payments/hallway.Payments/Charge")
        );
        assert_eq!(request.headers()["te"], "trailers");
        assert_eq!(request.headers()["content-type"], "application/grpc+json");
        assert_eq!(request.body(), &grpc::frame(b"{}"));
        let one = message(r#"{"service":"payments","instance":"payments-1"}"#);
        framed(vec![one, message("{}"), trailers("grpc-status", "0")])
    })
    .await;
    let records = send(&host, address, Kind::Grpc, 1, 20).await;
    let expected = ResponseSeen {
        status: 200,
        request_id: None,
        service: Some("payments".to_owned()),
        instance: Some("payments-1".to_owned()),
        proxy_message: None,
        grpc: Some(GrpcSeen {
            status: 0,
            message: None,
            messages: 2,
        }),
    };
    for record in &records {
        assert_eq!(record.outcome.as_ref(), Ok(&expected));
    }
    let counts = by_connection(&records);
    assert_eq!(
        counts.into_values().collect::<Vec<_>>(),
        [20],
        "one connection for all"
    );
}

#[tokio::test]
async fn requests_take_turns_on_the_connections() {
    let host = Host::real_unseeded();
    let address = serve(&host, usize::MAX, |_| framed(vec![trailers("grpc-status", "0")])).await;
    let counts = by_connection(&send(&host, address, Kind::Grpc, 3, 30).await);
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [10, 10, 10]);
}

#[tokio::test]
async fn a_connection_that_was_closed_in_order_is_opened_again_and_costs_no_request() {
    let host = Host::real_unseeded();
    let address = serve(&host, 10, |_| framed(vec![trailers("grpc-status", "0")])).await;
    let records = send(&host, address, Kind::Grpc, 1, 60).await;
    let good = |record: &ClientRecord| record.status() == Some(200);
    assert!(
        records.iter().all(good),
        "{:?}",
        records.iter().find(|record| !good(record))
    );
    assert!(by_connection(&records).len() > 1);
}

#[tokio::test]
async fn a_call_that_failed_says_so_in_its_only_head() {
    let host = Host::real_unseeded();
    let address = serve(&host, usize::MAX, |_| {
        let mut answer = Response::new(
            http_body_util::Empty::new()
                .map_err(io::Error::other)
                .boxed_unsync(),
        );
        for (name, value) in [
            ("content-type", "application/grpc"),
            ("grpc-status", "14"),
            ("grpc-message", "no healthy upstream"),
        ] {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    })
    .await;
    let records = send(&host, address, Kind::Grpc, 1, 1).await;
    let expected = GrpcSeen {
        status: 14,
        message: Some("no healthy upstream".to_owned()),
        messages: 0,
    };
    assert_eq!(records[0].outcome.as_ref().unwrap().grpc, Some(expected));
}

#[tokio::test]
async fn an_answer_in_plain_words_is_a_proxy_s() {
    let host = Host::real_unseeded();
    let address = serve(&host, usize::MAX, |_| {
        let body = http_body_util::Full::from(r#"{"error":"no healthy upstream"}"#);
        let mut answer = Response::new(body.map_err(io::Error::other).boxed_unsync());
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        answer
    })
    .await;
    for kind in [Kind::Grpc, Kind::Plain] {
        let records = send(&host, address, kind, 1, 1).await;
        let response = records[0].outcome.as_ref().unwrap();
        assert_eq!((response.status, &response.grpc), (503, &None));
        assert_eq!(response.proxy_message.as_deref(), Some("no healthy upstream"));
    }
}

#[tokio::test]
async fn what_does_not_end_as_it_must_is_cut_short() {
    type Frames = fn() -> Vec<Result<Frame<Bytes>, io::Error>>;
    let cases: [(Frames, &str); 6] = [
        (|| vec![message("{}")], "it has no trailers"),
        (
            || vec![message("{}"), trailers("x-note", "seen")],
            "no grpc-status",
        ),
        (
            || vec![message("{}"), trailers("grpc-status", "fine")],
            "no grpc-status",
        ),
        (
            || {
                vec![
                    Ok(Frame::data(grpc::frame(b"{}").slice(..6))),
                    trailers("grpc-status", "0"),
                ]
            },
            "a message ends before its announced end",
        ),
        (
            || {
                vec![
                    Ok(Frame::data(Bytes::from_static(b"\x01\0\0\0\0"))),
                    trailers("grpc-status", "0"),
                ]
            },
            "compressed",
        ),
        (
            || vec![message("{}"), Err(io::Error::other("broken"))],
            "stream error",
        ),
    ];
    let host = Host::real_unseeded();
    for (frames, reason) in cases {
        let address = serve(&host, usize::MAX, move |_| framed(frames())).await;
        let records = send(&host, address, Kind::Grpc, 1, 1).await;
        assert_eq!(failure(&records[0]), FailureKind::CutShort, "{:?}", records[0]);
        let detail = &records[0].outcome.as_ref().unwrap_err().detail;
        assert!(detail.contains(reason), "`{detail}` does not say `{reason}`");
    }
}

#[tokio::test]
async fn nobody_there_and_somebody_who_speaks_otherwise() {
    let host = Host::real_unseeded();
    let (listener, refusing) = listen(&host).await;
    drop(listener);
    let records = send(&host, refusing, Kind::Grpc, 1, 2).await;
    for record in &records {
        assert_eq!(failure(record), FailureKind::ConnectionRefused);
    }
    let (listener, address) = listen(&host).await;
    super::serve(&host, listener, |_| async { String::new() });
    let records = send(&host, address, Kind::Grpc, 1, 1).await;
    assert!(records[0].outcome.is_err(), "{:?}", records[0]);
}
