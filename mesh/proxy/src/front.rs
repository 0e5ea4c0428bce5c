//! What a gateway serves, compiled: by port, by host name, by rule.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use hallway_identity::{CredentialError, ServerIdentity, edge_config};
use hallway_model::bootstrap::Listeners;
use hallway_model::gateway::Listener;
use hallway_model::{Gateway, Hostname, RateLimit};
use hallway_traffic::rate_limit::{self, RateLimiter, TooMany};
use hallway_traffic::{CompiledTable, RequestHead, RouteError, Selection};
use thiserror::Error;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::configuration::Environment;
use crate::downstream::Entrance;

/// All listeners of a gateway.
pub(crate) struct Fronts {
    source: Gateway,
    ports: BTreeMap<u16, Port>,
    /// What clients have drawn on, over all workers; none without rate limits.
    rates: Option<Arc<Rates>>,
}

/// How many requests each client has made, as far as that is limited.
struct Rates {
    /// Moments are counted from here.
    began: Instant,
    limiter: Mutex<RateLimiter>,
}

/// The listeners of one port.
struct Port {
    tls: Option<TlsAcceptor>,
    /// The more specific host names first.
    fronts: Vec<Front>,
}

/// One listener.
struct Front {
    hostname: Option<Hostname>,
    /// The more specific host names first.
    hosts: Vec<(Option<Hostname>, CompiledTable)>,
}

/// Why a gateway cannot be put in force.
#[derive(Debug, Error)]
pub(crate) enum FrontError {
    #[error(
        "listener `{listener}` is on port {port}, which this proxy does not listen for; it was started for {}; start it for this one too",
        ports(.known)
    )]
    UnknownPort {
        listener: String,
        port: u16,
        known: Vec<u16>,
    },
    #[error("listener `{listener}` cannot prove its name: {source}; correct the Secret and push again")]
    Certificate {
        listener: String,
        source: CredentialError,
    },
    #[error(
        "on port {0}, some listeners have a certificate and some have none; give them ports of their own"
    )]
    Mixed(u16),
    #[error(transparent)]
    Route(#[from] RouteError),
}

/// Why no rule takes a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unrouted {
    /// No listener of the port is for that host.
    NoListener,
    /// The connection was opened for a host of another listener.
    Misdirected,
    /// No rule of the listener matches.
    NoRule,
}

impl Fronts {
    /// Compiles `source`, for a proxy that listens where `environment` says. What did not change is taken over from `previous`.
    pub(crate) fn compile(
        source: &Gateway,
        previous: Option<&Arc<Self>>,
        environment: &Environment<'_>,
    ) -> Result<Arc<Self>, FrontError> {
        if let Some(previous) = previous.filter(|previous| previous.source == *source) {
            return Ok(Arc::clone(previous));
        }
        let mut by_port: BTreeMap<u16, Vec<&Listener>> = BTreeMap::new();
        for listener in &source.listeners {
            require_socket(listener, environment.listeners)?;
            by_port.entry(listener.port).or_default().push(listener);
        }
        let port = |(number, listeners): (u16, Vec<&Listener>)| {
            Ok((number, Port::compile(number, &listeners, environment)?))
        };
        // What clients have drawn on stays when something else changes.
        let unchanged = previous.filter(|previous| previous.source.limits.rates == source.limits.rates);
        let rates = match unchanged {
            Some(previous) => previous.rates.clone(),
            None => Rates::new(&source.limits.rates),
        };
        Ok(Arc::new(Self {
            rates,
            ports: by_port.into_iter().map(port).collect::<Result<_, FrontError>>()?,
            source: source.clone(),
        }))
    }

    /// How connections to `port` are served: in the clear, or over TLS. None when nothing is served there.
    pub(crate) fn tls(&self, port: u16) -> Option<Option<TlsAcceptor>> {
        self.ports.get(&port).map(|port| port.tls.clone())
    }

    /// Whether the client at `address` may make one more request, which goes to `route`.
    ///
    /// # Errors
    /// The limit that it has reached.
    pub(crate) fn admit(&self, address: IpAddr, route: &Arc<str>) -> Result<(), TooMany> {
        let Some(rates) = &self.rates else { return Ok(()) };
        let client = rate_limit::Client {
            address: address.to_canonical(),
            route: Arc::clone(route),
        };
        let mut limiter = rates.limiter.lock().expect("counting does not panic");
        limiter.allow(&client, rates.began.elapsed())
    }

    /// Bytes of a request body at most.
    pub(crate) fn body_bytes(&self) -> Option<u64> {
        self.source.limits.body_bytes
    }

    /// The rule that takes the request for `host`, which came in by `entrance`.
    ///
    /// Among the routes of a listener, those with the most specific host name are asked first (Gateway API, `HTTPRoute.spec.hostnames`).
    pub(crate) fn select(
        &self,
        entrance: &Entrance,
        host: &str,
        request: &RequestHead<'_>,
    ) -> Result<Selection<'_>, Unrouted> {
        let host = lower_case(host);
        let port = self.ports.get(&entrance.port).ok_or(Unrouted::NoListener)?;
        let best_for = |name| port.fronts.iter().position(|front| covers(&front.hostname, name));
        let position = best_for(Some(&host)).ok_or(Unrouted::NoListener)?;
        let front = &port.fronts[position];
        // Gateway API, `Listener.hostname`: a connection serves the listener that its handshake chose. And what was opened before the port
        // changed to TLS, or from it, serves none.
        let was_chosen = !entrance.tls || best_for(entrance.server_name.as_deref()) == Some(position);
        if entrance.tls != port.tls.is_some() || !was_chosen {
            return Err(Unrouted::Misdirected);
        }
        let hosts = front.hosts.iter().filter(|(name, _)| covers(name, Some(&host)));
        hosts
            .filter_map(|(_, table)| table.select(request))
            .next()
            .ok_or(Unrouted::NoRule)
    }
}

impl Rates {
    fn new(limits: &[RateLimit]) -> Option<Arc<Self>> {
        let rates = || Self {
            began: Instant::now(),
            limiter: Mutex::new(RateLimiter::new(limits)),
        };
        (!limits.is_empty()).then(|| Arc::new(rates()))
    }
}

impl Port {
    fn compile(
        number: u16,
        listeners: &[&Listener],
        environment: &Environment<'_>,
    ) -> Result<Self, FrontError> {
        let mut certificates = Vec::new();
        let mut fronts = Vec::new();
        for listener in listeners {
            if let Some(certificate) = &listener.certificate {
                let identity =
                    ServerIdentity::new(certificate).map_err(|source| FrontError::Certificate {
                        listener: listener.name.clone(),
                        source,
                    })?;
                certificates.push((listener.hostname.clone(), identity));
            }
            fronts.push(Front::compile(listener)?);
        }
        if !certificates.is_empty() && certificates.len() != listeners.len() {
            return Err(FrontError::Mixed(number));
        }
        fronts.sort_by_key(|front| specificity(&front.hostname));
        let tls = (!certificates.is_empty()).then(|| edge_config(environment.host, certificates).into());
        Ok(Self { tls, fronts })
    }
}

impl Front {
    fn compile(listener: &Listener) -> Result<Self, RouteError> {
        let host = |host: &hallway_model::gateway::VirtualHost| {
            Ok((host.hostname.clone(), CompiledTable::compile(host.table.clone())?))
        };
        let mut hosts: Vec<_> = listener
            .hosts
            .iter()
            .map(host)
            .collect::<Result<_, RouteError>>()?;
        hosts.sort_by_key(|(name, _)| specificity(name));
        Ok(Self {
            hostname: listener.hostname.clone(),
            hosts,
        })
    }
}

fn require_socket(listener: &Listener, listeners: &Listeners) -> Result<(), FrontError> {
    let known: Vec<u16> = match listeners {
        Listeners::Sidecar { .. } => Vec::new(),
        Listeners::Gateway(ports) => ports.iter().map(|port| port.port).collect(),
    };
    if known.contains(&listener.port) {
        return Ok(());
    }
    Err(FrontError::UnknownPort {
        listener: listener.name.clone(),
        port: listener.port,
        known,
    })
}

fn ports(known: &[u16]) -> String {
    match known {
        [] => "none, as a sidecar".to_owned(),
        _ => known.iter().map(u16::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// A listener or a route without a host name is for all of them, also for a client that names none.
fn covers(name: &Option<Hostname>, host: Option<&str>) -> bool {
    match (name, host) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(name), Some(host)) => name.covers(host),
    }
}

fn specificity(name: &Option<Hostname>) -> impl Ord + use<> {
    (name.is_none(), name.as_ref().map(Hostname::precedence))
}

fn lower_case(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}
