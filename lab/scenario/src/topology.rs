//! The services of a scenario and the mesh around them.

use std::fmt;

use hallway_config::{Admission, GatewayDuration};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Share;
use crate::{Deployment, Gateway, Network};

/// The services of a scenario and the mesh around them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The system that the services are a part of: `city` for `city.yaml` beside the scenario's directory. Each has the language and the calls
    /// that it has there, and whatever is said here in their place. Calls to services that are not here are left out.
    pub from: Option<String>,
    /// Takes those whom the services call in the system too, and whom these call.
    #[serde(default)]
    pub with_callees: bool,
    /// The services, by name. The replicas of `payments` are `payments-1`, `payments-2`, …
    pub services: IndexMap<String, Service>,
    /// The gateway in front of them; none when absent.
    pub gateway: Option<Gateway>,
    /// Which parts of all this there are; `both` when absent.
    #[serde(default)]
    pub deployment: Deployment,
    /// The namespace of all of them.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// The trust domain of the mesh.
    #[serde(default = "default_trust_domain")]
    pub trust_domain: String,
    /// What the control plane does with references that lead nowhere.
    #[serde(default)]
    pub admission: Admission,
    /// Trust domains that the mesh trusts beside its own.
    #[serde(default)]
    pub trust_bundle: TrustBundle,
    /// How long an SVID lives.
    #[serde(default = "default_svid_lifetime")]
    pub svid_lifetime: GatewayDuration,
    /// What the links between the machines are like.
    #[serde(default)]
    pub network: Network,
}

impl Topology {
    /// The names of all programs that send requests into the mesh with a proxy's identity: services, and the gateway.
    pub fn callers(&self) -> impl Iterator<Item = &str> {
        let real = self
            .services
            .iter()
            .filter(|(_, service)| service.resolves_to.is_none());
        let services = real.map(|(name, _)| name.as_str());
        services.chain(self.gateway.iter().map(|gateway| gateway.name.as_str()))
    }

    /// The names of all replicas: `orders-1`, `payments-1`, `payments-2`, …
    pub fn workloads(&self) -> impl Iterator<Item = String> {
        let services = self.services.iter();
        services.flat_map(|(name, service)| service.instance_names(name))
    }
}

/// Trust domains that the mesh trusts beside its own.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrustBundle {
    /// A foreign trust domain, such as `evil.test`; the lab is its authority.
    pub add: Option<String>,
}

/// One service: a program in some language, a number of times, each beside a sidecar.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// The language of its program.
    pub language: Language,
    /// Who plays it on real processes where the runtime of its language is missing; nobody when absent, and the scenario is
    /// skipped.
    pub fallback: Option<Fallback>,
    /// What its program serves. The rules must say the same to the mesh: `appProtocol` of its Service's port.
    pub protocol: Protocol,
    /// How many replicas; 1 when absent.
    #[schemars(range(min = 1, max = 20))]
    pub replicas: Option<u32>,
    /// The version that it reports; `v1` when absent.
    #[schemars(
        title = "a version",
        example = &"v2",
        regex(pattern = r"^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$")
    )]
    pub version: Option<String>,
    /// The calls that it makes for every request: a service name (`GET http://NAME/`), or more exactly.
    pub calls: Vec<CallTo>,
    /// Whether it makes them one after the other or all at once.
    pub call_order: CallOrder,
    /// The calls that it makes by itself, once, as soon as it listens, one after the other. A service with first calls joins a mesh that runs
    /// already: its replicas start last, in the order of this file, each when the one before has made its first calls.
    pub first_calls: Vec<CallTo>,
    /// When it starts, if it has first calls: before its sidecar or after it; `held` when absent.
    pub starts: Option<Starts>,
    /// How it behaves.
    pub behaviour: Option<Behaviour>,
    /// How single replicas differ, by their names (`payments-3`).
    pub instances: IndexMap<String, Instance>,
    /// The service account in its certificate; its own name when absent.
    pub identity: Option<String>,
    /// No program of its own: the registry claims that this other service's first replica serves it. A registry that lies.
    pub resolves_to: Option<String>,
    /// The limits of its sidecars.
    pub sidecar: SidecarLimits,
}

impl Service {
    /// The names of its replicas, where `name` is its own: `payments-1`, `payments-2`, … None if another service's
    /// replica stands in for it.
    pub fn instance_names(&self, name: &str) -> impl Iterator<Item = String> {
        let replicas = if self.resolves_to.is_some() {
            0
        } else {
            self.replicas.unwrap_or(1)
        };
        (1..=replicas).map(move |replica| format!("{name}-{replica}"))
    }

    /// The service account in its certificate, where `name` is its own name.
    pub fn service_account<'a>(&'a self, name: &'a str) -> &'a str {
        self.identity.as_deref().unwrap_or(name)
    }
}

/// The language of a service's program. All but Rust need a runtime on the machine (`hallway doctor`).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Rust, part of this program.
    #[default]
    Rust,
    /// Python 3.
    Python,
    /// JavaScript on Node.js.
    Node,
    /// Go, built before it is first started.
    Go,
    /// Java.
    Java,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rust, Self::Python, Self::Node, Self::Go, Self::Java];
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::Node => "Node",
            Self::Go => "Go",
            Self::Java => "Java",
        })
    }
}

/// Who plays a service whose runtime is missing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The service in Rust, which the report then says. Not in continuous integration, where nothing missing is hidden.
    Rust,
}

/// What a service's program serves.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 in the clear with prior knowledge, and gRPC over it. Rust only.
    H2c,
}

/// A call that a service makes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CallTo {
    /// `GET http://NAME/`.
    Service(String),
    /// More exactly.
    Exact(ExactCall),
}

impl CallTo {
    /// Its method.
    pub fn method(&self) -> &str {
        match self {
            Self::Service(_) => "GET",
            Self::Exact(exact) => exact.method.as_deref().unwrap_or("GET"),
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        match self {
            Self::Service(name) => format!("http://{name}/"),
            Self::Exact(exact) => exact.url.clone(),
        }
    }
}

/// A call that a service makes, exactly.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExactCall {
    /// The URL, such as `http://payments/charge`.
    pub url: String,
    /// The method; `GET` when absent.
    pub method: Option<String>,
}

/// In which order a service makes its calls.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOrder {
    /// One after the other.
    #[default]
    Sequence,
    /// All at once.
    Parallel,
}

/// When a service with first calls starts, compared with its sidecar. It is about the first start of a run; what a timeline starts again finds its
/// sidecar there, or not.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Starts {
    /// When its sidecar is ready: it has joined the mesh, and has a configuration. Istio's `holdApplicationUntilProxyStarts`, `linkerd-await`, or a
    /// native sidecar of Kubernetes with a startup probe.
    #[default]
    Held,
    /// First, and nobody listens for its calls: its sidecar starts when they have failed. What happens without any of that.
    BeforeSidecar,
    /// First, but the socket of its sidecar is open already, and the kernel lets its first call wait there; that call starts the sidecar. What systemd
    /// calls socket activation.
    SocketActivated,
}

/// How one replica differs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instance {
    /// How it behaves, instead of its service's behaviour.
    pub behaviour: Option<Behaviour>,
}

/// The limits of a sidecar.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SidecarLimits {
    /// Route rules in a snapshot; the sidecar refuses one with more.
    pub route_rules: Option<usize>,
}

/// How a service behaves; the contract's words, in people's quantities.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// The status of every answer that nothing below decides; 200 when absent.
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<u16>,
    /// How long the work takes.
    pub latency: Option<Latency>,
    /// Fails the first attempts of each request id, exactly.
    pub fail_first: Option<FailFirst>,
    /// Fails the requests at certain places in the order of arrival.
    pub fail_pattern: Option<FailPattern>,
    /// Fails a share of the attempts.
    pub fail_share: Option<FailShare>,
    /// Resets the connection for a share of the attempts, before the work.
    pub reset_before: Option<Share>,
    /// Resets the connection for a share of the attempts, after the work.
    pub reset_after: Option<Share>,
    /// Sends only the first half of the body, for a share of the attempts.
    pub truncate: Option<Share>,
    /// Never answers.
    pub hang: bool,
    /// Sends the body slowly.
    pub slow_body: Option<SlowBody>,
    /// Answers with a stream of events.
    pub ticks: Option<Ticks>,
    /// How many requests it works on at once.
    pub capacity: Option<Capacity>,
    /// Whether requests that change something (POST, PUT, PATCH, DELETE) have an effect, and how often; none when absent.
    pub effect: Option<Effect>,
    /// Closes connections that have been idle for so long.
    pub idle_close: Option<GatewayDuration>,
    /// Copies no trace context to its calls.
    pub drop_trace: bool,
}

/// How long the work takes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Latency {
    /// Always the same.
    Fixed(GatewayDuration),
    /// Linear between percentiles.
    Percentiles(Percentiles),
}

/// Percentiles of a latency.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Percentiles {
    /// The median.
    pub p50: GatewayDuration,
    /// The 90th percentile.
    pub p90: GatewayDuration,
    /// The 99th percentile.
    pub p99: GatewayDuration,
}

/// The first attempts of each request id fail.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailFirst {
    /// How many.
    #[schemars(range(min = 1))]
    pub attempts: u32,
    /// With which status.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
}

/// The requests at certain places in the order of arrival fail.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailPattern {
    /// One character for each request, then from the beginning again: `x` fails, `.` does not.
    #[schemars(
        title = "a pattern of failures",
        example = &"..x",
        regex(pattern = r"^[.x]{1,1000}$")
    )]
    pub pattern: String,
    /// With which status.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
}

/// A share of the attempts fails.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailShare {
    /// Which share.
    pub share: Share,
    /// With which status.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
}

/// A body in pieces.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SlowBody {
    /// How many pieces.
    #[schemars(range(min = 1))]
    pub pieces: u32,
    /// From the first to the last.
    pub over: GatewayDuration,
}

/// An answer that is a stream of server-sent events.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ticks {
    /// How many events.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: u32,
    /// From one to the next.
    pub every: GatewayDuration,
}

/// How many requests a service works on at once, and what happens to the others.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// How many it works on.
    #[schemars(range(min = 1))]
    pub at_once: u32,
    /// How many wait for their turn.
    pub queue: u32,
    /// The status that all others get.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
}

/// How often requests with the same `idempotency-key` have an effect.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Once, however often they come.
    OncePerKey,
    /// Every time.
    EveryTime,
}

fn default_namespace() -> String {
    "shop".to_owned()
}

fn default_trust_domain() -> String {
    "hallway.test".to_owned()
}

fn default_svid_lifetime() -> GatewayDuration {
    GatewayDuration::from_millis(24 * 60 * 60 * 1000).expect("a day is a duration")
}
