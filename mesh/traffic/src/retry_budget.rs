//! How much may be tried again: the retry budget of a cluster (GEP-3388,
//! <https://gateway-api.sigs.k8s.io/geps/gep-3388/>).
//!
//! A retry is permitted when, with it, the retries of the last interval are at most so many percent of the requests of
//! that interval, or when those of the minimum's own interval are at most the minimum. A *request* is one of a caller,
//! however often it is tried; it counts while it is active and for one interval after its end. A *retry* counts from
//! when it is permitted. A retry that the minimum permits counts in the budget too.
//!
//! An interval is counted in [`SLICES`] slices, so that memory does not grow with traffic. The slice in which the interval
//! begins is counted whole for retries and not at all for requests: what is permitted, a count of every single event
//! would permit too, and what it would refuse is refused. The other way the two differ by what happened in that one slice.

use std::fmt;
use std::time::Duration;

use hallway_model::RetryConstraint;

/// How many slices an interval has: what is forgotten late, or early, is a hundredth of it.
pub const SLICES: u32 = 100;

/// Counts the requests and retries of one cluster. Times are counted from a moment that its owner chooses, and stay the same.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    constraint: RetryConstraint,
    /// The latest time that it was told: an earlier one is taken for this one.
    now: Duration,
    active: u64,
    ended: Window,
    retries: Window,
    /// The same retries, over the interval of the minimum.
    recent: Window,
}

/// The budget at the moment when it did not permit a retry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spent {
    /// The requests of the interval.
    pub requests: u64,
    /// The retries of the interval, without the one that was refused.
    pub retries: u64,
    /// What they have to keep to.
    pub constraint: RetryConstraint,
}

/// The number of events in the last slices.
#[derive(Clone, Debug)]
struct Window {
    slice: Duration,
    /// A ring; the slice `number` is at `number` modulo its length.
    counts: Box<[u64]>,
    /// The number of the latest slice.
    latest: u64,
    total: u64,
}

impl RetryBudget {
    /// A budget that nobody has drawn on.
    ///
    /// # Panics
    /// When the constraint is not within its limits.
    pub fn new(constraint: RetryConstraint) -> Self {
        assert!(
            constraint.is_within_limits(),
            "a configuration with {constraint:?} is refused"
        );
        let (interval, least) = (constraint.interval, constraint.least.interval);
        Self {
            constraint,
            now: Duration::ZERO,
            active: 0,
            ended: Window::within(interval),
            retries: Window::covering(interval),
            recent: Window::covering(least),
        }
    }

    /// A request begins. Every one that begins must [end](Self::end).
    pub fn begin(&mut self) {
        self.active += 1;
    }

    /// A request has ended.
    pub fn end(&mut self, now: Duration) {
        self.active -= 1;
        self.now = self.now.max(now);
        self.ended.add(self.now);
    }

    /// Permits one retry and counts it, if the budget allows it.
    ///
    /// # Errors
    /// [`Spent`], when it does not.
    pub fn retry(&mut self, now: Duration) -> Result<(), Spent> {
        self.now = self.now.max(now);
        let now = self.now;
        let requests = self.active + self.ended.total(now);
        let retries = self.retries.total(now);
        // ANCHOR: permit
        let percent = u64::from(self.constraint.percent);
        let in_budget = (retries + 1) * 100 <= requests * percent;
        let in_minimum = self.recent.total(now) < u64::from(self.constraint.least.count);
        // ANCHOR_END: permit
        if !in_budget && !in_minimum {
            return Err(Spent {
                requests,
                retries,
                constraint: self.constraint,
            });
        }
        self.retries.add(now);
        self.recent.add(now);
        Ok(())
    }
}

impl Window {
    /// Of `interval`, the slices that lie wholly in it, and the present one.
    fn within(interval: Duration) -> Self {
        Self::new(interval, SLICES)
    }

    /// The slices in which `interval` lies.
    fn covering(interval: Duration) -> Self {
        Self::new(interval, SLICES + 1)
    }

    fn new(interval: Duration, slices: u32) -> Self {
        Self {
            slice: interval / SLICES,
            counts: vec![0; slices as usize].into_boxed_slice(),
            latest: 0,
            total: 0,
        }
    }

    fn add(&mut self, now: Duration) {
        self.advance(now);
        let place = self.place(self.latest);
        self.counts[place] += 1;
        self.total += 1;
    }

    fn total(&mut self, now: Duration) -> u64 {
        self.advance(now);
        self.total
    }

    /// Forgets what is too long ago.
    fn advance(&mut self, now: Duration) {
        let number = u64::try_from(now.as_nanos() / self.slice.as_nanos()).unwrap_or(u64::MAX);
        let passed = number - self.latest;
        let forgotten = passed.min(self.counts.len() as u64);
        for number in self.latest + 1..=self.latest + forgotten {
            let place = self.place(number);
            self.total -= self.counts[place];
            self.counts[place] = 0;
        }
        self.latest += passed;
    }

    fn place(&self, number: u64) -> usize {
        usize::try_from(number % self.counts.len() as u64).expect("less than the length of the ring")
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            requests,
            retries,
            constraint,
        } = self;
        write!(
            formatter,
            "the retry budget is spent: retries may be {}% of the requests of the last {:?}, or {} in {:?} \
             (requests: {requests}, retries: {retries})",
            constraint.percent, constraint.interval, constraint.least.count, constraint.least.interval
        )
    }
}
