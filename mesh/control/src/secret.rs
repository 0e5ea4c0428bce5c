//! Secrets: making them, and comparing them without telling how much of them was right.

use std::fmt::Write;

use hallway_host::random::entropy;
use hallway_model::bootstrap::Token;
use subtle::ConstantTimeEq;

/// 256 bits from the operating system's entropy, hexadecimal. Its length never varies.
pub(crate) fn new_secret() -> String {
    (0..4).fold(String::new(), |mut secret, _| {
        let _ = write!(secret, "{:016x}", entropy());
        secret
    })
}

/// Whether `presented` is `secret`. How long it takes does not depend on where they differ.
pub(crate) fn is_secret(secret: &Token, presented: &str) -> bool {
    secret.0.as_bytes().ct_eq(presented.as_bytes()).into()
}
