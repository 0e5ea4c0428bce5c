//! How long the work of a request takes.

use std::time::Duration;

use hallway_host::Random;
use rand::RngExt;

use crate::contract::Latency;

/// The time that one request takes under `latency`.
pub(crate) fn draw(latency: &Latency, random: &mut Random) -> Duration {
    let milliseconds = match *latency {
        Latency::Fixed { ms } => ms,
        Latency::Percentiles {
            p50_ms,
            p90_ms,
            p99_ms,
        } => quantile(
            random.random(),
            [(0.0, 0.0), (0.5, p50_ms), (0.9, p90_ms), (0.99, p99_ms)],
        ),
    };
    Duration::from_secs_f64(milliseconds / 1000.0)
}

/// The value at `rank` (from 0 to 1) of the distribution that is linear between `points`, and flat after the last.
fn quantile(rank: f64, points: [(f64, f64); 4]) -> f64 {
    for ((low_rank, low), (high_rank, high)) in points.iter().zip(&points[1..]) {
        if rank < *high_rank {
            return low + (high - low) * (rank - low_rank) / (high_rank - low_rank);
        }
    }
    points[3].1
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn percentiles_are_met_and_linear_between() {
        let points = [(0.0, 0.0), (0.5, 10.0), (0.9, 50.0), (0.99, 140.0)];
        let at = |rank| quantile(rank, points);
        assert_eq!(
            [at(0.0), at(0.25), at(0.5), at(0.9), at(0.99), at(0.999)],
            [0.0, 5.0, 10.0, 50.0, 140.0, 140.0]
        );
        assert!((at(0.7) - 30.0).abs() < 1e-9);
    }
}
