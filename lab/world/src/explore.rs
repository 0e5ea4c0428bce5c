//! The search for a seed that breaks something.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tries `seeds` on so many threads, until one of them breaks something: `attempt` says what. Returns the lowest such seed, whatever
/// the threads' luck, so that the same search always ends with the same one. `tried` hears of every attempt that has ended.
///
/// # Panics
/// When an attempt panics.
pub fn explore<Found: Send>(
    seeds: Range<u64>,
    threads: NonZeroUsize,
    attempt: impl Fn(u64) -> Option<Found> + Sync,
    tried: impl Fn() + Sync,
) -> Option<(u64, Found)> {
    let next = AtomicU64::new(seeds.start);
    let lowest: Mutex<Option<(u64, Found)>> = Mutex::new(None);
    let found_so_far = || lowest.lock().expect("nothing panics while it is held");
    let is_below = |seed, found: &Option<(u64, Found)>| found.as_ref().is_none_or(|(found, _)| seed < *found);
    // Seeds are handed out in order. So when one is found, all lower ones have been tried or are being tried, and those are waited for.
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || !is_below(seed, &found_so_far()) {
                break;
            }
            let outcome = attempt(seed);
            tried();
            let mut lowest = found_so_far();
            if let Some(found) = outcome
                && is_below(seed, &lowest)
            {
                *lowest = Some((seed, found));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(work);
        }
    });
    lowest.into_inner().expect("nothing panics while it is held")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::explore;

    fn threads(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).expect("some")
    }

    #[test]
    fn the_lowest_seed_is_found_by_any_number_of_threads() {
        let breaks = |seed: u64| (seed >= 40 && seed.is_multiple_of(7)).then(|| seed * 2);
        for number in 1..=8 {
            let found = explore(1..1_000, threads(number), breaks, || {});
            assert_eq!(found, Some((42, 84)));
        }
    }

    #[test]
    fn seeds_after_the_found_one_are_not_tried() {
        let tried = AtomicU64::new(0);
        let count = || {
            tried.fetch_add(1, Ordering::Relaxed);
        };
        let found = explore(10..1_000, threads(1), |seed| (seed == 12).then_some(()), count);
        assert_eq!((found, tried.into_inner()), (Some((12, ())), 3));
    }

    #[test]
    fn nothing_is_found_where_nothing_breaks() {
        let tried = AtomicU64::new(0);
        let count = || {
            tried.fetch_add(1, Ordering::Relaxed);
        };
        assert_eq!(explore(5..105, threads(3), |_| None::<()>, count), None);
        assert_eq!(tried.into_inner(), 100);
    }
}
