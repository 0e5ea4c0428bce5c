//! What happened to how many requests.

use std::collections::BTreeMap;

use crate::text;
use crate::verdict::Finding;

/// How many requests a verdict names as its samples.
pub(crate) const SAMPLES: usize = 5;

/// What happened to how many requests, in words: the right thing, or something else.
#[derive(Default)]
pub(crate) struct Tally {
    right: BTreeMap<String, Group>,
    wrong: BTreeMap<String, Group>,
}

#[derive(Default)]
struct Group {
    count: u64,
    samples: Vec<String>,
}

impl Tally {
    /// Counts a request by what happened to it: `Ok` is the right thing.
    pub(crate) fn add(&mut self, correlation: Option<&str>, happened: Result<String, String>) {
        let group = match happened {
            Ok(words) => self.right.entry(words).or_default(),
            Err(words) => self.wrong.entry(words).or_default(),
        };
        group.count += 1;
        if group.samples.len() < SAMPLES {
            group.samples.extend(correlation.map(str::to_owned));
        }
    }

    /// How many were counted.
    pub(crate) fn total(&self) -> u64 {
        self.right
            .values()
            .chain(self.wrong.values())
            .map(|group| group.count)
            .sum()
    }

    /// How many saw the right thing.
    pub(crate) fn right(&self) -> u64 {
        self.right.values().map(|group| group.count).sum()
    }

    /// `503 × 10, 200 × 30`: what is wrong first, then by number.
    pub(crate) fn words(&self) -> String {
        let word = |(words, group): (&String, &Group)| format!("{words} × {}", text::count(group.count));
        let wrong = by_number(&self.wrong).into_iter().map(word);
        wrong
            .chain(by_number(&self.right).into_iter().map(word))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Requests to look at: wrong ones if there are any.
    pub(crate) fn samples(&self) -> Vec<String> {
        let groups = if self.wrong.is_empty() {
            &self.right
        } else {
            &self.wrong
        };
        by_number(groups)
            .into_iter()
            .flat_map(|(_, group)| group.samples.iter().cloned())
            .take(SAMPLES)
            .collect()
    }

    /// A finding that holds when the right thing happened to every request.
    pub(crate) fn into_finding(self) -> Finding {
        Finding {
            held: self.wrong.is_empty(),
            saw: self.words(),
            samples: self.samples(),
            ..Finding::default()
        }
    }
}

fn by_number(groups: &BTreeMap<String, Group>) -> Vec<(&String, &Group)> {
    let mut groups: Vec<_> = groups.iter().collect();
    // The sort is stable: groups of one size stay in the order of their words.
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
    groups
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn what_is_wrong_comes_first() {
        let mut tally = Tally::default();
        tally.add(Some("a"), Ok("200".to_owned()));
        tally.add(Some("b"), Ok("200".to_owned()));
        tally.add(Some("c"), Err("500".to_owned()));
        tally.add(Some("d"), Err("503".to_owned()));
        tally.add(Some("e"), Err("503".to_owned()));
        assert_eq!(tally.words(), "503 × 2, 500 × 1, 200 × 2");
        assert_eq!((tally.right(), tally.total()), (2, 5));
        let finding = tally.into_finding();
        assert!(!finding.held);
        assert_eq!(finding.samples, ["d", "e", "c"]);
    }
}
