//! How connections end.

use std::cell::Cell;
use std::future::poll_fn;

use futures_util::future::{join, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hallway_lanes::server::Exchange;
use hallway_lanes::{Error, client, server};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::support::{HEADER_BYTES, alone, begin, empty, frame, get, head, post, settle, talk};

#[tokio::test]
async fn a_goodbye_loses_no_request() {
    let (near, far) = duplex(64 * 1024);
    let (requests, client) = client::open(near, HEADER_BYTES);
    let mut connection = server::open(far, HEADER_BYTES);
    let answered = Cell::new(0);
    let serving = async {
        let mut handling = FuturesUnordered::new();
        let ended = poll_fn(|context| {
            while let std::task::Poll::Ready(Some(())) = handling.poll_next_unpin(context) {}
            loop {
                match std::task::ready!(connection.poll_accept(context)) {
                    Some(Ok(exchange)) => {
                        // After the first one, while the others are on their way.
                        connection.say_goodbye();
                        let answered = &answered;
                        handling.push(async move {
                            empty(exchange).await;
                            answered.set(answered.get() + 1);
                        });
                        context.waker().wake_by_ref();
                    }
                    Some(Err(error)) => return std::task::Poll::Ready(Err(error)),
                    None => return std::task::Poll::Ready(Ok(())),
                }
            }
        });
        ended.await
    };
    let calls = async {
        let first = join_all((0..50).map(|_| get(&requests, "/"))).await;
        assert!(first.iter().all(Result::is_ok), "{first:?}");
        assert!(requests.is_closed());
        // Nothing of it was sent, so it can be begun elsewhere.
        let late = get(&requests, "/").await;
        assert!(matches!(late, Err(Error::Closed)), "{late:?}");
    };
    let ((), (client, server)) = join(calls, join(client, serving)).await;
    assert!(client.is_ok() && server.is_ok(), "{client:?} {server:?}");
    assert_eq!(answered.get(), 50);
}

#[tokio::test]
async fn a_connection_ends_with_its_last_user() {
    let client = async |requests: client::Requests| {
        let other = requests.clone();
        drop(requests);
        get(&other, "/").await.expect("an answer");
        let (answer, sending) = begin(&other, "/", true).await.expect("a lane");
        // The exchange goes on without anybody who could begin another.
        drop(other);
        settle().await;
        answer.response().await.expect("an answer");
        drop(sending);
    };
    let ((), client, server) = talk(1000, empty, client).await;
    assert!(client.is_ok() && server.is_ok());
}

#[tokio::test]
async fn when_the_connection_breaks_all_exchanges_hear_of_it() {
    let (near, far) = duplex(64 * 1024);
    let (requests, client) = client::open(near, HEADER_BYTES);
    let waiting = async {
        let calls = join_all((0..10).map(|_| get(&requests, "/"))).await;
        assert!(
            calls.iter().all(|call| matches!(call, Err(Error::Broken(_)))),
            "{calls:?}"
        );
        assert!(requests.is_closed());
        assert!(matches!(get(&requests, "/").await, Err(Error::Broken(_))));
    };
    let breaking = async {
        settle().await;
        drop(far);
    };
    let ((), (client, ())) = join(waiting, join(client, breaking)).await;
    assert!(matches!(client, Err(Error::Broken(_))));
}

#[tokio::test]
async fn a_connection_that_is_dropped_is_the_end_of_its_exchanges() {
    let (near, far) = duplex(64 * 1024);
    let (requests, client) = client::open(near, HEADER_BYTES);
    let waiting = get(&requests, "/");
    let cut = async {
        tokio::select! {
            _ = client => unreachable!("nobody ends it"),
            () = settle() => {}
        }
    };
    let (answered, ()) = join(waiting, cut).await;
    assert!(matches!(answered, Err(Error::Closed)), "{answered:?}");
    drop(far);
}

#[tokio::test]
async fn a_server_notices_that_its_client_is_gone() {
    let gone = Cell::new(false);
    let handler = async |mut exchange: Exchange| {
        poll_fn(|context| exchange.respond.poll_reset(context)).await;
        gone.set(true);
        let sent = exchange.respond.respond(&head(StatusCode::OK), true).await;
        assert!(matches!(sent, Err(Error::Broken(_))), "{sent:?}");
    };
    let (mut near, serving) = alone(handler);
    let leaving = async {
        near.write_all(&frame(0x81, 256, &post(None)))
            .await
            .expect("it is read");
        settle().await;
        drop(near);
    };
    let (served, ()) = join(serving, leaving).await;
    assert!(matches!(served, Err(Error::Broken(_))));
    assert!(gone.get());
}

#[tokio::test]
async fn a_client_that_closes_between_two_exchanges_ends_in_order() {
    let (mut near, serving) = alone(empty);
    let client = async {
        near.write_all(&frame(0x81, 256, &post(None)))
            .await
            .expect("it is read");
        let mut answer = [0; 11];
        near.read_exact(&mut answer).await.expect("an answer");
        // A head that ends the exchange, 200, no headers.
        assert_eq!(answer[..], frame(0x81, 256, &[0, 200, 0])[..]);
        drop(near);
    };
    let (served, ()) = join(serving, client).await;
    assert!(served.is_ok(), "{served:?}");
}
