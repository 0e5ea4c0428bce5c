//! Versions of runtimes.

use std::fmt;

/// The version of a runtime: numbers, the weightiest first. What follows them (`rc1`, `-ea`) is not looked at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version(Vec<u32>);

impl Version {
    /// The version that `text` begins with: `3.11.2` of `3.11.2+`.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|character: char| !character.is_ascii_digit() && character != '.');
        let numbers = text[..end.unwrap_or(text.len())].trim_end_matches('.');
        let numbers: Result<_, _> = numbers.split('.').map(str::parse).collect();
        numbers.ok().map(Self)
    }

    /// A version by which others are measured: `18`, or `3.9`.
    pub(super) fn least(major: u32, minor: Option<u32>) -> Self {
        Self([major].into_iter().chain(minor).collect())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        formatter.pad(&numbers.join("."))
    }
}
