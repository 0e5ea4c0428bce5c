//! Numbers as people read them.

use hallway_scenario::statistics::ERROR_RATE;

/// `2,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 attempt`, `2 attempts`.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// `14.1%`; of nothing, `0.0%`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let share = if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    };
    format!("{:.1}%", share * 100.0)
}

/// `61.0 ms`, `3.00 s`.
pub(crate) fn duration(microseconds: u64) -> String {
    if microseconds < 1_000_000 {
        format!("{:.1} ms", microseconds as f64 / 1e3)
    } else {
        format!("{:.2} s", microseconds as f64 / 1e6)
    }
}

/// `p = 8×10⁻⁹ < 10⁻⁶`, `p = 0.42 ≥ 10⁻⁶`: a probability, against [`ERROR_RATE`].
pub(crate) fn p_value(probability: f64) -> String {
    const SMALLEST: f64 = 1e-300;
    if probability < SMALLEST {
        return "p < 10⁻³⁰⁰".to_owned();
    }
    let relation = if probability < ERROR_RATE { "<" } else { "≥" };
    if probability >= 0.01 {
        return format!("p = {probability:.2} {relation} 10⁻⁶");
    }
    let text = format!("{probability:.0e}");
    let (digit, exponent) = text
        .split_once('e')
        .expect("the exponential format has an exponent");
    format!("p = {digit}×10{} {relation} 10⁻⁶", superscript(exponent))
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<Text: AsRef<str>>(items: &[Text]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.split_last() {
        None => String::new(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

fn superscript(number: &str) -> String {
    let raise = |digit| match digit {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        other => other,
    };
    number.chars().map(raise).collect()
}

#[cfg(test)]
mod tests {
    use super::{count, duration, list, p_value, percent, plural};

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [count(0), count(999), count(1_000), count(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [plural(0, "attempt"), plural(1, "attempt"), plural(2, "attempt")],
            ["0 attempts", "1 attempt", "2 attempts"]
        );
        assert_eq!([percent(1, 3), percent(0, 0)], ["33.3%", "0.0%"]);
        assert_eq!([duration(61_040), duration(3_004_000)], ["61.0 ms", "3.00 s"]);
    }

    #[test]
    fn small_probabilities_have_exponents() {
        let texts = [p_value(0.42), p_value(0.004), p_value(8.2e-9), p_value(0.0)];
        assert_eq!(
            texts,
            [
                "p = 0.42 ≥ 10⁻⁶",
                "p = 4×10⁻³ ≥ 10⁻⁶",
                "p = 8×10⁻⁹ < 10⁻⁶",
                "p < 10⁻³⁰⁰"
            ]
        );
    }

    #[test]
    fn lists_end_with_and() {
        assert_eq!(
            [
                list::<&str>(&[]),
                list(&["a"]),
                list(&["a", "b"]),
                list(&["a", "b", "c"])
            ],
            ["", "a", "a and b", "a, b and c"]
        );
    }
}
