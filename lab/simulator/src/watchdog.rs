//! Notices when virtual time does not pass, and carries panics out of tasks.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Why the simulation cannot go on.
pub(crate) enum Fatal {
    /// A task has panicked; the message has been printed already.
    Panic(Box<dyn Any + Send>),
    /// So many polls without any progress of the clock.
    Livelock,
}

/// Polls at one instant. All of this happens on one thread; atomics only make it shareable.
#[derive(Default)]
pub(crate) struct Polls {
    instant: AtomicU64,
    count: AtomicU64,
}

impl Polls {
    pub(crate) fn add(&self, now: u64) -> u64 {
        if self.instant.swap(now, Ordering::Relaxed) != now {
            self.count.store(0, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn at(&self, now: u64) -> u64 {
        match self.instant.load(Ordering::Relaxed) == now {
            true => self.count.load(Ordering::Relaxed),
            false => 0,
        }
    }
}

pub(crate) struct Watchdog {
    polls: Polls,
    most_polls: u64,
    failed: AtomicBool,
    fatal: Mutex<Option<Fatal>>,
}

impl Watchdog {
    pub(crate) fn new(most_polls: u64) -> Self {
        Self {
            polls: Polls::default(),
            most_polls,
            failed: AtomicBool::new(false),
            fatal: Mutex::new(None),
        }
    }

    /// Counts one poll. Whether there have been too many is found out by [`Watchdog::take_fatal`].
    pub(crate) fn poll(&self, now: u64) {
        if self.polls.add(now) > self.most_polls {
            self.fail(Fatal::Livelock);
        }
    }

    /// Polls at this instant so far.
    pub(crate) fn polls(&self, now: u64) -> u64 {
        self.polls.at(now)
    }

    /// When anything was polled last.
    pub(crate) fn last_poll(&self) -> u64 {
        self.polls.instant.load(Ordering::Relaxed)
    }

    pub(crate) fn fail(&self, fatal: Fatal) {
        self.fatal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(fatal);
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Why the simulation has to end, told once.
    pub(crate) fn take_fatal(&self) -> Option<Fatal> {
        if !self.failed.load(Ordering::Relaxed) {
            return None;
        }
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
