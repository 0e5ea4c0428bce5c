//! The connections of one cluster: at most so many open, idle ones used again, and a bounded queue for the rest.
//!
//! An open connection holds a [`Slot`] until it is closed. Who wants one gets, in this order: an idle connection to its
//! endpoint, a free slot, or a place in the queue. The queue is served in its order, as connections become idle or slots
//! free. When all slots are taken by idle connections to other endpoints, one of those is closed to make room.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use hallway_model::cluster::ClusterLimits;
use tokio::sync::oneshot;

/// A connection that can wait in a pool.
pub(crate) trait Pooled: Send {
    /// To whom it leads.
    type Key: Clone + Ord + Send;

    /// Which connection it is.
    fn id(&self) -> u64;

    /// What it is good for now.
    fn condition(&self) -> Condition;
}

/// What an idle connection is good for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Condition {
    /// The next request.
    Ready,
    /// A later request: it is still finishing the one before.
    Busy,
    /// Nothing: it is closed, or too old.
    Spent,
}

/// The pool of one cluster, shared by all its users.
pub(crate) struct Pool<C: Pooled> {
    inner: Mutex<Inner<C>>,
}

/// The right to keep one connection open. Dropping it makes room for another.
pub(crate) struct Slot<C: Pooled> {
    /// Taken out when the slot is given up by other means than its drop.
    pool: Option<Arc<Pool<C>>>,
}

/// What a request gets to work with.
pub(crate) enum Lease<C: Pooled> {
    /// A connection that was open.
    Idle(C),
    /// The right to open one.
    Slot(Slot<C>),
}

/// The queue is full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Overflow {
    /// How many connections are open.
    pub(crate) connections: u32,
    /// How many requests wait.
    pub(crate) pending: u32,
}

struct Inner<C: Pooled> {
    limits: ClusterLimits,
    /// The endpoints that the cluster has now; connections to others are not kept.
    current: BTreeSet<C::Key>,
    /// Of each endpoint, the connection used last at the end.
    idle: BTreeMap<C::Key, Vec<C>>,
    open: u32,
    waiting: VecDeque<Waiter<C>>,
}

struct Waiter<C: Pooled> {
    key: C::Key,
    hand_over: oneshot::Sender<Lease<C>>,
}

impl<C: Pooled> Pool<C> {
    pub(crate) fn new(limits: ClusterLimits) -> Self {
        Self {
            inner: Mutex::new(Inner {
                limits,
                current: BTreeSet::new(),
                idle: BTreeMap::new(),
                open: 0,
                waiting: VecDeque::new(),
            }),
        }
    }

    /// Puts new limits in force, and closes idle connections to endpoints that are not in `current`.
    pub(crate) fn configure(&self, limits: ClusterLimits, current: BTreeSet<C::Key>) {
        let mut inner = self.lock();
        inner.limits = limits;
        let (kept, dropped) = mem::take(&mut inner.idle)
            .into_iter()
            .partition(|(key, _)| current.contains(key));
        inner.idle = kept;
        inner.current = current;
        close(inner, dropped);
    }

    /// A connection to `key`, or the right to open one. With `fresh`, idle connections are passed over.
    pub(crate) async fn acquire(self: &Arc<Self>, key: &C::Key, fresh: bool) -> Result<Lease<C>, Overflow> {
        let handed_over = {
            let mut inner = self.lock();
            let found = if fresh { None } else { inner.take_idle(key) };
            if let Some(connection) = found {
                return Ok(Lease::Idle(connection));
            }
            if inner.open < inner.limits.connections {
                inner.open += 1;
                return Ok(Lease::Slot(Slot::of(self)));
            }
            let (handed_over, evicted) = inner.enqueue(key)?;
            close(inner, evicted);
            handed_over
        };
        let lease = handed_over.await;
        Ok(lease.expect("the pool drops no waiter that still waits"))
    }

    /// Takes back a connection that has finished its request.
    pub(crate) fn put(&self, key: &C::Key, connection: C) {
        let mut inner = self.lock();
        let surplus = inner.give_idle(key, connection);
        close(inner, surplus);
    }

    /// Closes connection `id`, if it is idle.
    pub(crate) fn evict(&self, key: &C::Key, id: u64) {
        let mut inner = self.lock();
        let evicted = inner.idle.get_mut(key).and_then(|idle| {
            let position = idle.iter().position(|connection| connection.id() == id)?;
            Some(idle.remove(position))
        });
        close(inner, evicted);
    }

    /// Hands a slot to the first who waits.
    fn release(self: Arc<Self>) {
        let mut inner = self.lock();
        let lowered = inner.open > inner.limits.connections;
        let mut lease = Lease::Slot(Slot::of(&self));
        while !lowered && let Some(waiter) = inner.waiting.pop_front() {
            match waiter.hand_over.send(lease) {
                Ok(()) => return,
                Err(unwanted) => lease = unwanted,
            }
        }
        if let Lease::Slot(mut slot) = lease {
            slot.pool = None;
        }
        inner.open -= 1;
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

impl<C: Pooled> Inner<C> {
    /// The connection to `key` that was used last and is ready; spent ones on the way are dropped.
    fn take_idle(&mut self, key: &C::Key) -> Option<C> {
        let idle = self.idle.get_mut(key)?;
        idle.retain(|connection| connection.condition() != Condition::Spent);
        let position = idle
            .iter()
            .rposition(|connection| connection.condition() == Condition::Ready)?;
        Some(idle.remove(position))
    }

    /// Passes a connection on to who waits for its endpoint, or keeps it. It is given back, to be closed, when it is
    /// of no use, or when somebody waits for a slot to another endpoint.
    fn give_idle(&mut self, key: &C::Key, connection: C) -> Option<C> {
        if connection.condition() == Condition::Spent || !self.current.contains(key) {
            return Some(connection);
        }
        self.forget_gone();
        if self.waiting.is_empty() {
            self.idle.entry(key.clone()).or_default().push(connection);
            return None;
        }
        let waits = self.waiting.iter().position(|waiter| waiter.key == *key);
        match waits {
            Some(position) if connection.condition() == Condition::Ready => {
                let waiter = self
                    .waiting
                    .remove(position)
                    .expect("the position was just found");
                match waiter.hand_over.send(Lease::Idle(connection)) {
                    Ok(()) => None,
                    // It has left since it was counted: the connection may close, its slot goes to the next.
                    Err(Lease::Idle(connection)) => Some(connection),
                    Err(Lease::Slot(_)) => unreachable!("a connection was sent"),
                }
            }
            _ => Some(connection),
        }
    }

    /// Joins the queue, and closes an idle connection when that is what makes room.
    fn enqueue(&mut self, key: &C::Key) -> Result<(oneshot::Receiver<Lease<C>>, Option<C>), Overflow> {
        self.forget_gone();
        let evicted = self
            .idle
            .values_mut()
            .find(|idle| !idle.is_empty())
            .map(|idle| idle.remove(0));
        let pending = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        if evicted.is_none() && pending >= self.limits.pending_requests {
            return Err(Overflow {
                connections: self.open,
                pending,
            });
        }
        let (hand_over, handed_over) = oneshot::channel();
        self.waiting.push_back(Waiter {
            key: key.clone(),
            hand_over,
        });
        Ok((handed_over, evicted))
    }

    /// Forgets those who no longer wait.
    fn forget_gone(&mut self) {
        self.waiting.retain(|waiter| !waiter.hand_over.is_closed());
    }
}

impl<C: Pooled> Slot<C> {
    fn of(pool: &Arc<Pool<C>>) -> Self {
        Self {
            pool: Some(Arc::clone(pool)),
        }
    }
}

impl<C: Pooled> Drop for Slot<C> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.release();
        }
    }
}

#[cfg(test)]
mod tests;
