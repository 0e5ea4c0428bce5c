//! The retry budget, by example and against a reference that keeps every event.

use std::time::Duration;

use hallway_model::{RetryConstraint, RetryRate};
use hallway_traffic::retry_budget::{RetryBudget, SLICES, Spent};
use proptest::prelude::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn constraint(percent: u32, interval: Duration, least: (u32, Duration)) -> RetryConstraint {
    RetryConstraint {
        percent,
        interval,
        least: RetryRate {
            count: least.0,
            interval: least.1,
        },
    }
}

/// A budget whose minimum is used up at 0 s, for an hour.
fn without_minimum(percent: u32, interval: Duration) -> RetryBudget {
    let mut budget = RetryBudget::new(constraint(percent, interval, (1, seconds(3600))));
    budget.retry(Duration::ZERO).expect("the minimum");
    budget
}

/// How many retries are permitted at `now` until one is not.
fn permitted(budget: &mut RetryBudget, now: Duration) -> usize {
    (0..10_000).take_while(|_| budget.retry(now).is_ok()).count()
}

#[test]
fn retries_stay_within_their_share_of_requests() {
    let mut budget = without_minimum(20, seconds(10));
    let now = seconds(20);
    (0..100).for_each(|_| budget.begin());
    assert_eq!(permitted(&mut budget, now), 20, "of active requests");
    (0..100).for_each(|_| budget.end(now));
    assert_eq!(permitted(&mut budget, now), 0, "a request counts once");
    let spent = budget.retry(now).expect_err("it is spent");
    assert_eq!((spent.requests, spent.retries), (100, 20));
    (0..4).for_each(|_| budget.begin());
    assert_eq!(permitted(&mut budget, now), 0, "20.8 are 20");
    budget.begin();
    assert_eq!(permitted(&mut budget, now), 1);
}

#[test]
fn what_is_an_interval_ago_no_longer_counts() {
    let mut budget = without_minimum(50, seconds(10));
    (0..10).for_each(|_| budget.begin());
    (0..8).for_each(|_| budget.end(seconds(20)));
    assert_eq!(permitted(&mut budget, seconds(20)), 5);
    // The requests that ended then are forgotten, the retries of the same time not yet.
    assert_eq!(permitted(&mut budget, seconds(30)), 0);
    // Two are still active.
    assert_eq!(permitted(&mut budget, Duration::from_millis(30_100)), 1);
    assert_eq!(
        permitted(&mut budget, seconds(4000)),
        1,
        "what the budget permits counts in the minimum too"
    );
}

#[test]
fn the_minimum_holds_without_traffic_and_is_no_addition() {
    let mut budget = RetryBudget::new(constraint(20, seconds(10), (3, seconds(1))));
    assert_eq!(permitted(&mut budget, seconds(5)), 3);
    assert_eq!(permitted(&mut budget, Duration::from_millis(5_900)), 0);
    assert_eq!(permitted(&mut budget, Duration::from_millis(6_010)), 3);
    (0..50).for_each(|_| budget.begin());
    assert_eq!(
        permitted(&mut budget, Duration::from_millis(6_010)),
        4,
        "six of ten were the minimum's"
    );
}

#[test]
fn none_and_all_are_shares_too() {
    let mut none = without_minimum(0, seconds(10));
    (0..1000).for_each(|_| none.begin());
    assert_eq!(permitted(&mut none, seconds(20)), 0);
    let mut all = without_minimum(100, seconds(10));
    (0..1000).for_each(|_| all.begin());
    assert_eq!(permitted(&mut all, seconds(20)), 1000);
}

#[test]
fn a_clock_that_steps_back_is_taken_for_one_that_stands() {
    let mut budget = without_minimum(100, seconds(10));
    budget.begin();
    budget.end(seconds(100));
    assert_eq!(permitted(&mut budget, seconds(50)), 1);
    assert_eq!(permitted(&mut budget, seconds(100)), 0);
}

#[test]
fn a_spent_budget_says_what_it_was() {
    let spent = Spent {
        requests: 154,
        retries: 30,
        constraint: constraint(20, seconds(10), (1, seconds(1))),
    };
    assert_eq!(
        spent.to_string(),
        "the retry budget is spent: retries may be 20% of the requests of the last 10s, or 1 in 1s \
         (requests: 154, retries: 30)"
    );
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Begin,
    End,
    Retry,
}

/// Every event with its time.
#[derive(Default)]
struct Reference {
    active: u64,
    ended: Vec<Duration>,
    retries: Vec<Duration>,
}

impl Reference {
    /// Whether a retry at `now` is permitted, when an event counts for exactly as long as the interval.
    fn permits_exactly(&self, now: Duration, constraint: &RetryConstraint) -> bool {
        let counted = |events: &[Duration], interval| {
            let counts = |time: &&Duration| now - **time <= interval;
            events.iter().filter(counts).count() as u64
        };
        self.permits(constraint, counted, counted)
    }

    /// The same, when the slice in which the interval begins counts for retries, and not for requests.
    fn permits_by_slices(&self, now: Duration, constraint: &RetryConstraint) -> bool {
        let counted = |events: &[Duration], interval: Duration, slices: u128| {
            let number = |time: Duration| time.as_nanos() / (interval / SLICES).as_nanos();
            let counts = |time: &&Duration| number(now) - number(**time) < slices;
            events.iter().filter(counts).count() as u64
        };
        let slices = u128::from(SLICES);
        self.permits(
            constraint,
            |events, interval| counted(events, interval, slices),
            |events, interval| counted(events, interval, slices + 1),
        )
    }

    fn permits(
        &self,
        constraint: &RetryConstraint,
        requests: impl Fn(&[Duration], Duration) -> u64,
        retries: impl Fn(&[Duration], Duration) -> u64,
    ) -> bool {
        let all = self.active + requests(&self.ended, constraint.interval);
        let tried_again = retries(&self.retries, constraint.interval);
        let recently = retries(&self.retries, constraint.least.interval);
        (tried_again + 1) * 100 <= all * u64::from(constraint.percent)
            || recently < u64::from(constraint.least.count)
    }
}

proptest! {
    /// The budget decides as a reference does that keeps every event and counts by slices; and what it permits, an exact
    /// count of the sliding interval permits.
    #[test]
    fn it_decides_as_a_list_of_all_events_does(
        percent in 0..=100_u32,
        interval in 1_000..5_000_u64,
        least in (1..4_u32, 1_000..3_000_u64),
        events in prop::collection::vec(
            (prop_oneof![4 => 0..30_u64, 1 => 0..6_000_u64],
             prop_oneof![Just(Event::Begin), Just(Event::End), Just(Event::Retry)]),
            0..400,
        ),
    ) {
        let constraint = constraint(
            percent,
            Duration::from_millis(interval),
            (least.0, Duration::from_millis(least.1)),
        );
        let mut budget = RetryBudget::new(constraint);
        let mut reference = Reference::default();
        let mut now = Duration::ZERO;
        for (pause, event) in events {
            now += Duration::from_millis(pause);
            match event {
                Event::Begin => {
                    budget.begin();
                    reference.active += 1;
                }
                Event::End if reference.active == 0 => {}
                Event::End => {
                    budget.end(now);
                    reference.active -= 1;
                    reference.ended.push(now);
                }
                Event::Retry => {
                    let permitted = budget.retry(now).is_ok();
                    prop_assert_eq!(permitted, reference.permits_by_slices(now, &constraint));
                    prop_assert!(!permitted || reference.permits_exactly(now, &constraint));
                    if permitted {
                        reference.retries.push(now);
                    }
                }
            }
        }
    }
}
