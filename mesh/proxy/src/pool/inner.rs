//! What one worker's pool holds. Nothing here waits or drops a connection: both need the lock to be given back first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;

use tokio::sync::oneshot;

use super::{Condition, Lease, Pooled};

pub(super) type HandOver<C> = oneshot::Sender<Result<Lease<C>, <C as Pooled>::Error>>;

pub(super) struct Inner<C: Pooled> {
    /// The endpoints that the cluster has now; connections to others are not kept.
    current: BTreeSet<C::Key>,
    /// Idle ones, the one used last at the end, and shared ones.
    open: BTreeMap<C::Key, Vec<C>>,
    /// How many connections are being opened.
    dialing: BTreeMap<C::Key, u32>,
    /// Where connections turned out to be exclusive against expectation.
    exclusive: BTreeSet<C::Key>,
    waiting: VecDeque<(C::Key, HandOver<C>)>,
}

impl<C: Pooled> Inner<C> {
    pub(super) fn new() -> Self {
        Self {
            current: BTreeSet::new(),
            open: BTreeMap::new(),
            dialing: BTreeMap::new(),
            exclusive: BTreeSet::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Keeps connections to `current` endpoints, and gives the others back.
    pub(super) fn keep_only(&mut self, current: BTreeSet<C::Key>) -> Vec<C> {
        let (kept, dropped): (BTreeMap<_, _>, BTreeMap<_, Vec<C>>) = mem::take(&mut self.open)
            .into_iter()
            .partition(|(key, _)| current.contains(key));
        self.open = kept;
        self.exclusive.retain(|key| current.contains(key));
        self.current = current;
        dropped.into_values().flatten().collect()
    }

    /// An open connection to `key` that is ready, the one used last first. Spent ones on the way are dropped.
    pub(super) fn take(&mut self, key: &C::Key) -> Option<C> {
        let open = self.open.get_mut(key)?;
        let mut spent = false;
        let position = open.iter().rposition(|connection| {
            let condition = connection.condition();
            spent |= condition == Condition::Spent;
            condition == Condition::Ready
        });
        let taken = position.map(|position| {
            let shared = open[position].share();
            let mut taken = shared.unwrap_or_else(|| open.remove(position));
            taken.count();
            taken
        });
        if spent {
            open.retain(|connection| connection.condition() != Condition::Spent);
        }
        taken
    }

    /// Puts back what [`Inner::take`] gave and nobody wanted.
    pub(super) fn untake(&mut self, key: &C::Key, connection: C) {
        if connection.share().is_none() {
            self.open.entry(key.clone()).or_default().push(connection);
        }
    }

    /// Passes an exclusive connection on to who waits for its endpoint, or keeps it. It is given back, to be closed, when it
    /// is of no use, or when somebody waits for a slot to another endpoint.
    pub(super) fn put(&mut self, key: &C::Key, connection: C, wanted_elsewhere: bool) -> Option<C> {
        let condition = connection.condition();
        if condition == Condition::Spent || !self.current.contains(key) {
            return Some(connection);
        }
        if !wanted_elsewhere {
            self.open.entry(key.clone()).or_default().push(connection);
            return None;
        }
        match self.first_waiter_for(key) {
            Some(hand_over) if condition == Condition::Ready => {
                match hand_over.send(Ok(Lease::Open(connection))) {
                    // It has left since: the connection may close, its slot goes to the next.
                    Err(Ok(Lease::Open(connection))) => Some(connection),
                    _ => None,
                }
            }
            Some(hand_over) => {
                self.requeue(key, hand_over);
                Some(connection)
            }
            None => Some(connection),
        }
    }

    pub(super) fn add_shared(&mut self, key: &C::Key, connection: &C) {
        if self.current.contains(key) {
            let shared = connection.share();
            self.open.entry(key.clone()).or_default().extend(shared);
        }
    }

    /// Takes connection `id` out.
    pub(super) fn remove(&mut self, key: &C::Key, id: u64) -> Option<C> {
        let open = self.open.get_mut(key)?;
        let position = open.iter().position(|connection| connection.id() == id)?;
        Some(open.remove(position))
    }

    /// Takes connection `id` out, unless it carries requests.
    pub(super) fn remove_if_idle(&mut self, key: &C::Key, id: u64) -> Option<C> {
        let open = self.open.get_mut(key)?;
        let position = open
            .iter()
            .position(|connection| connection.id() == id && connection.is_idle())?;
        Some(open.remove(position))
    }

    /// Takes a connection out that carries no request, whichever.
    pub(super) fn evict_idle(&mut self) -> Option<C> {
        self.open.values_mut().find_map(|open| {
            let position = open.iter().position(C::is_idle)?;
            Some(open.remove(position))
        })
    }

    /// Whether a connection to `key` is to be opened now, rather than waited for.
    pub(super) fn may_dial(&self, key: &C::Key) -> bool {
        !C::may_be_shared(key) || self.exclusive.contains(key) || !self.dialing.contains_key(key)
    }

    pub(super) fn dials(&mut self, key: &C::Key) {
        *self.dialing.entry(key.clone()).or_default() += 1;
    }

    pub(super) fn dialed(&mut self, key: &C::Key) {
        if let Some(dialing) = self.dialing.get_mut(key) {
            *dialing -= 1;
            if *dialing == 0 {
                self.dialing.remove(key);
            }
        }
    }

    pub(super) fn opened(&mut self, key: &C::Key, shared: bool) {
        self.dialed(key);
        if !shared && C::may_be_shared(key) {
            self.exclusive.insert(key.clone());
        }
    }

    pub(super) fn enqueue(&mut self, key: &C::Key, hand_over: HandOver<C>) {
        self.waiting.push_back((key.clone(), hand_over));
    }

    /// Puts a waiter back to where it was.
    pub(super) fn requeue(&mut self, key: &C::Key, hand_over: HandOver<C>) {
        self.waiting.push_front((key.clone(), hand_over));
    }

    /// Takes the first who still waits for `key` out of the queue.
    pub(super) fn first_waiter_for(&mut self, key: &C::Key) -> Option<HandOver<C>> {
        self.forget_gone();
        let position = self.waiting.iter().position(|(waits, _)| waits == key)?;
        self.waiting.remove(position).map(|(_, hand_over)| hand_over)
    }

    /// To whom the first leads that waits for a slot.
    pub(super) fn first_dialer(&mut self) -> Option<C::Key> {
        self.forget_gone();
        let dialer = self.waiting.iter().find(|(key, _)| self.may_dial(key));
        dialer.map(|(key, _)| key.clone())
    }

    pub(super) fn take_waiters(&mut self, key: &C::Key) -> Vec<HandOver<C>> {
        let (taken, left) = mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(waits, _)| waits == key);
        self.waiting = left;
        let taken: VecDeque<(C::Key, HandOver<C>)> = taken;
        taken.into_iter().map(|(_, hand_over)| hand_over).collect()
    }

    /// Forgets those who no longer wait.
    fn forget_gone(&mut self) {
        self.waiting.retain(|(_, hand_over)| !hand_over.is_closed());
    }
}
