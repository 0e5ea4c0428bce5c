//! What a gateway takes from one client. The shapes follow Envoy Gateway's `BackendTrafficPolicy`
//! (<https://gateway.envoyproxy.io/docs/api/extension_types/#backendtrafficpolicy>).

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Origin, millis};

/// What a gateway takes from one client.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClientLimits {
    /// How many requests each client may make. All of them hold; a further request is answered with 429.
    pub rates: Vec<RateLimit>,
    /// Bytes of a request body at most; a longer one is answered with 413. Absent for no limit.
    pub body_bytes: Option<u64>,
}

/// So many requests of each client to each route, in so much time. A client is an address.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RateLimit {
    /// Where it was written.
    pub origin: Option<Origin>,
    /// The clients that it is for; each of them is counted apart.
    pub clients: Cidr,
    /// How many requests. So many can come at once, and as many again over the interval.
    pub requests: NonZeroU32,
    /// In how much time.
    #[serde(with = "millis")]
    pub interval: Duration,
}

impl ClientLimits {
    /// Whether nothing is limited.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// All addresses that begin with the same bits (RFC 4632, section 3.1), such as `10.0.0.0/8`. Those of IPv4 and those of IPv6 are never in
/// one block.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no block of addresses.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "`{0}` is no block of addresses: expected an address, `/` and the number of bits that count, such as `0.0.0.0/0` or `10.0.0.0/8`"
)]
pub struct InvalidCidr(String);

impl Cidr {
    /// Whether `address` is in the block. An IPv4 address that is written as an IPv6 one counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (one, other) = (self.address.to_canonical(), address.to_canonical());
        one.is_ipv4() == other.is_ipv4() && masked(one, self.prefix) == masked(other, self.prefix)
    }
}

/// The first `prefix` bits of an address.
fn masked(address: IpAddr, prefix: u8) -> u128 {
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    // Shifting by all bits is an overflow: nothing is left then.
    bits.checked_shr(width - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let invalid = || InvalidCidr(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = prefix.parse().map_err(|_| invalid())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        if !plain || prefix > width || address.to_canonical() != address {
            return Err(invalid());
        }
        Ok(Self { address, prefix })
    }
}

impl TryFrom<String> for Cidr {
    type Error = InvalidCidr;

    fn try_from(text: String) -> Result<Self, InvalidCidr> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(block: Cidr) -> Self {
        block.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::Cidr;

    #[test]
    fn a_block_holds_the_addresses_with_its_first_bits() {
        for (block, address, holds) in [
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::ffff:203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.9", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/32", "10.1.2.3", true),
            ("10.1.2.3/32", "10.1.2.2", false),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("2001:db8::1/128", "2001:db8::1", true),
        ] {
            let block: Cidr = block.parse().expect("a block");
            let address = address.parse().expect("an address");
            assert_eq!(block.contains(address), holds, "{block} and {address}");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/256",
            "::ffff:10.0.0.0/96",
            "shop.test/8",
        ] {
            text.parse::<Cidr>().expect_err(text);
        }
    }
}
