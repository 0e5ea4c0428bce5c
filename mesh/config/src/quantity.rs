//! Quantities as Kubernetes writes them, as far as they are whole numbers of bytes
//! (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// The suffixes with what they stand for.
const SUFFIXES: [(&str, u64); 8] = [
    ("", 1),
    ("k", 1_000),
    ("Ki", 1 << 10),
    ("M", 1_000_000),
    ("Mi", 1 << 20),
    ("G", 1_000_000_000),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
];

/// A whole number of bytes, at least 1, such as `65536` or `64Ki`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(u64);

/// Why a text is no such number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a number of bytes: write a whole number from 1, alone or with `k`, `Ki`, `M`, `Mi`, `G`, `Gi` or `Ti`"
)]
pub struct InvalidQuantity(String);

impl Quantity {
    /// The number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Result<Quantity, InvalidQuantity> {
        let invalid = || InvalidQuantity(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, suffix) = text.split_at(digits);
        let unit = SUFFIXES.iter().find(|(known, _)| *known == suffix);
        let (_, unit) = unit.ok_or_else(invalid)?;
        let number: u64 = number.parse().map_err(|_| invalid())?;
        match number.checked_mul(*unit) {
            Some(bytes) if bytes > 0 => Ok(Quantity(bytes)),
            _ => Err(invalid()),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
        deserializer.deserialize_any(NumberOrText)
    }
}

struct NumberOrText;

impl Visitor<'_> for NumberOrText {
    type Value = Quantity;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of bytes")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
        Quantity::parse(&number.to_string()).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        Quantity::parse(text).map_err(E::custom)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "title": "a number of bytes",
            "pattern": "^[0-9]{1,18}(k|Ki|M|Mi|G|Gi|Ti)?$",
            "minimum": 1,
            "examples": ["64Ki", "1M"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;

    #[test]
    fn suffixes_are_powers_of_two_or_ten() {
        for (text, bytes) in [
            ("1", 1),
            ("0064Ki", 65_536),
            ("64k", 64_000),
            ("3Mi", 3_145_728),
            ("2G", 2_000_000_000),
            ("1Ti", 1_099_511_627_776),
        ] {
            assert_eq!(Quantity::parse(text).map(Quantity::bytes), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "0",
            "0Ki",
            "Ki",
            "64 Ki",
            "64ki",
            "64K",
            "1.5Mi",
            "-1",
            "99999999999999999999",
            "999999999999999999Ti",
        ] {
            Quantity::parse(text).expect_err(text);
        }
    }
}
