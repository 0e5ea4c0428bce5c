//! Which backend of a rule a request goes to, by weight. Source: Gateway API, `BackendRef.weight`.

use hallway_model::Backend;
use rand::{Rng, RngExt};

/// Chooses a backend; each has the chance `weight / sum of all weights`. None when that sum is zero.
// ANCHOR: choose
pub fn choose<'a>(backends: &'a [Backend], random: &mut impl Rng) -> Option<&'a Backend> {
    match backends.iter().map(|backend| u64::from(backend.weight)).sum() {
        0 => None,
        total => at(backends, random.random_range(0..total)),
    }
}

/// The backend at `point`, when all are laid end to end, each as long as its weight.
fn at(backends: &[Backend], point: u64) -> Option<&Backend> {
    let mut end = 0;
    backends.iter().find(|backend| {
        end += u64::from(backend.weight);
        point < end
    })
}
// ANCHOR_END: choose

#[cfg(test)]
mod tests {
    use hallway_host::Random;
    use hallway_model::route::Target;
    use hallway_model::{Backend, ClusterName};
    use proptest::prelude::*;

    use super::{at, choose};

    fn backends(weights: &[u32]) -> Vec<Backend> {
        weights
            .iter()
            .enumerate()
            .map(|(position, weight)| Backend {
                target: Target::Cluster(ClusterName(position.to_string())),
                weight: *weight,
            })
            .collect()
    }

    proptest! {
        #[test]
        fn each_backend_owns_exactly_its_weight_of_all_points(weights in prop::collection::vec(0u32..40, 0..8)) {
            let backends = backends(&weights);
            let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
            let mut owned = vec![0u32; weights.len()];
            for point in 0..total {
                let chosen = at(&backends, point).expect("every point below the total is owned");
                let position = backends.iter().position(|backend| backend == chosen).expect("it is one of them");
                owned[position] += 1;
            }
            prop_assert_eq!(owned, weights);
            prop_assert!(at(&backends, total).is_none());
        }

        #[test]
        fn nothing_is_chosen_only_when_there_is_no_weight(
            weights in prop::collection::vec(0u32..3, 0..4), seed: u64,
        ) {
            let chosen = backends(&weights);
            let chosen = choose(&chosen, &mut Random::derive(seed, "split"));
            prop_assert_eq!(chosen.is_none(), weights.iter().sum::<u32>() == 0);
            prop_assert!(chosen.is_none_or(|backend| backend.weight > 0));
        }
    }

    #[test]
    fn the_largest_weights_do_not_overflow() {
        let backends = backends(&[u32::MAX, u32::MAX]);
        assert!(choose(&backends, &mut Random::derive(1, "split")).is_some());
    }

    #[test]
    fn nine_to_one_is_nine_to_one() {
        let backends = backends(&[90, 10]);
        let mut random = Random::derive(1, "split");
        let draws = 100_000;
        let second = (0..draws)
            .filter(|_| choose(&backends, &mut random) == Some(&backends[1]))
            .count();
        // Seven standard deviations of a binomial distribution (√(100,000 · 0.1 · 0.9) ≈ 95).
        assert!(second.abs_diff(10_000) < 670, "{second} of {draws}");
    }
}
