//! The middle of several rounds, and how far they lie apart.

use serde::Serialize;

/// One figure, over all rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The median: of an even number, the mean of the two in the middle.
    pub median: f64,
    /// The lowest.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
    /// What each round gave, in their order.
    pub rounds: Vec<f64>,
}

impl Spread {
    /// Of at least one round.
    pub(crate) fn of(rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (lower, upper) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self {
            median: f64::midpoint(lower, upper),
            lowest: sorted[0],
            highest: sorted[sorted.len() - 1],
            rounds,
        }
    }
}

/// The value below which `share` of the `sorted` ones lie, by the nearest rank; nothing of nothing.
pub(crate) fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::{Spread, quantile};

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let spread = Spread::of(vec![3.0, 1.0, 9.0]);
        assert_eq!((spread.lowest, spread.median, spread.highest), (1.0, 3.0, 9.0));
        assert_eq!(spread.rounds, [3.0, 1.0, 9.0]);
        assert_eq!(Spread::of(vec![4.0, 1.0]).median, 2.5);
    }

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!(quantile(&sorted, 0.5), Some(50));
        assert_eq!(quantile(&sorted, 0.99), Some(99));
        assert_eq!(quantile(&sorted, 1.0), Some(100));
        assert_eq!(quantile(&[7], 0.01), Some(7));
        assert_eq!(quantile::<u32>(&[], 0.5), None);
    }
}
