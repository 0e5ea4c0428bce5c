//! What a pair of sidecars is asked to do.

use serde::Serialize;

/// The service that is called, in Hallway's rules and as the peers' authority.
pub(crate) const SERVICE: &str = "server";

/// The work of a pair: the same for all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Setup {
    /// The routes of the first sidecar, each with a retry policy and a deadline. The requests take the one in the middle.
    pub routes: u32,
    /// The addresses at which the second sidecar is known to the first.
    pub endpoints: u32,
    /// Whether both write a line for each request.
    pub access_log: bool,
}

impl Setup {
    /// What is measured when nothing else is said.
    pub const STANDARD: Self = Self {
        routes: 50,
        endpoints: 1,
        access_log: false,
    };

    /// The prefixes of all routes.
    pub(crate) fn prefixes(self) -> impl Iterator<Item = String> {
        (1..=self.routes).map(prefix)
    }

    /// A path on the route in the middle, that asks for so many bytes.
    pub(crate) fn path(self, bytes: usize) -> String {
        format!("{}/{bytes}", prefix(self.routes.div_ceil(2)))
    }

    /// The addresses of the second sidecar: all of loopback, 127.0.0.0/8, leads to it.
    pub(crate) fn addresses(self) -> impl Iterator<Item = std::net::Ipv4Addr> {
        (1..=self.endpoints).map(|number| std::net::Ipv4Addr::from_bits(0x7f00_0000 + number))
    }
}

fn prefix(number: u32) -> String {
    format!("/route-{number}")
}
