//! Exact binomial tests: which shares the evidence refutes, and how large a sample must be to tell two shares apart.
//!
//! A statistical check can be wrong in two ways, both with a stated probability: it can turn red although the share is
//! the expected one ([`ERROR_RATE`]), or stay green although the share is the wrong one ([`MISS_RATE`]).
//!
//! - [`probability`]: the binomial distribution: single outcomes and tails
//! - [`sample`]: the least sample for which the test tells two shares apart

pub mod probability;
pub mod sample;

pub use probability::{lower_tail, point, upper_tail};
pub use sample::required_sample;

/// How often a check of a share may turn red although the share is the expected one.
pub const ERROR_RATE: f64 = 1e-6;

/// How often a check of a share may stay green although the share is the wrong one that it must tell apart.
pub const MISS_RATE: f64 = 1e-6;

/// Outcomes whose probabilities differ by less than this relative amount count as equally probable: rounding must not
/// decide which of two symmetric outcomes belongs to the other.
const TIE: f64 = 1e-7;

/// The probability, were `probability` true, of a number of successes that is at most as probable as the observed one:
/// the exact two-sided binomial test by the method of small p-values, as in R's `binom.test`.
///
/// # Panics
/// If `successes` is more than `trials`, or `probability` is not from 0 to 1.
pub fn two_sided_p_value(successes: u64, trials: u64, probability: f64) -> f64 {
    let observed = point(successes, trials, probability);
    let mode = mode(trials, probability);
    if successes == mode {
        return 1.0;
    }
    let as_improbable = |successes: u64| point(successes, trials, probability) <= observed * (1.0 + TIE);
    let p_value = if successes < mode {
        let other = first_where(mode + 1, trials + 1, as_improbable);
        lower_tail(successes, trials, probability) + tail_from(other, trials, probability)
    } else {
        let other = first_where(0, mode, |successes| !as_improbable(successes));
        tail_before(other, trials, probability) + upper_tail(successes, trials, probability)
    };
    p_value.min(1.0)
}

/// The most probable number of successes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts are far below 2^52 and the product is not negative"
)]
pub(crate) fn mode(trials: u64, probability: f64) -> u64 {
    (((trials + 1) as f64 * probability) as u64).min(trials)
}

/// The first number from `from` that `holds`, or `to` if there is none; once one holds, all after it must.
pub(crate) fn first_where(from: u64, to: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (from, to);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The probability of fewer than `successes`.
pub(crate) fn tail_before(successes: u64, trials: u64, probability: f64) -> f64 {
    successes
        .checked_sub(1)
        .map_or(0.0, |last| lower_tail(last, trials, probability))
}

/// The probability of `successes` or more, which may be more than `trials`.
pub(crate) fn tail_from(successes: u64, trials: u64, probability: f64) -> f64 {
    if successes > trials {
        0.0
    } else {
        upper_tail(successes, trials, probability)
    }
}

#[cfg(test)]
mod tests;
