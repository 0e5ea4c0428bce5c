mod multiplexed;
mod stranger;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hallway_evidence::ClientRecord;
use hallway_evidence::client::FailureKind;
use hallway_host::{Host, Listener};
use hallway_service::contract::{CORRELATION_HEADER, Call, CallResult};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::{Arrivals, Load, RequestTemplate, Sender, Stream};
use crate::clock::Clock;
use crate::http_client::HttpClient;
use crate::incidents::Incidents;

fn arrivals(interval: Duration, count: u32) -> Arrivals {
    Arrivals {
        start: Duration::ZERO,
        interval,
        count,
    }
}

fn stream(sender: Sender, arrivals: Arrivals, patience: Duration) -> Stream {
    Stream {
        name: "checkout".to_owned(),
        method: "GET".to_owned(),
        url: "http://payments/charge".to_owned(),
        arrivals,
        patience,
        idempotency_key: false,
        sender,
    }
}

fn application(host: &Host, outbound: SocketAddr) -> Sender {
    let request = RequestTemplate::absolute("GET", "http://payments/charge", [], None).unwrap();
    Sender::Application {
        client: client(host),
        outbound,
        request,
    }
}

fn client(host: &Host) -> Arc<HttpClient> {
    Arc::new(HttpClient::new(host.clone()))
}

async fn listen(host: &Host) -> (Listener, SocketAddr) {
    let listener = host.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_address().unwrap();
    (listener, address)
}

/// Answers every request with what `answer` makes of it.
fn serve<Answer>(
    host: &Host,
    mut listener: Listener,
    answer: impl Fn(Request<Incoming>) -> Answer + Clone + Send + Sync + 'static,
) where
    Answer: Future<Output = String> + Send + 'static,
{
    let spawner = host.clone();
    host.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await;
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let answer = answer(request);
                async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(answer.await)))) }
            });
            let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            spawner.spawn(async { serving.await.unwrap_or_default() });
        }
    });
}

async fn run(host: &Host, streams: Vec<Stream>) -> (Vec<ClientRecord>, Incidents) {
    let incidents = Incidents::default();
    let load = Load::new(host.clone(), Clock::start(host), "5eed", incidents.clone());
    (load.run(streams, Instant::now(), || {}).await, incidents)
}

fn failure(record: &ClientRecord) -> FailureKind {
    record.outcome.as_ref().expect_err("it failed").kind
}

#[tokio::test]
async fn every_request_is_unique_and_recorded() {
    let host = Host::real_unseeded();
    let (listener, address) = listen(&host).await;
    let (seen, mut requests) = unbounded_channel();
    serve(&host, listener, move |request| {
        let correlation = request.headers()[CORRELATION_HEADER].to_str().unwrap().to_owned();
        seen.send((request.uri().to_string(), correlation)).unwrap();
        async { r#"{"service":"payments","instance":"payments-1"}"#.to_owned() }
    });
    let arrivals = arrivals(Duration::from_millis(2), 20);
    let (records, incidents) = run(
        &host,
        vec![stream(
            application(&host, address),
            arrivals,
            Duration::from_secs(5),
        )],
    )
    .await;

    assert_eq!(incidents.list(), []);
    assert_eq!(records.len(), 20);
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.correlation, format!("5eed-checkout-{}", index + 1));
        let response = record.outcome.as_ref().unwrap();
        assert_eq!(
            (response.status, response.instance.as_deref()),
            (200, Some("payments-1"))
        );
        assert_eq!(response.proxy_message, None);
        assert!(record.intended_us <= record.started_us && record.started_us <= record.finished_us);
        assert!(record.local_address.is_some());
    }
    let mut received = Vec::new();
    while let Ok((target, correlation)) = requests.try_recv() {
        assert_eq!(
            target, "http://payments/charge",
            "a proxy is asked in absolute form"
        );
        received.push(correlation);
    }
    received.sort();
    received.dedup();
    assert_eq!(received.len(), 20);
}

/// A server that answers nobody until all requests of the stream have arrived: a closed loop would wait for ever.
#[tokio::test]
async fn a_stalled_server_does_not_delay_arrivals() {
    let host = Host::real_unseeded();
    let (listener, address) = listen(&host).await;
    let everybody = Arc::new(tokio::sync::Barrier::new(50));
    serve(&host, listener, move |_| {
        let everybody = everybody.clone();
        async move {
            everybody.wait().await;
            "at last".to_owned()
        }
    });
    let arrivals = arrivals(Duration::from_millis(2), 50);
    let (records, _) = run(
        &host,
        vec![stream(
            application(&host, address),
            arrivals,
            Duration::from_secs(20),
        )],
    )
    .await;

    assert!(records.iter().all(|record| record.status() == Some(200)));
    let last_start = records.iter().map(|record| record.started_us).max().unwrap();
    for record in &records {
        assert!(
            record.finished_us >= last_start,
            "an answer came before the last arrival"
        );
        assert!(
            record.latency_us() >= last_start - record.intended_us,
            "latency counts from the intended start"
        );
    }
    assert_eq!(
        records[0].outcome.as_ref().unwrap().proxy_message.as_deref(),
        Some("at last")
    );
}

#[tokio::test]
async fn patience_ends() {
    let host = Host::real_unseeded();
    let (listener, address) = listen(&host).await;
    serve(&host, listener, |_| std::future::pending());
    let patience = Duration::from_millis(50);
    let (records, incidents) = run(
        &host,
        vec![stream(
            application(&host, address),
            arrivals(patience, 3),
            patience,
        )],
    )
    .await;
    assert_eq!(incidents.list(), []);
    assert_eq!(records.len(), 3);
    for record in &records {
        assert_eq!(failure(record), FailureKind::TimedOut);
        assert!(record.latency_us() >= 50_000);
        assert!(
            record.local_address.is_some(),
            "the connection is known although there was no answer"
        );
    }
}

#[tokio::test]
async fn failures_are_told_apart() {
    let host = Host::real_unseeded();
    let (listener, refusing) = listen(&host).await;
    drop(listener);
    let (mut listener, closing) = listen(&host).await;
    host.spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    let once = arrivals(Duration::from_millis(1), 1);
    let (records, _) = run(
        &host,
        vec![stream(application(&host, refusing), once, Duration::from_secs(5))],
    )
    .await;
    assert_eq!(failure(&records[0]), FailureKind::ConnectionRefused);
    let (records, _) = run(
        &host,
        vec![stream(application(&host, closing), once, Duration::from_secs(5))],
    )
    .await;
    assert_eq!(failure(&records[0]), FailureKind::ConnectionClosed);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_no_request() {
    let host = Host::real_unseeded();
    let (mut listener, address) = listen(&host).await;
    let spawner = host.clone();
    // Answers one request on each connection, and then closes it without having announced that.
    host.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await;
            spawner.spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .await;
            });
        }
    });
    let arrivals = arrivals(Duration::from_millis(3), 30);
    let (records, _) = run(
        &host,
        vec![stream(
            application(&host, address),
            arrivals,
            Duration::from_secs(5),
        )],
    )
    .await;
    assert!(
        records.iter().all(|record| record.status() == Some(200)),
        "{records:?}"
    );
}

#[tokio::test]
async fn a_process_is_told_to_call() {
    let host = Host::real_unseeded();
    let (listener, control) = listen(&host).await;
    let (seen, mut orders): (UnboundedSender<(String, Call)>, _) = unbounded_channel();
    serve(&host, listener, move |request| {
        let seen = seen.clone();
        async move {
            let authorization = request.headers()["authorization"].to_str().unwrap().to_owned();
            assert_eq!(
                (request.method().as_str(), request.uri().path()),
                ("POST", "/call")
            );
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let call: Call = serde_json::from_slice(&body).unwrap();
            let number = call.headers[CORRELATION_HEADER].clone();
            seen.send((authorization, call.clone())).unwrap();
            let result = CallResult {
                url: call.url,
                status: number.ends_with('1').then_some(503),
                error: number.ends_with('2').then(|| "reset".to_owned()),
                headers: [("x-request-id".to_owned(), "id".to_owned())].into(),
                body: serde_json::json!("no healthy upstream"),
                elapsed_us: 1,
            };
            serde_json::to_string(&result).unwrap()
        }
    });
    let sender = Sender::Process {
        client: client(&host),
        control,
        token: hallway_model::bootstrap::Token("secret".to_owned()),
        call: Call {
            method: "GET".to_owned(),
            url: "http://payments/charge".to_owned(),
            headers: Default::default(),
            body: None,
        },
    };
    let arrivals = arrivals(Duration::from_millis(1), 2);
    let (records, _) = run(&host, vec![stream(sender, arrivals, Duration::from_secs(5))]).await;
    let response = records[0].outcome.as_ref().unwrap();
    assert_eq!(response.status, 503);
    assert_eq!(response.request_id.as_deref(), Some("id"));
    assert_eq!(response.proxy_message.as_deref(), Some("no healthy upstream"));
    assert_eq!(
        records[1].outcome.as_ref().unwrap_err().detail,
        "the caller had no answer: reset"
    );
    assert_eq!(orders.recv().await.unwrap().0, "Bearer secret");
}

#[tokio::test]
async fn too_many_outstanding_requests_are_an_incident() {
    let host = Host::real_unseeded();
    let (listener, address) = listen(&host).await;
    // Nobody accepts: connections wait in the backlog, and requests for their answers.
    let incidents = Incidents::default();
    let mut load = Load::new(host.clone(), Clock::start(&host), "5eed", incidents.clone());
    load.outstanding = Arc::new(tokio::sync::Semaphore::new(4));
    let arrivals = arrivals(Duration::from_millis(1), 5);
    let stream = stream(application(&host, address), arrivals, Duration::from_secs(3600));
    let records = load.run(vec![stream], Instant::now(), || {}).await;
    drop(listener);
    assert_eq!(records, []);
    assert!(
        incidents.list()[0].what.contains("have no outcome yet"),
        "{:?}",
        incidents.list()
    );
}
