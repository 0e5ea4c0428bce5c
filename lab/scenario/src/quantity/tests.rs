use std::time::Duration;

use proptest::prelude::*;
use regex::Regex;
use schemars::JsonSchema;

use super::*;

/// Whether the JSON Schema of `T` accepts `text`.
fn schema_accepts<T: JsonSchema>(text: &str) -> bool {
    let schema = schemars::schema_for!(T);
    let pattern = schema
        .get("pattern")
        .and_then(|pattern| pattern.as_str())
        .expect("a pattern");
    Regex::new(pattern).expect("a valid pattern").is_match(text)
}

/// The parser must not take what the schema refuses, and what it takes it must write so that it reads the same again.
fn check<T>(text: &str) -> Result<(), TestCaseError>
where
    T: Copy
        + PartialEq
        + std::fmt::Debug
        + JsonSchema
        + TryFrom<String, Error = QuantityError>
        + Into<String>,
{
    if let Ok(quantity) = T::try_from(text.to_owned()) {
        prop_assert!(schema_accepts::<T>(text), "the schema refuses {text}");
        prop_assert_eq!(T::try_from(quantity.into()), Ok(quantity));
    }
    Ok(())
}

proptest! {
    #[test]
    fn parsers_take_what_schemas_take_and_round_trip(text in "([<>]?=? ?)?[0-9]{1,4}(\\.[0-9]{1,3})?(%| in [0-9]{1,3}|/[smh])?") {
        check::<Share>(&text)?;
        check::<Percentage>(&text)?;
        check::<ShareBound>(&text)?;
        check::<Comparison>(&text)?;
        check::<Rate>(&text)?;
    }

    #[test]
    fn parsers_of_units_take_what_schemas_take_and_round_trip(text in "-?[0-9]{1,7}(h|m|s|ms|B/s|kB/s|MB/s|MB)?([0-9]{1,2}s)?") {
        check::<ByteRate>(&text)?;
        check::<SignedDuration>(&text)?;
    }

    #[test]
    fn well_formed_quantities_are_taken(count in any::<u64>(), requests in 1..=999_999_u32, hundredths in 0..=10_000_u32, part in 0..50_u32, more in 1..50_u32) {
        let percentage = format!("{}.{:02}%", hundredths / 100, hundredths % 100);
        let rate = Rate::try_from(format!("{requests}/m"));
        prop_assert_eq!(rate.map(String::from), Ok(format!("{requests}/m")));
        let comparison = Comparison::try_from(format!("<= {count}"));
        prop_assert_eq!(comparison.map(String::from), Ok(format!("<= {count}")));
        let fraction = Percentage::try_from(percentage.clone()).map(Percentage::fraction);
        prop_assert!((fraction.expect("a percentage") - f64::from(hundredths) / 1e4).abs() < 1e-15);
        let bound = ShareBound::try_from(format!(">= {percentage}"));
        prop_assert!(bound.is_ok());
        let share = Share::try_from(format!("{part} in {}", part + more)).map(Share::probability);
        prop_assert_eq!(share, Ok(f64::from(part) / f64::from(part + more)));
    }

    #[test]
    fn a_rate_offers_one_request_for_each_interval(requests in 1..=999_999_u32, milliseconds in 0..5_000_u64) {
        let rate = Rate::try_from(format!("{requests}/s")).expect("a rate");
        let duration = Duration::from_millis(milliseconds);
        let within = u32::try_from(rate.requests_within(duration)).expect("so many at most");
        prop_assert!(rate.interval() * within <= duration);
        prop_assert!(rate.interval() * (within + 1) > duration);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for text in [
        "110%", "11 in 10", "1 in 0", "-1%", "1e1%", "inf%", "1.%", ".5%", "1.5 in 3", "10 %", "", "%",
    ] {
        assert!(Share::try_from(text.to_owned()).is_err(), "{text}");
    }
    for text in ["=> 3", ">= ", "+3", "3.5", ">=  3", "99999999999999999999"] {
        assert!(Comparison::try_from(text.to_owned()).is_err(), "{text}");
    }
    for text in ["0/s", "01/s", "+1/s", "1/h", "1", "1.5/s", "1000000/s"] {
        assert!(Rate::try_from(text.to_owned()).is_err(), "{text}");
    }
    for text in ["0kB/s", "1kb/s", "1.5MB/s", "10", "1000000B/s", "-1B/s"] {
        assert!(ByteRate::try_from(text.to_owned()).is_err(), "{text}");
    }
    for text in ["+1h", "--1h", "1", "-", "1d"] {
        assert!(SignedDuration::try_from(text.to_owned()).is_err(), "{text}");
    }
    let error = Rate::try_from("fast".to_owned()).expect_err("no rate");
    assert_eq!(
        error.to_string(),
        "`fast` is not a rate: expected one such as `100/s`"
    );
}

#[test]
fn units_are_decimal_and_signs_are_kept() {
    let rate = |text: &str| ByteRate::try_from(text.to_owned()).map(ByteRate::bytes_per_second);
    assert_eq!(
        [rate("7B/s"), rate("64kB/s"), rate("2MB/s")],
        [Ok(7), Ok(64_000), Ok(2_000_000)]
    );
    let duration = |text: &str| {
        let duration = SignedDuration::try_from(text.to_owned()).expect("a duration");
        (duration.is_negative(), duration.magnitude().as_secs())
    };
    assert_eq!((duration("1h"), duration("-1m30s")), ((false, 3_600), (true, 90)));
}

#[test]
fn shares_are_compared_by_probability() {
    let share = |text: &str| Share::try_from(text.to_owned()).expect("a share");
    assert_eq!(share("10%"), share("1 in 10"));
    assert_eq!(share("30%"), share("3 in 10"));
    assert_ne!(share("33%"), share("1 in 3"));
}

#[test]
fn bounds_hold_as_they_read() {
    let bound = |text: &str| ShareBound::try_from(text.to_owned()).expect("a bound");
    assert!(bound("100%").holds(7, 7));
    assert!(!bound("100%").holds(6, 7));
    assert!(!bound("100%").holds(0, 0), "nothing is no evidence");
    assert!(bound(">= 99%").holds(99, 100));
    assert!(!bound("> 99%").holds(99, 100));
    assert!(bound("<0.1%").holds(0, 10));
    assert!(!bound("< 0.1%").holds(1, 1000));
    assert!(bound("<= 0.1%").holds(1, 1000));
    let comparison = |text: &str| Comparison::try_from(text.to_owned()).expect("a comparison");
    assert!(comparison("20").holds(20) && !comparison("20").holds(21));
    assert!(comparison("> 20").holds(21) && !comparison("> 20").holds(20));
    assert!(comparison("< 20").holds(19) && comparison("<=20").holds(20) && comparison("=20").holds(20));
}
