//! The effects of requests: what would be a charge or an order in life.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use crate::contract::{EffectRule, EffectSeen};

/// How many effects are remembered by their keys. The oldest is forgotten first.
const REMEMBERED: usize = 100_000;

/// Counts the effects of a process, and remembers their keys.
#[derive(Default)]
pub(crate) struct Effects(Mutex<State>);

#[derive(Default)]
struct State {
    count: u64,
    /// The last effect of each key.
    by_key: BTreeMap<String, u64>,
    oldest_first: VecDeque<(String, u64)>,
}

impl Effects {
    /// The effect of a request with `key`. It is recorded with its number, unless it is that of an earlier request; nobody else learns of it,
    /// or of a later one, before that is done.
    pub(crate) fn have(
        &self,
        rule: &EffectRule,
        key: Option<String>,
        record: impl FnOnce(u64, Option<&str>),
    ) -> EffectSeen {
        let mut state = self.0.lock().expect("effects do not panic");
        let earlier = key.as_ref().filter(|_| rule.once_per_key);
        if let Some(&number) = earlier.and_then(|key| state.by_key.get(key)) {
            return EffectSeen {
                number,
                key,
                repeated: true,
            };
        }
        state.count += 1;
        let number = state.count;
        record(number, key.as_deref());
        if let Some(key) = &key {
            state.remember(key, number);
        }
        EffectSeen {
            number,
            key,
            repeated: false,
        }
    }
}

impl State {
    fn remember(&mut self, key: &str, number: u64) {
        self.by_key.insert(key.to_owned(), number);
        self.oldest_first.push_back((key.to_owned(), number));
        if self.oldest_first.len() > REMEMBERED
            && let Some((key, number)) = self.oldest_first.pop_front()
            && self.by_key.get(&key) == Some(&number)
        {
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Effects, REMEMBERED};
    use crate::contract::EffectRule;

    const ONCE: EffectRule = EffectRule { once_per_key: true };
    const EVERY_TIME: EffectRule = EffectRule { once_per_key: false };

    /// The number of the effect, and whether it is an earlier one.
    fn have(effects: &Effects, rule: &EffectRule, key: Option<&str>) -> (u64, bool) {
        let mut recorded = None;
        let seen = effects.have(rule, key.map(str::to_owned), |number, _| recorded = Some(number));
        assert_eq!(seen.key.as_deref(), key);
        assert_eq!(recorded, (!seen.repeated).then_some(seen.number));
        (seen.number, seen.repeated)
    }

    #[test]
    fn a_key_has_one_effect_where_the_rule_says_so() {
        let effects = Effects::default();
        let seen = [
            have(&effects, &ONCE, Some("a")),
            have(&effects, &ONCE, Some("b")),
            have(&effects, &ONCE, Some("a")),
            have(&effects, &ONCE, None),
            have(&effects, &ONCE, None),
            have(&effects, &EVERY_TIME, Some("b")),
            have(&effects, &EVERY_TIME, Some("c")),
            have(&effects, &ONCE, Some("c")),
        ];
        let expected = [1, 2, 1, 3, 4, 5, 6, 6].map(|number| (number, false));
        let mut expected = expected.to_vec();
        expected[2].1 = true;
        expected[7].1 = true;
        assert_eq!(seen, expected[..]);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_effect_goes_first() {
        let effects = Effects::default();
        have(&effects, &ONCE, Some("renewed"));
        for number in 0..REMEMBERED - 1 {
            have(&effects, &ONCE, Some(&number.to_string()));
        }
        have(&effects, &EVERY_TIME, Some("renewed"));
        have(&effects, &ONCE, Some("one more"));
        let state = effects.0.lock().unwrap();
        assert_eq!(
            (state.by_key.len(), state.oldest_first.len()),
            (REMEMBERED, REMEMBERED)
        );
        drop(state);
        assert!(
            have(&effects, &ONCE, Some("renewed")).1,
            "its last effect is not old"
        );
        assert!(!have(&effects, &ONCE, Some("0")).1, "forgotten");
        assert!(have(&effects, &ONCE, Some("2")).1, "still remembered");
    }
}
