//! Bodies: large ones pass both ways, and a slow reader slows the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hallway_host::Stream;
use hallway_model::telemetry::{Direction, ResponseFlag};
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::application::{Application, answer};
use crate::support::client::{Client, raw, request};
use crate::support::meshes::{Alone, Pair, host};
use crate::support::snapshots::rule;
use crate::support::soon;

const MEBIBYTE: usize = 1024 * 1024;

#[tokio::test]
async fn large_bodies_pass_whole_both_ways() {
    let host = host();
    let application = Application::start(&host, |request| async move {
        Response::new(request.into_body().map_err(std::io::Error::other).boxed())
    })
    .await;
    let mesh = Pair::start(host, application).await;
    let body: Bytes = (0..8 * MEBIBYTE).map(|position| (position % 251) as u8).collect();
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let answer = client
        .send(request("POST", "http://payments/echo", &[], body.clone()))
        .await
        .expect("an answer");
    assert!(answer.body == body, "the echo differs");
    let sent = mesh.orders.records.access(Direction::Outbound, "/echo").await;
    let received = mesh.payments.records.access(Direction::Inbound, "/echo").await;
    for access in [sent, received] {
        assert_eq!(
            (access.request_bytes, access.response_bytes),
            (body.len() as u64, body.len() as u64)
        );
    }
}

/// Waits until `written` has not changed for a while, and gives it.
async fn settled(written: &AtomicUsize) -> usize {
    soon("a writer that stands still", async {
        let mut before = usize::MAX;
        loop {
            let now = written.load(Ordering::SeqCst);
            if now == before {
                return now;
            }
            before = now;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await
}

/// An endless body, which counts what was taken from it.
fn endless(written: Arc<AtomicUsize>) -> crate::support::application::AnswerBody {
    let part = Bytes::from(vec![b'x'; 64 * 1024]);
    let parts = futures_util::stream::repeat_with(move || {
        written.fetch_add(part.len(), Ordering::SeqCst);
        Ok(Frame::data(part.clone()))
    });
    BodyExt::boxed(StreamBody::new(parts))
}

#[tokio::test]
async fn a_caller_who_does_not_read_stops_the_answer() {
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let application = Application::start(&host(), move |_| {
        let body = endless(Arc::clone(&counted));
        async move { Response::new(body) }
    })
    .await;
    let mesh = Pair::start(host(), application).await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let head = client
        .begin(request("GET", "http://payments/endless", &[], ""))
        .await
        .expect("a head");
    let held = settled(&written).await;
    // Three sockets' buffers, of which the kernel may make each a few MiB, and no more in the proxies.
    assert!(held < 64 * MEBIBYTE, "{held} bytes are held somewhere");
    drop(head);
    drop(client);
    let sent = mesh.orders.records.access(Direction::Outbound, "/endless").await;
    assert_eq!(sent.flags, [ResponseFlag::DC]);
    let after = settled(&written).await;
    assert!(
        after - held < 64 * MEBIBYTE,
        "{after} bytes were written in the end"
    );
}

#[tokio::test]
async fn an_application_that_does_not_read_stops_the_caller() {
    let application = Application::start(&host(), |request| async move {
        let _unread = request;
        std::future::pending().await
    })
    .await;
    let mesh = Alone::start().await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let written = Arc::new(AtomicUsize::new(0));
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let post = http::Request::post("http://payments/upload").body(endless(Arc::clone(&written)));
    let calling = mesh.host.spawn(async move {
        let _ = client.begin(post.expect("a request")).await;
    });
    let held = settled(&written).await;
    assert!(
        held > 0 && held < 64 * MEBIBYTE,
        "{held} bytes are held somewhere"
    );
    calling.abort();
}

#[tokio::test]
async fn a_caller_who_breaks_off_its_body_is_not_the_upstreams_fault() {
    let application = Application::start(&host(), |request| async move {
        let whole = request.into_body().collect().await.is_ok();
        answer(200, whole.to_string())
    })
    .await;
    let mesh = Alone::start().await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let broken = b"POST http://payments/broken HTTP/1.1\r\nhost: payments\r\ntransfer-encoding: chunked\r\n\r\nno chunk\r\n";
    raw(&mesh.host, mesh.orders.outbound, broken).await;
    let access = mesh.orders.records.access(Direction::Outbound, "/broken").await;
    assert!(
        access.flags == [ResponseFlag::DPE] || access.flags == [ResponseFlag::DC],
        "{:?}: {:?}",
        access.flags,
        access.detail
    );
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_ends_its_connection() {
    let (sender, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let application = Application::raw(&host(), move |mut stream: Stream| {
        let sender = sender.clone();
        async move {
            let answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n";
            if stream.read(&mut [0; 1024]).await.is_ok() && stream.write_all(answer).await.is_ok() {
                while stream
                    .read(&mut [0; 64 * 1024])
                    .await
                    .is_ok_and(|bytes| bytes > 0)
                {}
                let _ = sender.send(());
            }
        }
    })
    .await;
    let mesh = Alone::start().await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let head = "POST /early HTTP/1.1\r\nhost: payments\r\ncontent-length: 1000000\r\n\r\nbegin";
    let mut caller = mesh.host.connect(mesh.orders.outbound).await.expect("it listens");
    caller.write_all(head.as_bytes()).await.expect("it listens");
    let mut answer = [0; 12];
    soon("the answer", caller.read_exact(&mut answer))
        .await
        .expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 413");
    // The caller still holds its end open: it is the proxy that must not keep the upstream's.
    assert_eq!(
        soon("the end of the upstream's connection", ends.recv()).await,
        Some(())
    );
}
