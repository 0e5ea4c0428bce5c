//! Who is measured.

use serde::Serialize;

/// A pair of sidecars, or what stands in its place.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Nothing: the client speaks to the application.
    Direct,
    /// Two processes that carry bytes.
    Splice,
    /// Two processes that carry bytes, with mutual TLS between them.
    TlsSplice,
    /// Hallway's sidecars.
    Hallway,
    /// HAProxy, with HTTP/1.1 between the two.
    #[serde(rename = "haproxy-http1")]
    HaproxyHttp1,
    /// HAProxy, with HTTP/2 between the two.
    #[serde(rename = "haproxy-http2")]
    HaproxyHttp2,
    /// nginx.
    Nginx,
    /// Envoy, with HTTP/1.1 between the two.
    #[serde(rename = "envoy-http1")]
    EnvoyHttp1,
    /// Envoy, with HTTP/2 between the two.
    #[serde(rename = "envoy-http2")]
    EnvoyHttp2,
}

impl Subject {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 9] = [
        Self::Direct,
        Self::Splice,
        Self::TlsSplice,
        Self::Hallway,
        Self::HaproxyHttp1,
        Self::HaproxyHttp2,
        Self::Nginx,
        Self::EnvoyHttp1,
        Self::EnvoyHttp2,
    ];

    /// Its name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Splice => "splice",
            Self::TlsSplice => "tls-splice",
            Self::Hallway => "hallway",
            Self::HaproxyHttp1 => "haproxy-http1",
            Self::HaproxyHttp2 => "haproxy-http2",
            Self::Nginx => "nginx",
            Self::EnvoyHttp1 => "envoy-http1",
            Self::EnvoyHttp2 => "envoy-http2",
        }
    }

    /// Whether it understands requests, and gives them an id.
    pub(crate) fn is_proxy(self) -> bool {
        !matches!(self, Self::Direct | Self::Splice | Self::TlsSplice)
    }
}
