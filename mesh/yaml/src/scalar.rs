//! Plain scalars, by the core schema of YAML 1.2 (section 10.3.2).

use serde_json::Number;

use crate::node::Content;

/// What a plain scalar means.
///
/// # Errors
/// The reason why a number cannot be kept: infinite, not a number, or beyond 64 bits.
pub(crate) fn resolve(plain: &str) -> Result<Content, &'static str> {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Content::Null),
        "true" | "True" | "TRUE" => return Ok(Content::Boolean(true)),
        "false" | "False" | "FALSE" => return Ok(Content::Boolean(false)),
        _ => {}
    }
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(plain, ".nan" | ".NaN" | ".NAN") {
        return Err("only finite numbers are supported");
    }
    if let Some((radix, digits)) = integer_digits(plain, unsigned) {
        return integer(radix, digits, plain.starts_with('-')).map(Content::Number);
    }
    if is_float(unsigned) {
        let value = plain.parse().ok().and_then(Number::from_f64);
        return value.map(Content::Number).ok_or("the number is too large");
    }
    Ok(Content::Text(plain.to_owned()))
}

/// The radix and digits of an integer. Only decimal integers have a sign.
fn integer_digits<'a>(plain: &'a str, unsigned: &'a str) -> Option<(u32, &'a str)> {
    let (radix, digits) = if let Some(octal) = plain.strip_prefix("0o") {
        (8, octal)
    } else if let Some(hexadecimal) = plain.strip_prefix("0x") {
        (16, hexadecimal)
    } else {
        (10, unsigned)
    };
    let whole = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    whole.then_some((radix, digits))
}

fn integer(radix: u32, digits: &str, negative: bool) -> Result<Number, &'static str> {
    let too_large = "the number does not fit in 64 bits";
    if negative {
        return i64::from_str_radix(&format!("-{digits}"), radix)
            .map(Number::from)
            .map_err(|_| too_large);
    }
    u64::from_str_radix(digits, radix)
        .map(Number::from)
        .map_err(|_| too_large)
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(unsigned: &str) -> bool {
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)),
        ),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    has_digits
        && all_digits(whole)
        && all_digits(fraction)
        && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(plain: &str) -> String {
        match resolve(plain) {
            Ok(Content::Null) => "null".to_owned(),
            Ok(Content::Boolean(boolean)) => boolean.to_string(),
            Ok(Content::Number(number)) => number.to_string(),
            Ok(Content::Text(text)) => format!("{text:?}"),
            Ok(other) => panic!("a scalar, not {other:?}"),
            Err(reason) => reason.to_owned(),
        }
    }

    #[test]
    fn plain_scalars_follow_the_core_schema_of_yaml_1_2() {
        let cases = [
            ("", "null"),
            ("~", "null"),
            ("True", "true"),
            ("yes", "\"yes\""),
            ("on", "\"on\""),
            ("010", "10"),
            ("0o10", "8"),
            ("0xff", "255"),
            ("-0xff", "\"-0xff\""),
            ("+7", "7"),
            ("-7", "-7"),
            ("1.5", "1.5"),
            (".5", "0.5"),
            ("1.", "1.0"),
            ("1e3", "1000.0"),
            (".", "\".\""),
            ("e3", "\"e3\""),
            ("1e", "\"1e\""),
            ("1_000", "\"1_000\""),
            ("12:30", "\"12:30\""),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "the number does not fit in 64 bits"),
            ("1e999", "the number is too large"),
            (".inf", "only finite numbers are supported"),
            ("-.inf", "only finite numbers are supported"),
            (".nan", "only finite numbers are supported"),
        ];
        for (plain, expected) in cases {
            assert_eq!(json(plain), expected, "{plain}");
        }
    }
}
