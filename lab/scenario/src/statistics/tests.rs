use proptest::prelude::*;

use super::sample::miss_rate;
use super::*;

/// Asserts that two numbers agree to nine digits.
fn assert_close(actual: f64, expected: f64, what: &str) {
    let error = (actual - expected).abs();
    assert!(
        error <= 1e-9 * expected.abs(),
        "{what}: {actual:e}, expected {expected:e}"
    );
}

/// Pascal's triangle, exactly.
fn choose(n: u64, k: u64) -> f64 {
    let product = (0..k).fold(1_u128, |product, i| {
        product * u128::from(n - i) / u128::from(i + 1)
    });
    product as f64
}

fn naive_point(k: u64, n: u64, p: f64) -> f64 {
    let power = |base: f64, exponent: u64| (0..exponent).fold(1.0, |product, _| product * base);
    choose(n, k) * power(p, k) * power(1.0 - p, n - k)
}

fn naive_sum(n: u64, p: f64, counts: impl Fn(u64) -> bool) -> f64 {
    (0..=n).filter(|k| counts(*k)).map(|k| naive_point(k, n, p)).sum()
}

proptest! {
    #[test]
    fn the_distribution_agrees_with_direct_summation(n in 1_u64..60, share in 0.0..=1.0, p in 0.001..0.999) {
        let k = (share * n as f64) as u64;
        assert_close(point(k, n, p), naive_point(k, n, p), "point");
        assert_close(lower_tail(k, n, p), naive_sum(n, p, |i| i <= k), "lower tail");
        assert_close(upper_tail(k, n, p), naive_sum(n, p, |i| i >= k), "upper tail");
        let observed = naive_point(k, n, p);
        let two_sided = naive_sum(n, p, |i| naive_point(i, n, p) <= observed * (1.0 + TIE));
        assert_close(two_sided_p_value(k, n, p), two_sided.min(1.0), "two-sided");
    }

    #[test]
    fn successes_and_failures_are_the_same_test(n in 1_u64..5_000, share in 0.0..=1.0, p in 0.001..0.999) {
        let k = (share * n as f64) as u64;
        let (one, other) = (two_sided_p_value(k, n, p), two_sided_p_value(n - k, n, 1.0 - p));
        prop_assert!((one - other).abs() <= 1e-8 * one.max(f64::MIN_POSITIVE), "{one:e} and {other:e}");
    }

    #[test]
    fn a_required_sample_suffices_from_there_on(expected in 0.02..0.98, difference in 0.15..0.5) {
        let wrong = if expected > 0.5 { expected - difference } else { expected + difference };
        let required = required_sample(expected, wrong, 1e-3, 1e-3).expect("a small sample is enough");
        for trials in required..required + 200 {
            prop_assert!(miss_rate(trials, expected, wrong, 1e-3) <= 1e-3, "{trials} are not enough");
        }
        let fewer = required - 1;
        prop_assert!(fewer == 0 || miss_rate(fewer, expected, wrong, 1e-3) > 1e-3, "{fewer} are enough too");
    }
}

/// Computed with exact fractions.
#[test]
fn p_values_of_a_two_sided_test_are_exact() {
    assert_close(
        two_sided_p_value(282, 2000, 0.1),
        6.798_708_534_399_203e-9,
        "282 of 2000 at 10%",
    );
    assert_close(
        two_sided_p_value(160, 2000, 0.1),
        2.513_512_513_829_015e-3,
        "160 of 2000 at 10%",
    );
    assert_close(
        two_sided_p_value(7, 20, 0.5),
        0.263_175_964_355_468_75,
        "7 of 20 at 50%",
    );
    assert_close(two_sided_p_value(3, 10, 1.0 / 3.0), 1.0, "3 of 10 at a third");
}

/// Computed with eighty decimal digits.
#[test]
fn a_million_trials_keep_nine_digits() {
    let million = 1_000_000;
    assert_close(
        point(98_500, million, 0.1),
        4.717_534_489_793_073e-9,
        "point at 10%",
    );
    assert_close(
        lower_tail(98_500, million, 0.1),
        2.734_771_236_257_046_4e-7,
        "tail at 10%",
    );
    assert_close(
        point(498_000, million, 0.5),
        2.676_568_158_124_882_3e-7,
        "point at 50%",
    );
    assert_close(
        lower_tail(498_000, million, 0.5),
        3.180_466_875_041_244_4e-5,
        "tail at 50%",
    );
    assert_close(
        lower_tail(70, million, 0.0001),
        9.709_782_581_501_105e-4,
        "tail at 0.01%",
    );
}

#[test]
fn certain_shares_are_refuted_by_one_exception() {
    assert_eq!(two_sided_p_value(100, 100, 1.0), 1.0);
    assert_eq!(two_sided_p_value(99, 100, 1.0), 0.0);
    assert_eq!(two_sided_p_value(0, 100, 0.0), 1.0);
    assert_eq!(two_sided_p_value(1, 100, 0.0), 0.0);
    assert_eq!(two_sided_p_value(0, 0, 0.3), 1.0);
    assert_eq!(upper_tail(0, 7, 0.3), 1.0);
    assert_eq!(lower_tail(7, 7, 0.3), 1.0);
}

#[test]
fn the_samples_that_tell_shares_apart_are_known() {
    let required = |expected, wrong| required_sample(expected, wrong, ERROR_RATE, MISS_RATE);
    assert_eq!(required(0.1, 0.2), Some(1_154));
    assert_eq!(required(0.9, 0.8), Some(1_154));
    assert_eq!(required(0.5, 0.4), Some(2_304));
    // 0.9^131 > 10⁻⁶ >= 0.9^132: one exception is enough.
    assert_eq!(required(0.0, 0.1), Some(132));
    assert_eq!(required(0.5, 0.5), None);
    assert_eq!(required(0.5, 0.5001), None);
}
