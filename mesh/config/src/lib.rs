//! Mesh rules as people write them: strict YAML to typed resources, with diagnostics.
//!
//! Rules are Kubernetes `Service`s, Gateway API `HTTPRoute`s attached to them (GAMMA) and `XBackendTrafficPolicy`s, and
//! Istio's `PeerAuthentication`, `RequestAuthentication`, `AuthorizationPolicy` and `DestinationRule`. [`load()`] reads a whole set of files and either accepts it or says
//! everything that is wrong with it, each with its place and a next step. Nothing is silently ignored: what is not
//! supported is an error.
//!
//! | module | concept |
//! | --- | --- |
//! | [`load`](mod@load) | files to [`Resources`], all or nothing |
//! | [`resources`] | the accepted resources, and where they were written |
//! | [`kind`] | the kinds that can be written, and their schemas |
//! | [`manifest`] | what all kinds have: `apiVersion`, `kind`, `metadata`, `spec` |
//! | [`service`] | `v1 Service` |
//! | [`http_route`] | `gateway.networking.k8s.io/v1 HTTPRoute` |
//! | [`peer_authentication`] | `security.istio.io/v1 PeerAuthentication` |
//! | [`request_authentication`] | `security.istio.io/v1 RequestAuthentication` |
//! | [`authorization_policy`] | `security.istio.io/v1 AuthorizationPolicy` |
//! | [`workload_selector`] | which workloads these three are for |
//! | [`string_match`] | conditions on texts, as Istio writes them |
//! | [`destination_rule`] | `networking.istio.io/v1 DestinationRule` |
//! | [`backend_traffic_policy`] | `gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy` |
//! | [`duration`] | durations as Gateway API writes them (GEP-2257) |
//! | `names` | the syntax of names |
//! | `check` | admission: what a schema cannot say |

pub mod authorization_policy;
pub mod backend_traffic_policy;
mod check;
pub mod destination_rule;
pub mod duration;
pub mod http_route;
pub mod kind;
pub mod load;
pub mod manifest;
mod names;
pub mod peer_authentication;
pub mod request_authentication;
pub mod resources;
pub mod service;
pub mod string_match;
pub mod workload_selector;

pub use authorization_policy::AuthorizationPolicy;
pub use backend_traffic_policy::BackendTrafficPolicy;
pub use destination_rule::DestinationRule;
pub use duration::GatewayDuration;
pub use hallway_model::bootstrap::Admission;
pub use http_route::HttpRoute;
pub use kind::Kind;
pub use load::{Loaded, RuleFile, load};
pub use manifest::{Manifest, Metadata};
pub use peer_authentication::PeerAuthentication;
pub use request_authentication::RequestAuthentication;
pub use resources::{Located, NamespacedName, Resources};
pub use service::Service;
pub use workload_selector::{ROOT_NAMESPACE, WorkloadSelector};
