//! The binomial distribution, accurate to about eleven digits for up to a million trials.
//!
//! Logarithms of factorials would lose too many digits: `ln(1000000!)` is above 10⁷. The method is C. Loader's saddle-point
//! expansion ("Fast and Accurate Computation of Binomial Probabilities", 2000), in which the large parts have cancelled
//! on paper.

use std::f64::consts::TAU;

/// The probability of exactly `successes`; 0 where it is below the smallest number that can be held.
///
/// # Panics
/// If `successes` is more than `trials`, or `probability` is not from 0 to 1.
pub fn point(successes: u64, trials: u64, probability: f64) -> f64 {
    Binomial::new(trials, probability).point(successes)
}

/// The probability of at most `successes`.
///
/// # Panics
/// As [`point`].
pub fn lower_tail(successes: u64, trials: u64, probability: f64) -> f64 {
    Binomial::new(trials, probability).lower_tail(successes)
}

/// The probability of at least `successes`.
///
/// # Panics
/// As [`point`].
pub fn upper_tail(successes: u64, trials: u64, probability: f64) -> f64 {
    assert!(successes <= trials, "{successes} successes in {trials} trials");
    Binomial::new(trials, probability)
        .mirrored()
        .lower_tail(trials - successes)
}

/// The distribution of the number of successes. Both probabilities are kept, because `1 - failure` would lose the digits
/// of a small `success`.
#[derive(Clone, Copy)]
struct Binomial {
    trials: u64,
    success: f64,
    failure: f64,
}

impl Binomial {
    fn new(trials: u64, success: f64) -> Self {
        assert!((0.0..=1.0).contains(&success), "{success} is no probability");
        Self {
            trials,
            success,
            failure: 1.0 - success,
        }
    }

    /// The distribution of the number of failures.
    fn mirrored(self) -> Self {
        Self {
            success: self.failure,
            failure: self.success,
            ..self
        }
    }

    fn point(self, successes: u64) -> f64 {
        assert!(
            successes <= self.trials,
            "{successes} successes in {} trials",
            self.trials
        );
        let (n, k) = (real(self.trials), real(successes));
        if successes == 0 {
            return power(self.failure, self.success, n);
        }
        if successes == self.trials {
            return power(self.success, self.failure, n);
        }
        if self.success == 0.0 || self.failure == 0.0 {
            return 0.0;
        }
        let stirling = stirling_error(n) - stirling_error(k) - stirling_error(n - k);
        let deviance = deviance(k, n * self.success) + deviance(n - k, n * self.failure);
        (stirling - deviance).exp() * (n / (TAU * k * (n - k))).sqrt()
    }

    fn lower_tail(self, successes: u64) -> f64 {
        assert!(
            successes <= self.trials,
            "{successes} successes in {} trials",
            self.trials
        );
        // The far tail is summed in either case: what is near 1 is exact as the complement of what is small.
        if real(successes) > real(self.trials) * self.success {
            let others = self.trials - successes;
            return 1.0
                - if others == 0 {
                    0.0
                } else {
                    self.mirrored().falling_sum(others - 1)
                };
        }
        self.falling_sum(successes)
    }

    /// The sum of the probabilities from `successes`, which is not above the mean, down to 0: each term is less than the
    /// one before, and so is their ratio.
    fn falling_sum(self, successes: u64) -> f64 {
        let mut term = self.point(successes);
        let mut sum = term;
        for k in (1..=successes).rev() {
            term *= real(k) * self.failure / (real(self.trials - k + 1) * self.success);
            sum += term;
            if term <= sum * f64::EPSILON * 1e-3 {
                break;
            }
        }
        sum
    }
}

/// `base` to the power of `exponent`, where `complement` is `1 - base`.
fn power(base: f64, complement: f64, exponent: f64) -> f64 {
    if exponent == 0.0 {
        return 1.0;
    }
    let ln_base = if complement < 0.5 {
        (-complement).ln_1p()
    } else {
        base.ln()
    };
    (exponent * ln_base).exp()
}

/// `ln(n!)` less Stirling's formula for it, for a whole number `n` above 0.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let mut factorial = 1.0;
        let mut factor = 2.0;
        while factor <= n {
            factorial *= factor;
            factor += 1.0;
        }
        return f64::ln(factorial) - ((n + 0.5) * n.ln() - n + 0.5 * TAU.ln());
    }
    let square = n * n;
    let series = 1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / (1188.0 * square)) / square) / square;
    (1.0 / 12.0 - series / square) / n
}

/// How far `count` is from its `mean`: `count ln(count / mean) + mean - count`.
fn deviance(count: f64, mean: f64) -> f64 {
    let difference = count - mean;
    if difference.abs() >= 0.1 * (count + mean) {
        return count * (count / mean).ln() - difference;
    }
    // Near the mean the two parts cancel; this is their difference as a series.
    let ratio = difference / (count + mean);
    let mut sum = difference * ratio;
    let mut power = 2.0 * count * ratio;
    let mut divisor = 1.0;
    loop {
        power *= ratio * ratio;
        divisor += 2.0;
        let next = sum + power / divisor;
        if next == sum {
            return sum;
        }
        sum = next;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn real(count: u64) -> f64 {
    count as f64
}
