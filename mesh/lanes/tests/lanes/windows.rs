//! Nobody has to hold more of bodies than the windows allow, and nothing of the windows gets lost.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use hallway_lanes::server::Exchange;
use hallway_lanes::{CONNECTION_WINDOW, EXCHANGE_WINDOW};
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::support::{begin, body, echo, empty, get, head, settle, talk, waits, whole};

/// Larger than what any window or buffer below holds.
const BUFFER: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn a_body_that_is_not_read_stops_at_its_window_and_holds_up_nobody() {
    let (read, gate) = tokio::sync::watch::channel(false);
    let handler = |exchange: Exchange| {
        let mut gate = gate.clone();
        async move {
            if exchange.request.uri().path() == "/slow" {
                gate.wait_for(|open| *open).await.expect("it opens");
            }
            echo(exchange).await;
        }
    };
    let client = async |requests| {
        let (answer, sending) = begin(&requests, "/slow", false).await.expect("a lane");
        let pieces = vec![vec![7; 64 * 1024]; 8];
        let sent = Cell::new(0);
        let counted = body(pieces, None).map_frame(|frame| {
            sent.set(sent.get() + frame.data_ref().map_or(0, bytes::Bytes::len));
            frame
        });
        let mut sending = std::pin::pin!(sending.send(counted));
        assert!(waits(sending.as_mut()).await);
        // What does not fit is asked of the body, but not sent.
        assert_eq!(sent.get() as u32, EXCHANGE_WINDOW + 64 * 1024);
        get(&requests, "/quick").await.expect("an answer");
        read.send(true).expect("somebody waits");
        let answering = async { whole(answer.response().await?).await };
        let (sent, answer) = tokio::join!(sending, answering);
        sent.expect("all of it is sent");
        assert_eq!(answer.expect("an answer").body().data.len(), 8 * 64 * 1024);
    };
    let ((), client, server) = talk(BUFFER, handler, client).await;
    assert!(client.is_ok() && server.is_ok());
}

#[tokio::test(start_paused = true)]
async fn all_bodies_together_stop_at_the_window_of_the_connection() {
    let waited = Cell::new(false);
    // It keeps the body, reads nothing of it, and never lets go.
    let held = async |exchange: Exchange| {
        std::future::pending::<()>().await;
        drop(exchange);
    };
    let client = async |requests| {
        let whole_windows = (CONNECTION_WINDOW / EXCHANGE_WINDOW) as usize;
        let begun = join_all((0..whole_windows).map(|_| begin(&requests, "/", false))).await;
        let (mut answers, mut sent) = (Vec::new(), Vec::new());
        for begun in begun {
            let (answer, sending) = begun.expect("a lane");
            answers.push(answer);
            sent.push(sending.send(body(vec![vec![0; EXCHANGE_WINDOW as usize]], None)));
        }
        // Each fits into its own window, and all together into that of the connection.
        join_all(sent)
            .await
            .into_iter()
            .for_each(|sent| sent.expect("it is sent"));
        let (_answer, sending) = begin(&requests, "/", false).await.expect("a lane");
        assert!(waits(sending.send(body(vec![vec![0; 1]], None))).await);
        waited.set(true);
    };
    let talking = timeout(Duration::from_secs(3600), talk(BUFFER, held, client));
    assert!(talking.await.is_err());
    assert!(waited.get());
}

/// What is left unread by one side is sent again and again: in all, more than the window of the connection.
const TIMES: usize = 3 * (CONNECTION_WINDOW / EXCHANGE_WINDOW) as usize;

#[tokio::test]
async fn what_a_server_leaves_unread_is_given_back() {
    let client = async |requests| {
        for _ in 0..TIMES {
            let (answer, sending) = begin(&requests, "/", false).await.expect("a lane");
            // The server may be done before it is sent.
            drop(
                sending
                    .send(body(vec![vec![0; EXCHANGE_WINDOW as usize]], None))
                    .await,
            );
            answer.response().await.expect("an answer");
        }
    };
    let late = async |exchange: Exchange| {
        settle().await;
        empty(exchange).await;
    };
    for ended in [
        talk(BUFFER, empty, client).await,
        talk(BUFFER, late, client).await,
    ] {
        assert!(matches!(ended, ((), Ok(()), Ok(()))));
    }
}

#[tokio::test]
async fn what_a_client_leaves_unread_is_given_back() {
    let handler = async |exchange: Exchange| {
        if let Ok(sending) = exchange.respond.respond(&head(StatusCode::OK), false).await {
            drop(
                sending
                    .send(body(vec![vec![0; EXCHANGE_WINDOW as usize]], None))
                    .await,
            );
        }
    };
    let client = async |requests| {
        for round in 0..TIMES {
            let (answer, _sending) = begin(&requests, "/", true).await.expect("a lane");
            let mut response = answer.response().await.expect("an answer");
            match round % 3 {
                // Before anything of it is there, after all of it is, and in its midst.
                0 => {}
                1 => settle().await,
                _ => drop(
                    response
                        .body_mut()
                        .frame()
                        .await
                        .expect("a piece")
                        .expect("a piece"),
                ),
            }
        }
    };
    let ((), client, server) = talk(BUFFER, handler, client).await;
    assert!(client.is_ok() && server.is_ok());
}
