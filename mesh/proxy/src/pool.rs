//! The connections of one cluster: at most so many open, used again, and a bounded queue for those who have to wait.
//!
//! Each worker has a pool of its own, since a connection belongs to the worker that opened it; the limits are those of all
//! workers together (`budget`). A connection carries one request at a time (*exclusive*: HTTP/1.1), and waits here
//! between two of them, or many at once (HTTP/2), and stays here while it does.
//!
//! An open connection holds a [`Slot`] until it is closed. Who wants one gets, in this order: an open connection to its
//! endpoint, a free slot to open one, or a place in the queue. While somebody opens a connection that many can share,
//! the others wait for it. When all slots are taken by idle connections to other endpoints, one of those is closed to make room.

mod budget;
mod inner;
mod slot;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use hallway_model::cluster::ClusterLimits;
use tokio::sync::oneshot;

use self::budget::{Budget, Pending};
use self::inner::Inner;
pub(crate) use self::slot::Slot;

/// A connection that can be in a pool.
pub(crate) trait Pooled: Send + Sized {
    /// To whom it leads.
    type Key: Clone + Ord + Send;
    /// Why none could be opened.
    type Error: Clone + Send;

    /// Whether connections to `key` are expected to carry many requests at once.
    fn may_be_shared(key: &Self::Key) -> bool;

    /// Which connection it is.
    fn id(&self) -> u64;

    /// What it is good for now.
    fn condition(&self) -> Condition;

    /// Another hold on the same connection; none when it is exclusive.
    fn share(&self) -> Option<Self>;

    /// Counts this hold as a request that a shared connection carries, until it is dropped.
    fn count(&mut self);

    /// Whether it carries no request now.
    fn is_idle(&self) -> bool;
}

/// What a connection is good for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Condition {
    /// The next request.
    Ready,
    /// A later request: it carries as many as it can.
    Busy,
    /// Nothing: it is closed, or too old.
    Spent,
}

/// The pool of one worker for one cluster.
pub(crate) struct Pool<C: Pooled> {
    inner: Mutex<Inner<C>>,
    budget: Arc<Budget<C>>,
}

/// What a request gets to work with.
pub(crate) enum Lease<C: Pooled> {
    /// A connection that was open.
    Open(C),
    /// The right to open one.
    Slot(Slot<C>),
}

/// Why a request gets nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoLease<E> {
    /// The queue is full.
    Overflow(Overflow),
    /// It waited for another to open a connection, which failed.
    Failed(E),
}

/// The queue is full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Overflow {
    /// How many connections are open.
    pub(crate) connections: u32,
    /// How many requests wait.
    pub(crate) pending: u32,
}

/// A place in the queue.
struct Waiting<C: Pooled> {
    handed_over: oneshot::Receiver<Result<Lease<C>, C::Error>>,
    _pending: Pending<C>,
}

impl<C: Pooled> Pool<C> {
    /// One pool for each of so many workers, with `limits` for all of them together.
    pub(crate) fn of_workers(workers: usize, limits: ClusterLimits) -> Vec<Arc<Self>> {
        let budget = Arc::new(Budget::new(limits));
        let pool = || {
            Arc::new(Self {
                inner: Mutex::new(Inner::new()),
                budget: Arc::clone(&budget),
            })
        };
        let pools: Vec<Arc<Self>> = (0..workers).map(|_| pool()).collect();
        budget.shared_by(&pools);
        pools
    }

    /// Puts new limits in force, and lets go of connections to endpoints that are not in `current`. Higher limits
    /// serve those who wait at once.
    pub(crate) fn configure(self: &Arc<Self>, limits: ClusterLimits, current: BTreeSet<C::Key>) {
        self.budget.configure(limits);
        let mut inner = self.lock();
        let dropped = inner.keep_only(current);
        self.serve_slots(&mut inner);
        close(inner, dropped);
    }

    /// A connection to `key`, or the right to open one. With `fresh`, open connections are passed over.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        key: &C::Key,
        fresh: bool,
    ) -> Result<Lease<C>, NoLease<C::Error>> {
        let waiting = {
            let mut inner = self.lock();
            let found = if fresh { None } else { inner.take(key) };
            if let Some(connection) = found {
                return Ok(Lease::Open(connection));
            }
            let dials = fresh || inner.may_dial(key);
            if dials && self.budget.try_open() {
                inner.dials(key);
                return Ok(Lease::Slot(Slot::new(self, key)));
            }
            let evicted = dials.then(|| inner.evict_idle()).flatten();
            let must_ask_others = dials && evicted.is_none();
            let pending = self.budget.pending(evicted.is_some()).map_err(NoLease::Overflow);
            let (hand_over, handed_over) = oneshot::channel();
            if pending.is_ok() {
                inner.enqueue(key, hand_over);
            }
            close(inner, evicted);
            if must_ask_others && pending.is_ok() {
                self.budget.ask_others_to_evict(self);
            }
            Waiting {
                handed_over,
                _pending: pending?,
            }
        };
        let lease = waiting.handed_over.await;
        lease
            .expect("the pool drops no waiter that still waits")
            .map_err(NoLease::Failed)
    }

    /// Takes back a connection that has finished its request.
    pub(crate) fn put(self: &Arc<Self>, key: &C::Key, connection: C) {
        if connection.share().is_some() {
            return self.put_shared(key, connection);
        }
        let mut inner = self.lock();
        let surplus = inner.put(key, connection, self.budget.anybody_waits());
        close(inner, surplus);
    }

    /// One request less: there may be room for another, or the connection itself may make room.
    fn put_shared(self: &Arc<Self>, key: &C::Key, connection: C) {
        let id = connection.id();
        drop(connection);
        if !self.budget.anybody_waits() {
            return;
        }
        let mut inner = self.lock();
        self.serve_key(&mut inner, key);
        let surplus = inner.remove_if_idle(key, id);
        self.serve_slots(&mut inner);
        close(inner, surplus);
    }

    /// Lets go of connection `id`: it takes no further request from here.
    pub(crate) fn evict(self: &Arc<Self>, key: &C::Key, id: u64) {
        let mut inner = self.lock();
        let evicted = inner.remove(key, id);
        self.serve_slots(&mut inner);
        close(inner, evicted);
    }

    /// A connection was opened.
    fn opened(self: &Arc<Self>, key: &C::Key, connection: &C) {
        let mut inner = self.lock();
        let shared = connection.share().is_some();
        inner.opened(key, shared);
        if shared {
            inner.add_shared(key, connection);
            self.serve_key(&mut inner, key);
        }
        self.serve_slots(&mut inner);
    }

    /// None could be opened. Those who waited for it fail with it: it would be the same for them, one after the other.
    fn failed(self: &Arc<Self>, key: &C::Key, error: &C::Error) {
        let mut inner = self.lock();
        inner.dialed(key);
        let disappointed = match C::may_be_shared(key) {
            true => inner.take_waiters(key),
            false => Vec::new(),
        };
        drop(inner);
        for waiter in disappointed {
            // Who has left meanwhile does not want to know.
            let _ = waiter.send(Err(error.clone()));
        }
    }

    /// A slot was given up.
    fn release(self: &Arc<Self>, key: &C::Key, while_dialing: bool) {
        self.budget.close();
        let mut inner = self.lock();
        if while_dialing {
            inner.dialed(key);
        }
        self.serve_slots(&mut inner);
        drop(inner);
        self.budget.let_others_serve(self);
    }

    /// Hands open connections to `key` to those who wait for them.
    fn serve_key(&self, inner: &mut Inner<C>, key: &C::Key) {
        while let Some(hand_over) = inner.first_waiter_for(key) {
            let Some(connection) = inner.take(key) else {
                inner.requeue(key, hand_over);
                return;
            };
            if let Err(Ok(Lease::Open(unwanted))) = hand_over.send(Ok(Lease::Open(connection))) {
                inner.untake(key, unwanted);
            }
        }
    }

    /// Hands free slots to those who wait for one, in their order.
    fn serve_slots(self: &Arc<Self>, inner: &mut Inner<C>) {
        while let Some(key) = inner.first_dialer() {
            if !self.budget.try_open() {
                return;
            }
            let hand_over = inner.first_waiter_for(&key).expect("it was just found");
            inner.dials(&key);
            if let Err(Ok(Lease::Slot(unwanted))) = hand_over.send(Ok(Lease::Slot(Slot::new(self, &key)))) {
                // Its drop would want the lock.
                unwanted.forget();
                inner.dialed(&key);
                self.budget.close();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<C>> {
        self.inner
            .lock()
            .expect("nothing panics while it holds the lock of a pool")
    }
}

/// Closes connections after the lock is given back: their drop may want it.
fn close<C: Pooled>(inner: MutexGuard<'_, Inner<C>>, connections: impl Sized) {
    drop(inner);
    drop(connections);
}

#[cfg(test)]
mod tests;
