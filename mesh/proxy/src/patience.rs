//! How long an HTTP/1.1 connection may wait for what comes next: the head of a request, or the end of an answer.
//!
//! A body notices its deadline when it is asked for more. A caller who does not read keeps it from being asked, and would
//! hold the upstream's connection for ever.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::listener::HEADER_TIMEOUT;

/// The patience with one connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Patience(Arc<Mutex<Waiting>>);

/// What is waited for.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    /// The head of the next request, since then.
    Request(Instant),
    /// The end of an answer, until then; none while its rule does not say.
    Answer(Option<Instant>),
}

/// A request that is being answered, until this is dropped.
pub(crate) struct Answering(Patience);

impl Patience {
    /// With a connection that has just been opened.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Waiting::Request(Instant::now()))))
    }

    /// A request has come. A connection carries one at a time.
    pub(crate) fn asked(&self) -> Answering {
        *self.lock() = Waiting::Answer(None);
        Answering(self.clone())
    }

    /// Waits until what is waited for has not come in time. It looks for what that is whenever it is polled: the task that polls the
    /// connection polls this afterwards. Its timer ends no later than it should, and is set again only when it has ended,
    /// so that requests which are answered at once cost none.
    pub(crate) async fn exhausted(&self) {
        let mut alarm: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|context| {
            let waiting = *self.lock();
            let end = match waiting {
                Waiting::Request(since) => since + HEADER_TIMEOUT,
                Waiting::Answer(Some(end)) => end,
                Waiting::Answer(None) => return Poll::Pending,
            };
            let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(end)));
            if end < alarm.deadline() {
                alarm.as_mut().reset(end);
            }
            while alarm.as_mut().poll(context).is_ready() {
                if end <= alarm.deadline() {
                    return Poll::Ready(());
                }
                alarm.as_mut().reset(end);
            }
            Poll::Pending
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }
}

impl Answering {
    /// The answer has to end at `moment`.
    pub(crate) fn until(&self, moment: Option<Instant>) {
        *self.0.lock() = Waiting::Answer(moment);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.lock() = Waiting::Request(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{advance, timeout};

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_no_request_comes_in_time() {
        let (patience, opened) = (Patience::new(), Instant::now());
        patience.exhausted().await;
        assert_eq!(opened.elapsed(), HEADER_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn each_answer_begins_it_anew_without_a_new_timer() {
        let patience = Patience::new();
        let mut exhausted = std::pin::pin!(patience.exhausted());
        for _ in 0..3 {
            assert!(timeout(HEADER_TIMEOUT - MOMENT, &mut exhausted).await.is_err());
            drop(patience.asked());
        }
        let answered = Instant::now();
        exhausted.await;
        assert_eq!(answered.elapsed(), HEADER_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_until_its_own_end_and_else_for_ever() {
        let patience = Patience::new();
        let mut exhausted = std::pin::pin!(patience.exhausted());
        assert!(timeout(MOMENT, &mut exhausted).await.is_err());
        let answering = patience.asked();
        assert!(timeout(100 * HEADER_TIMEOUT, &mut exhausted).await.is_err());
        let end = Instant::now() + 10 * MOMENT;
        answering.until(Some(end));
        exhausted.await;
        assert_eq!(Instant::now(), end);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_told_of_an_end_before_its_timer() {
        let patience = Patience::new();
        let mut exhausted = std::pin::pin!(patience.exhausted());
        assert!(timeout(MOMENT, &mut exhausted).await.is_err());
        let answering = patience.asked();
        answering.until(Some(Instant::now() + 5 * MOMENT));
        advance(5 * MOMENT).await;
        assert!(timeout(MOMENT, &mut exhausted).await.is_ok());
    }
}
