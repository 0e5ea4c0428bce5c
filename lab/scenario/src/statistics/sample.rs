//! How large a sample must be.

use super::{first_where, mode, tail_before, two_sided_p_value};

/// The largest sample that is considered.
pub const LARGEST_SAMPLE: u64 = 1_000_000;

/// The least number of trials from which on, at every number, the test of the share `expected` at the error rate `error`
/// overlooks the share `wrong` with at most the probability `miss`. `None` if that takes more than [`LARGEST_SAMPLE`].
///
/// More trials are not always better: as counts are whole numbers, the miss rate falls like a saw with shallow teeth. The
/// answer is beyond the last tooth that is too high.
///
/// # Panics
/// If `expected` or `wrong` is not from 0 to 1.
pub fn required_sample(expected: f64, wrong: f64, error: f64, miss: f64) -> Option<u64> {
    let two_teeth = 2 * tooth(expected);
    let mut required = 1;
    let mut from = 1;
    loop {
        let to = from + two_teeth.max(from / 32);
        if to > LARGEST_SAMPLE {
            return None;
        }
        let too_few = |trials: &u64| miss_rate(*trials, expected, wrong, error) > miss;
        match (from..to).rev().find(too_few) {
            Some(last) => required = last + 1,
            None => return Some(required),
        }
        from = to;
    }
}

/// The probability that the test of the share `expected` accepts a sample of the share `wrong`.
pub(super) fn miss_rate(trials: u64, expected: f64, wrong: f64, error: f64) -> f64 {
    let accepts = |successes: u64| two_sided_p_value(successes, trials, expected) >= error;
    let mode = mode(trials, expected);
    let least = first_where(0, mode, accepts);
    let beyond = first_where(mode, trials + 1, |successes| !accepts(successes));
    tail_before(beyond, trials, wrong) - tail_before(least, trials, wrong)
}

/// After how many more trials a bound of the test moves by one success (or one failure, if those are fewer): the length
/// of a tooth.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the quotient is positive; a conversion that is out of range saturates"
)]
fn tooth(expected: f64) -> u64 {
    let rarer = expected.min(1.0 - expected);
    if rarer == 0.0 {
        1
    } else {
        ((1.0 / rarer).ceil() as u64).min(LARGEST_SAMPLE)
    }
}
