//! What may happen to a connection from outside while it is polled for each of its messages: an order to drain, the end of
//! its life.

use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// Events to come. Each is looked at only when it has something to say, and not whenever the connection is polled.
pub(crate) struct Events<'a, Event>(FuturesUnordered<Pin<Box<dyn Future<Output = Event> + Send + 'a>>>);

impl<'a, Event> Events<'a, Event> {
    pub(crate) fn none() -> Self {
        Self(FuturesUnordered::new())
    }

    /// And `event`, once `moment` has come.
    pub(crate) fn and(self, moment: impl Future<Output = ()> + Send + 'a, event: Event) -> Self
    where
        Event: Send + 'a,
    {
        self.0.push(Box::pin(async {
            moment.await;
            event
        }));
        self
    }

    /// Waits for the next one; for ever when there is none left. It can be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Event {
        match self.0.next().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}
