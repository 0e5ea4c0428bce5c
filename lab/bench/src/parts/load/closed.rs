//! Closed loop: everybody sends the next request as soon as they have the last answer.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_host::Host;
use tokio::time::{Instant, sleep};

use super::sender::Sender;
use super::{Request, Told};

pub(super) async fn run(
    host: &Host,
    request: &Request,
    concurrency: usize,
    warm_up: Duration,
    duration: Duration,
) -> Result<(), String> {
    let mut senders = Sender::connect(host, request, concurrency).await?;
    let answers = Cell::new(0);
    let repeat = async |sender: &mut Sender| -> Result<(), String> {
        loop {
            sender.exchange().await?;
            answers.set(answers.get() + 1);
        }
    };
    let sending = try_join_all(senders.iter_mut().map(repeat));
    count(host, &answers, sending, warm_up, duration).await
}

/// Tells how many `answers` came during `duration`, or a multiple of it until there was one, while `sending` goes on.
///
/// # Errors
/// What `sending` ends with, if it ends.
pub(super) async fn count<T>(
    host: &Host,
    answers: &Cell<u64>,
    sending: impl Future<Output = Result<T, String>>,
    warm_up: Duration,
    duration: Duration,
) -> Result<(), String> {
    let counting = async {
        sleep(warm_up).await;
        host.record(&Told::Begin);
        let (before, started) = (answers.get(), Instant::now());
        sleep(duration).await;
        // On a machine that is busy with other things, nothing may have happened yet.
        while answers.get() == before {
            sleep(duration).await;
        }
        host.record(&Told::Counted {
            answers: answers.get() - before,
            elapsed: started.elapsed(),
        });
    };
    tokio::select! {
        biased;
        () = counting => Ok(()),
        ended = sending => ended.map(drop),
    }
}
