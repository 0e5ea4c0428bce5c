//! What is written together, and what is not.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::future::{join, join_all};
use hallway_lanes::{client, server};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use crate::support::{HEADER_BYTES, begin, body, echo, serve, whole};

/// Notes how long each piece is that is written.
struct Noting {
    stream: DuplexStream,
    written: Rc<RefCell<Vec<usize>>>,
}

impl AsyncRead for Noting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Noting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written.borrow_mut().push(bytes.len());
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// What a client writes that sends so many bodies of this length at once.
async fn written(bodies: usize, length: usize) -> Vec<usize> {
    let (stream, far) = duplex(16 * 1024 * 1024);
    let written = Rc::default();
    let noting = Noting {
        stream,
        written: Rc::clone(&written),
    };
    let (requests, client) = client::open(noting, HEADER_BYTES);
    let calls = async move {
        let call = async || {
            let (answer, sending) = begin(&requests, "/", false).await.expect("a lane");
            let sending = sending.send(body(vec![vec![7; length]], None));
            let answering = async { whole(answer.response().await.expect("an answer")).await };
            let (sent, answer) = tokio::join!(sending, answering);
            sent.expect("all of it is sent");
            assert_eq!(answer.expect("an answer").body().data.len(), length);
        };
        join_all((0..bodies).map(|_| call())).await;
    };
    let serving = serve(server::open(far, HEADER_BYTES), echo);
    let (_, (client, server)) = join(calls, join(client, serving)).await;
    assert!(client.is_ok() && server.is_ok());
    written.take()
}

#[tokio::test]
async fn many_short_requests_are_written_as_one() {
    let written = written(50, 1000).await;
    assert!(written[0] > 50 * 1000, "{written:?}");
}

#[tokio::test]
async fn the_head_of_a_long_body_goes_ahead() {
    let written = written(1, 30_000).await;
    assert!(written[0] < 100 && written[1] > 30_000, "{written:?}");
}
