//! Closed loop: every connection sends its next request as soon as it has its last answer.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_host::Host;
use tokio::time::{Instant, sleep};

use super::{Request, Told, connect, exchange};
use crate::http1::Connection;

pub(super) async fn run(
    host: &Host,
    request: &Request,
    connections: usize,
    warm_up: Duration,
    duration: Duration,
) -> Result<(), String> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(connect(host, request.target).await?);
    }
    let message = request.message();
    let answered = Cell::new(0);
    let sending = try_join_all(
        open.iter_mut()
            .map(|connection| repeat(connection, &message, request.answer, &answered)),
    );
    let counting = async {
        sleep(warm_up).await;
        host.record(&Told::Begin);
        let (before, started) = (answered.get(), Instant::now());
        sleep(duration).await;
        Told::Closed {
            requests: answered.get() - before,
            elapsed: started.elapsed(),
        }
    };
    tokio::select! {
        biased;
        told = counting => {
            host.record(&told);
            Ok(())
        }
        failed = sending => Err(failed.expect_err("repeating has no other end")),
    }
}

async fn repeat(
    connection: &mut Connection,
    message: &[u8],
    expected: usize,
    answered: &Cell<u64>,
) -> Result<(), String> {
    loop {
        exchange(connection, message, expected).await?;
        answered.set(answered.get() + 1);
    }
}
