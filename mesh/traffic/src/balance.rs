//! Which endpoint of a cluster a request goes to.

use std::collections::BTreeSet;

use hallway_model::LoadBalancing;
use rand::{Rng, RngExt};

/// What there is to choose from.
#[derive(Clone, Copy, Debug)]
pub struct Endpoints<'a> {
    /// How many endpoints the cluster has.
    pub count: usize,
    /// The ones that this request has already tried; they are passed over while there are others, as Envoy's
    /// `previous_hosts` retry predicate does.
    pub tried: &'a BTreeSet<usize>,
}

/// Chooses an endpoint by `policy`, as its position; none when there are no endpoints.
///
/// `turn` counts the choices of the cluster, for round robin. `in_flight` tells how many requests an endpoint has
/// in flight.
pub fn choose(
    policy: LoadBalancing,
    endpoints: Endpoints<'_>,
    turn: usize,
    in_flight: impl Fn(usize) -> usize,
    random: &mut impl Rng,
) -> Option<usize> {
    let left = endpoints.left();
    // ANCHOR: choose
    match (left, policy) {
        (0, _) => None,
        (1, _) => Some(endpoints.nth(0)),
        (_, LoadBalancing::RoundRobin) => Some(endpoints.nth(turn % left)),
        (_, LoadBalancing::Random) => Some(endpoints.nth(random.random_range(0..left))),
        (_, LoadBalancing::LeastRequest) => {
            let (first, second) = two_distinct(left, random);
            let (first, second) = (endpoints.nth(first), endpoints.nth(second));
            Some(if in_flight(second) < in_flight(first) {
                second
            } else {
                first
            })
        }
    }
    // ANCHOR_END: choose
}

impl Endpoints<'_> {
    fn untried(&self) -> usize {
        self.count - self.tried.range(..self.count).count()
    }

    /// How many may be chosen: the untried ones, or all once every one was tried.
    fn left(&self) -> usize {
        match self.untried() {
            0 => self.count,
            untried => untried,
        }
    }

    /// The position of the `n`th one that may be chosen.
    fn nth(&self, n: usize) -> usize {
        if self.tried.is_empty() || self.untried() == 0 {
            return n;
        }
        (0..self.count)
            .filter(|position| !self.tried.contains(position))
            .nth(n)
            .expect("n is below the number of untried endpoints")
    }
}

/// Two different numbers below `count`, each pair as likely as any other.
fn two_distinct(count: usize, random: &mut impl Rng) -> (usize, usize) {
    let first = random.random_range(0..count);
    let second = random.random_range(0..count - 1);
    (first, if second < first { second } else { second + 1 })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hallway_host::Random;
    use hallway_model::LoadBalancing;
    use proptest::prelude::*;

    use super::{Endpoints, choose};

    fn policy() -> impl Strategy<Value = LoadBalancing> {
        prop_oneof![
            Just(LoadBalancing::LeastRequest),
            Just(LoadBalancing::RoundRobin),
            Just(LoadBalancing::Random),
        ]
    }

    proptest! {
        #[test]
        fn an_untried_endpoint_is_chosen_while_there_is_one(
            policy in policy(), count in 0usize..6, tried in prop::collection::btree_set(0usize..8, 0..8),
            turn: usize, seed: u64,
        ) {
            let mut random = Random::derive(seed, "balance");
            let endpoints = Endpoints { count, tried: &tried };
            match choose(policy, endpoints, turn, |_| 0, &mut random) {
                None => prop_assert_eq!(count, 0),
                Some(chosen) => {
                    prop_assert!(chosen < count);
                    let all_tried = (0..count).all(|position| tried.contains(&position));
                    prop_assert!(all_tried || !tried.contains(&chosen));
                }
            }
        }

        #[test]
        fn least_request_never_chooses_the_one_most_loaded(loads in prop::collection::btree_set(0usize..99, 2..8), seed: u64) {
            let loads: Vec<usize> = loads.into_iter().collect();
            let endpoints = Endpoints { count: loads.len(), tried: &BTreeSet::new() };
            let mut random = Random::derive(seed, "balance");
            let chosen = choose(LoadBalancing::LeastRequest, endpoints, 0, |position| loads[position], &mut random);
            // The loads are distinct and sorted, so that the last is the highest: it loses against any other.
            prop_assert!(chosen.is_some_and(|chosen| chosen < loads.len() - 1));
        }

        #[test]
        fn round_robin_gives_everyone_the_same(count in 1usize..8, rounds in 1usize..8, start in 0usize..1000) {
            let mut chosen = vec![0; count];
            let mut random = Random::derive(1, "balance");
            let tried = BTreeSet::new();
            for turn in start..start + rounds * count {
                let endpoints = Endpoints { count, tried: &tried };
                let position = choose(LoadBalancing::RoundRobin, endpoints, turn, |_| 0, &mut random);
                chosen[position.expect("there are endpoints")] += 1;
            }
            prop_assert_eq!(chosen, vec![rounds; count]);
        }
    }

    #[test]
    fn least_request_is_even_among_the_idle() {
        let mut random = Random::derive(1, "balance");
        let tried = BTreeSet::new();
        let mut chosen = [0u32; 3];
        for _ in 0..30_000 {
            let endpoints = Endpoints {
                count: 3,
                tried: &tried,
            };
            let position = choose(LoadBalancing::LeastRequest, endpoints, 0, |_| 0, &mut random);
            chosen[position.expect("there are endpoints")] += 1;
        }
        // Seven standard deviations (√(30,000 · ⅓ · ⅔) ≈ 82).
        assert!(
            chosen.iter().all(|count| count.abs_diff(10_000) < 575),
            "{chosen:?}"
        );
    }
}
