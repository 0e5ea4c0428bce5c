//! The limits of one cluster, which the pools of all workers share.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use hallway_model::cluster::ClusterLimits;

use super::{Overflow, Pool, Pooled};

pub(super) struct Budget<C: Pooled> {
    connections: Counter,
    pending: Counter,
    pools: OnceLock<Vec<Weak<Pool<C>>>>,
}

/// A place among those who wait, until it is dropped.
pub(super) struct Pending<C: Pooled>(Arc<Budget<C>>);

/// A number that stays within a limit, whoever counts.
struct Counter {
    value: AtomicU32,
    limit: AtomicU32,
}

impl<C: Pooled> Budget<C> {
    pub(super) fn new(limits: ClusterLimits) -> Self {
        Self {
            connections: Counter::new(limits.connections),
            pending: Counter::new(limits.pending_requests),
            pools: OnceLock::new(),
        }
    }

    pub(super) fn shared_by(&self, pools: &[Arc<Pool<C>>]) {
        self.pools
            .get_or_init(|| pools.iter().map(Arc::downgrade).collect());
    }

    pub(super) fn configure(&self, limits: ClusterLimits) {
        self.connections
            .limit
            .store(limits.connections, Ordering::Relaxed);
        self.pending
            .limit
            .store(limits.pending_requests, Ordering::Relaxed);
    }

    /// Counts one more connection as open, if the limit allows it.
    pub(super) fn try_open(&self) -> bool {
        self.connections.try_add()
    }

    /// Counts one connection less.
    pub(super) fn close(&self) {
        self.connections.subtract();
    }

    #[cfg(test)]
    pub(super) fn open(&self) -> u32 {
        self.connections.value.load(Ordering::Relaxed)
    }

    /// A place among those who wait. Who has made room for itself gets one beyond the limit.
    pub(super) fn pending(self: &Arc<Self>, made_room: bool) -> Result<Pending<C>, Overflow> {
        if !self.pending.try_add() {
            if !made_room {
                return Err(Overflow {
                    connections: self.connections.value.load(Ordering::Relaxed),
                    pending: self.pending.value.load(Ordering::Relaxed),
                });
            }
            self.pending.value.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Pending(Arc::clone(self)))
    }

    pub(super) fn anybody_waits(&self) -> bool {
        self.pending.value.load(Ordering::Relaxed) > 0
    }

    /// Closes an idle connection of another worker than that of `asking`, if there is one.
    pub(super) fn ask_others_to_evict(&self, asking: &Arc<Pool<C>>) {
        let evicted = self.others(asking).find_map(|pool| pool.lock().evict_idle());
        drop(evicted);
    }

    /// Lets those who wait in other workers than that of `serving` take what is free.
    pub(super) fn let_others_serve(&self, serving: &Arc<Pool<C>>) {
        if self.anybody_waits() {
            for pool in self.others(serving) {
                pool.serve_slots(&mut pool.lock());
            }
        }
    }

    fn others(&self, than: &Arc<Pool<C>>) -> impl Iterator<Item = Arc<Pool<C>>> {
        let pools = self.pools.get().into_iter().flatten();
        pools
            .filter_map(Weak::upgrade)
            .filter(move |pool| !Arc::ptr_eq(pool, than))
    }
}

impl<C: Pooled> Drop for Pending<C> {
    fn drop(&mut self) {
        self.0.pending.subtract();
    }
}

impl Counter {
    fn new(limit: u32) -> Self {
        Self {
            value: AtomicU32::new(0),
            limit: AtomicU32::new(limit),
        }
    }

    fn try_add(&self) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        let within = |value| (value < limit).then_some(value + 1);
        self.value
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .is_ok()
    }

    fn subtract(&self) {
        self.value.fetch_sub(1, Ordering::Relaxed);
    }
}
