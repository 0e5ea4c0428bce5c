//! Counts the attempts of each request id.

use std::collections::{BTreeMap, VecDeque};

/// How many request ids are remembered. The oldest is forgotten first.
const REMEMBERED: usize = 100_000;

/// How often each request id has been seen.
#[derive(Default)]
pub(crate) struct Attempts {
    seen: BTreeMap<String, u32>,
    oldest_first: VecDeque<String>,
}

impl Attempts {
    /// Counts one more attempt of `request_id` and says which one it is, from 1.
    pub(crate) fn count(&mut self, request_id: &str) -> u32 {
        if let Some(attempts) = self.seen.get_mut(request_id) {
            *attempts = attempts.saturating_add(1);
            return *attempts;
        }
        if self.oldest_first.len() == REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.seen.insert(request_id.to_owned(), 1);
        self.oldest_first.push_back(request_id.to_owned());
        1
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempts, REMEMBERED};

    #[test]
    fn every_request_id_is_counted_by_itself() {
        let mut attempts = Attempts::default();
        assert_eq!(
            [attempts.count("a"), attempts.count("b"), attempts.count("a")],
            [1, 1, 2]
        );
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_request_id_goes_first() {
        let mut attempts = Attempts::default();
        for number in 0..=REMEMBERED {
            attempts.count(&number.to_string());
        }
        assert_eq!(
            (attempts.seen.len(), attempts.oldest_first.len()),
            (REMEMBERED, REMEMBERED)
        );
        assert_eq!(attempts.count("1"), 2, "still remembered");
        assert_eq!(attempts.count("0"), 1, "forgotten");
    }
}
