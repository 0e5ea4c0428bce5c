//! Shares, rates and comparisons as people write them.
//!
//! Each is a text with one pattern, which is its JSON Schema; its parser takes the texts of that pattern that make sense.
//!
//! - `share`: parts of a whole, and bounds on them
//! - `comparison`: counts, and bounds on them
//! - `rate`: requests per time
//! - `byte_rate`: bytes per second
//! - `signed_duration`: durations into the future or the past

mod byte_rate;
mod comparison;
mod rate;
mod share;
mod signed_duration;

pub use byte_rate::ByteRate;
pub use comparison::Comparison;
pub use rate::Rate;
pub use share::{Percentage, Share, ShareBound};
pub use signed_duration::SignedDuration;

use thiserror::Error;

/// A text that is no such quantity.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is not {name}: expected one such as `{example}`")]
pub struct QuantityError {
    text: String,
    name: &'static str,
    example: &'static str,
}

/// Ties a quantity to its name, pattern and example: the conversions and the schema follow from them.
macro_rules! quantity {
    ($type:ident, $name:literal, $pattern:literal, $example:literal, $parse:expr) => {
        impl TryFrom<String> for $type {
            type Error = $crate::quantity::QuantityError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let parse: fn(&str) -> Option<Self> = $parse;
                let (name, example) = ($name, $example);
                parse(&text).ok_or(Self::Error { text, name, example })
            }
        }

        impl From<$type> for String {
            fn from(quantity: $type) -> Self {
                quantity.to_string()
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "title": $name,
                    "pattern": $pattern,
                    "examples": [$example],
                })
            }
        }
    };
}
use quantity;

/// `[0-9]+`
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
