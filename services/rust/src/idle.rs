//! When a connection is idle, and for how long.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt;
use tokio::sync::watch;

use crate::message::Body;

/// How many requests of a connection are under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity(Arc<watch::Sender<usize>>);

/// A request that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Activity);

impl Activity {
    /// Counts a request that has arrived.
    pub(crate) fn begin(&self) -> UnderWay {
        self.0.send_modify(|requests| *requests += 1);
        UnderWay(self.clone())
    }

    /// Waits until the connection has been idle for too long: as long as `limit` said when it fell idle.
    pub(crate) async fn idle_for_too_long(&self, limit: impl Fn() -> Option<Duration>) {
        let mut requests = self.0.subscribe();
        loop {
            // The channel is open: its sender is in `self`.
            let _ = requests.wait_for(|requests| *requests == 0).await;
            let pause = async {
                match limit() {
                    Some(limit) => tokio::time::sleep(limit).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = requests.changed() => {}
                () = pause => return,
            }
        }
    }
}

impl UnderWay {
    /// `answer`, of which the request is under way until its body has been sent.
    pub(crate) fn until_sent(self, answer: Response<Body>) -> Response<Body> {
        answer.map(|body| {
            body.map_err(move |error| {
                // Moved in here, it is dropped with the body.
                let _ = &self;
                error
            })
            .boxed_unsync()
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.send_modify(|requests| *requests -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::Activity;

    const LIMIT: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_its_opening_and_from_its_last_answer() {
        let activity = Activity::default();
        let started = Instant::now();
        activity.idle_for_too_long(|| Some(LIMIT)).await;
        assert_eq!(started.elapsed(), LIMIT);

        let requests = async {
            sleep(Duration::from_secs(1)).await;
            let long = activity.begin();
            let short = activity.begin();
            sleep(Duration::from_secs(5)).await;
            drop(short);
            sleep(Duration::from_secs(5)).await;
            drop(long);
        };
        let started = Instant::now();
        tokio::join!(activity.idle_for_too_long(|| Some(LIMIT)), requests);
        assert_eq!(started.elapsed(), Duration::from_secs(11) + LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_a_connection_is_never_idle_for_too_long() {
        let activity = Activity::default();
        let forever = tokio::time::timeout(Duration::from_secs(3600), activity.idle_for_too_long(|| None));
        assert!(forever.await.is_err());
    }
}
