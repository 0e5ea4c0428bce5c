//! SPIFFE IDs. Source: <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A trust domain, such as `hallway.test`: one authority that vouches for the identities below it.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustDomain(String);

/// The identity of a workload: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpiffeId {
    trust_domain: TrustDomain,
    namespace: String,
    service_account: String,
}

/// Why a text is no identity that this mesh uses.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum IdentityError {
    /// The trust domain has a character that SPIFFE does not allow, or is empty or too long.
    #[error("`{0}` is no trust domain: expected up to 255 of `a-z`, `0-9`, `.`, `-`, `_`")]
    TrustDomain(String),
    /// The text has another form.
    #[error(
        "`{0}` is no workload identity: expected `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`"
    )]
    Form(String),
}

/// The longest SPIFFE ID, in bytes.
const LONGEST_ID: usize = 2048;

impl TrustDomain {
    /// Parses a trust domain.
    ///
    /// # Errors
    /// [`IdentityError::TrustDomain`].
    pub fn new(name: impl Into<String>) -> Result<Self, IdentityError> {
        let name = name.into();
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        if name.is_empty() || name.len() > 255 || !name.bytes().all(allowed) {
            return Err(IdentityError::TrustDomain(name));
        }
        Ok(Self(name))
    }

    /// The name, such as `hallway.test`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SpiffeId {
    /// The identity of the service account `service_account` in `namespace`.
    ///
    /// # Errors
    /// [`IdentityError::Form`] when a part is empty or has a character that SPIFFE does not allow in a path segment.
    pub fn new(
        trust_domain: TrustDomain,
        namespace: &str,
        service_account: &str,
    ) -> Result<Self, IdentityError> {
        let id = Self {
            trust_domain,
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
        };
        let text = id.to_string();
        if is_segment(namespace) && is_segment(service_account) && text.len() <= LONGEST_ID {
            Ok(id)
        } else {
            Err(IdentityError::Form(text))
        }
    }

    /// The trust domain that vouches for it.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The service account.
    pub fn service_account(&self) -> &str {
        &self.service_account
    }
}

fn is_segment(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !text.is_empty() && text != "." && text != ".." && text.bytes().all(allowed)
}

impl FromStr for SpiffeId {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || IdentityError::Form(text.to_owned());
        let parts: Vec<&str> = text
            .strip_prefix("spiffe://")
            .ok_or_else(form)?
            .split('/')
            .collect();
        match parts[..] {
            [trust_domain, "ns", namespace, "sa", account] => {
                Self::new(TrustDomain::new(trust_domain)?, namespace, account)
            }
            _ => Err(form()),
        }
    }
}

impl FromStr for TrustDomain {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "spiffe://{}/ns/{}/sa/{}",
            self.trust_domain, self.namespace, self.service_account
        )
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for SpiffeId {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SpiffeId> for String {
    fn from(id: SpiffeId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TrustDomain {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<TrustDomain> for String {
    fn from(domain: TrustDomain) -> Self {
        domain.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{IdentityError, SpiffeId};

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "https://hallway.test/ns/shop/sa/orders",
            "spiffe://hallway.test",
            "spiffe://hallway.test/ns/shop/sa/",
            "spiffe://hallway.test/ns/shop/sa/orders/",
            "spiffe://hallway.test/ns/../sa/orders",
            "spiffe://hallway.test/ns/shop/sa/orders?query",
            "spiffe://Hallway.test/ns/shop/sa/orders",
        ] {
            assert!(text.parse::<SpiffeId>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_bad_trust_domain_is_named() {
        assert_eq!(
            "spiffe://EVIL/ns/a/sa/b".parse::<SpiffeId>(),
            Err(IdentityError::TrustDomain("EVIL".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn text_and_value_agree(domain in "[a-z0-9]{1,9}(\\.[a-z]{2,5})?", namespace in "[a-z][a-z0-9-]{0,9}", account in "[A-Za-z0-9_-]{1,9}") {
            let text = format!("spiffe://{domain}/ns/{namespace}/sa/{account}");
            let id: SpiffeId = text.parse().expect("a well-formed identity");
            prop_assert_eq!(id.to_string(), text);
            prop_assert_eq!(id.namespace(), namespace);
            prop_assert_eq!(id.service_account(), account);
        }
    }
}
