//! Who may work, and who waits for it: the capacity of a service.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::StatusCode;
use tokio::sync::oneshot;

use crate::contract::Capacity;

/// The places for work, and the queue before them: whoever came first is first.
#[derive(Debug)]
pub(crate) struct Queue {
    at_once: u32,
    longest: u32,
    /// What those get who find the queue full.
    pub(crate) refusal: StatusCode,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    working: u32,
    /// Who waits, by ticket. Tickets grow.
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
    next_ticket: u64,
}

/// A place for work, or one in the queue before it. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Place {
    queue: Arc<Queue>,
    ticket: u64,
}

impl Queue {
    pub(crate) fn new(capacity: &Capacity) -> Self {
        Self {
            at_once: capacity.at_once,
            longest: capacity.queue,
            refusal: StatusCode::from_u16(capacity.status).expect("a behaviour in force has been checked"),
            state: Mutex::default(),
        }
    }

    /// Waits for a place to work at; nothing when too many wait already.
    pub(crate) async fn enter(self: Arc<Self>) -> Option<Place> {
        let (place, turn) = self.line_up()?;
        if let Some(turn) = turn {
            turn.await
                .expect("a place that is waited for is in the queue until its turn");
        }
        Some(place)
    }

    fn line_up(self: Arc<Self>) -> Option<(Place, Option<oneshot::Receiver<()>>)> {
        let mut state = self.state.lock().expect("queueing does not panic");
        let ticket = state.next_ticket;
        let turn = if state.working < self.at_once {
            state.working += 1;
            None
        } else if state.waiting.len() < self.longest as usize {
            let (sender, receiver) = oneshot::channel();
            state.waiting.insert(ticket, sender);
            Some(receiver)
        } else {
            return None;
        };
        state.next_ticket += 1;
        drop(state);
        Some((Place { queue: self, ticket }, turn))
    }
}

impl Drop for Place {
    /// Whoever waits leaves the queue; whoever works hands the place on.
    fn drop(&mut self) {
        let mut state = self.queue.state.lock().expect("queueing does not panic");
        if state.waiting.remove(&self.ticket).is_some() {
            return;
        }
        match state.waiting.pop_first() {
            // Whoever does not hear of it any more is about to drop its place, which hands it on again.
            Some((_, turn)) => turn.send(()).unwrap_or_default(),
            None => state.working -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::{Place, Queue};
    use crate::contract::Capacity;

    fn queue(at_once: u32, queue: u32) -> Arc<Queue> {
        Arc::new(Queue::new(&Capacity {
            at_once,
            queue,
            status: 503,
        }))
    }

    fn at_once(queue: &Arc<Queue>) -> Option<Option<Place>> {
        queue.clone().enter().now_or_never()
    }

    #[test]
    fn places_go_to_those_who_wait_in_the_order_in_which_they_came() {
        let queue = queue(1, 2);
        let first = at_once(&queue).unwrap().unwrap();
        let mut second = Box::pin(queue.clone().enter());
        let mut third = Box::pin(queue.clone().enter());
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert!(at_once(&queue).unwrap().is_none(), "the queue is full");
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "it is not its turn");
        let second = second.now_or_never().unwrap();
        drop(second);
        assert!(third.now_or_never().unwrap().is_some());
        assert!(at_once(&queue).unwrap().is_some(), "all places are free again");
    }

    #[test]
    fn whoever_goes_away_leaves_the_queue() {
        let queue = queue(1, 1);
        let first = at_once(&queue).unwrap().unwrap();
        let mut impatient = Box::pin(queue.clone().enter());
        assert!((&mut impatient).now_or_never().is_none());
        drop(impatient);
        let mut late = Box::pin(queue.clone().enter());
        assert!((&mut late).now_or_never().is_none(), "there is room in the queue");
        // Its turn comes, but it does not live to see it.
        drop(first);
        drop(late);
        assert!(at_once(&queue).unwrap().is_some(), "the place was handed on");
    }
}
