//! The right to keep one connection open.

use std::sync::Arc;

use super::{Pool, Pooled};

/// The right to keep one connection open. Dropping it makes room for another.
pub(crate) struct Slot<C: Pooled> {
    /// Taken out when the slot is given up by other means than its drop.
    pool: Option<Arc<Pool<C>>>,
    key: C::Key,
    /// Whether the connection is still to be opened.
    dialing: bool,
}

impl<C: Pooled> Slot<C> {
    pub(super) fn new(pool: &Arc<Pool<C>>, key: &C::Key) -> Self {
        Self {
            pool: Some(Arc::clone(pool)),
            key: key.clone(),
            dialing: true,
        }
    }

    /// The connection is open. If it can be shared, others get to use it from now on.
    pub(crate) fn opened(&mut self, connection: &C) {
        self.dialing = false;
        if let Some(pool) = &self.pool {
            pool.opened(&self.key, connection);
        }
    }

    /// The connection could not be opened.
    pub(crate) fn failed(mut self, error: &C::Error) {
        self.dialing = false;
        if let Some(pool) = &self.pool {
            pool.failed(&self.key, error);
        }
    }

    /// Drops it without a word to the pool.
    pub(super) fn forget(mut self) {
        self.pool = None;
    }
}

impl<C: Pooled> Drop for Slot<C> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.release(&self.key, self.dialing);
        }
    }
}
