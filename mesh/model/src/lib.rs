//! What a proxy executes, as plain data, and the messages that carry it.
//!
//! - [`snapshot`]: everything that one proxy needs, and the difference between two of them
//! - [`route`]: route tables: matches, filters, weighted backends, timeouts, retry
//! - [`gateway`]: listeners of a gateway; [`hostname`]: the names that they are for
//! - [`client_limits`]: what a gateway takes from one client
//! - [`cluster`]: groups of endpoints and how to reach them
//! - [`authentication`]: which tokens a workload believes; [`jwk`]: the keys that they are checked with
//! - [`authorization`]: who may do what at a workload
//! - [`identity`]: SPIFFE IDs
//! - [`discovery`]: the messages between a proxy and the control plane
//! - [`bootstrap`]: what a proxy and a control plane are told when they start
//! - [`telemetry`]: the records that proxies and the control plane leave behind
//! - [`origin`]: where in a rule file something was written
//! - [`millis`]: durations as whole milliseconds in JSON

pub mod authentication;
pub mod authorization;
pub mod bootstrap;
pub mod client_limits;
pub mod cluster;
pub mod discovery;
pub mod gateway;
pub mod hostname;
pub mod identity;
pub mod jwk;
pub mod millis;
pub mod origin;
pub mod route;
pub mod snapshot;
pub mod telemetry;

pub use authentication::JwtRule;
pub use authorization::AuthorizationPolicy;
pub use client_limits::{Cidr, ClientLimits, RateLimit};
pub use cluster::{
    Cluster, ClusterName, Endpoint, LoadBalancing, Protocol, RetryConstraint, RetryRate, Security,
};
pub use gateway::Gateway;
pub use hostname::{Hostname, InvalidHostname};
pub use identity::{SpiffeId, TrustDomain};
pub use jwk::JsonWebKey;
pub use origin::Origin;
pub use route::{Backend, RouteMatch, RouteTable, Rule};
pub use snapshot::{Inbound, MtlsMode, Snapshot};
