//! Mesh rules as people write them: strict YAML to typed resources, with diagnostics.
//!
//! Rules are Kubernetes `Service`s and TLS `Secret`s, Gateway API `Gateway`s, `HTTPRoute`s attached to these or to services (GAMMA) and
//! `XBackendTrafficPolicy`s, Envoy Gateway's `BackendTrafficPolicy`s, and Istio's `PeerAuthentication`, `RequestAuthentication`,
//! `AuthorizationPolicy` and `DestinationRule`. [`load()`] reads a whole set of files and either accepts it or says
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
//! | [`secret`] | `v1 Secret` of the type `kubernetes.io/tls` |
//! | [`gateway`] | `gateway.networking.k8s.io/v1 Gateway` |
//! | [`http_route`], [`http_filter`] | `gateway.networking.k8s.io/v1 HTTPRoute`; its filters |
//! | [`attachment`] | which listeners of a gateway a route is attached to |
//! | [`peer_authentication`] | `security.istio.io/v1 PeerAuthentication` |
//! | [`request_authentication`] | `security.istio.io/v1 RequestAuthentication` |
//! | [`authorization_policy`] | `security.istio.io/v1 AuthorizationPolicy` |
//! | [`workload_selector`] | which workloads these three are for |
//! | [`string_match`] | conditions on texts, as Istio writes them |
//! | [`destination_rule`] | `networking.istio.io/v1 DestinationRule` |
//! | [`backend_traffic_policy`] | `gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy` |
//! | [`envoy_gateway_policy`] | `gateway.envoyproxy.io/v1alpha1 BackendTrafficPolicy` |
//! | [`quantity`] | numbers of bytes as Kubernetes writes them |
//! | [`duration`] | durations as Gateway API writes them (GEP-2257) |
//! | [`redaction`] | files that hold secrets, made fit to be shown |
//! | `names` | the syntax of names |
//! | `check` | admission: what a schema cannot say |

pub mod attachment;
pub mod authorization_policy;
pub mod backend_traffic_policy;
mod check;
pub mod destination_rule;
pub mod duration;
pub mod envoy_gateway_policy;
pub mod gateway;
pub mod http_filter;
pub mod http_route;
pub mod kind;
pub mod load;
pub mod manifest;
mod names;
pub mod peer_authentication;
pub mod quantity;
pub mod redaction;
pub mod request_authentication;
pub mod resources;
pub mod secret;
pub mod service;
pub mod string_match;
pub mod workload_selector;

pub use authorization_policy::AuthorizationPolicy;
pub use backend_traffic_policy::BackendTrafficPolicy;
pub use destination_rule::DestinationRule;
pub use duration::GatewayDuration;
pub use envoy_gateway_policy::EnvoyGatewayPolicy;
pub use gateway::Gateway;
pub use hallway_model::bootstrap::Admission;
pub use http_route::HttpRoute;
pub use kind::Kind;
pub use load::{Loaded, RuleFile, load};
pub use manifest::{Manifest, Metadata};
pub use peer_authentication::PeerAuthentication;
pub use redaction::redacted;
pub use request_authentication::RequestAuthentication;
pub use resources::{Located, NamespacedName, Resources};
pub use secret::Secret;
pub use service::Service;
pub use workload_selector::{ROOT_NAMESPACE, WorkloadSelector};
