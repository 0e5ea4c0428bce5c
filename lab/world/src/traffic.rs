//! A scenario's traffic, addressed to a mesh that is up.

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_host::Host;
use hallway_identity::{Authority, Bundle, CredentialError, SvidStore, Validity, client_config};
use hallway_model::{SpiffeId, TrustDomain};
use hallway_scenario::traffic::{Certificate, Present};
use hallway_scenario::{Scenario, Traffic};
use hallway_service::contract::Call;

use crate::error::WorldError;
use crate::load::{Arrivals, Intruder, RequestTemplate, Sender, Stream};
use crate::mesh::Mesh;
use crate::plan::Plan;
use crate::wire::Edge;

/// Who is no workload of the mesh.
pub(crate) const INTRUDER: &str = "intruder";

/// How long a certificate of an intruder has been good before it expired, or will be good.
const INTRUDER_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The certificate authorities that the lab itself holds.
pub(crate) struct Authorities {
    by_trust_domain: BTreeMap<TrustDomain, Authority>,
    /// Trust domains that the mesh is told to trust beside its own.
    federated: Option<TrustDomain>,
}

impl Authorities {
    /// Those that the scenario needs: of every trust domain that is not the mesh's, and of the mesh's own only if an intruder
    /// brings a certificate of it. Otherwise the mesh's control plane is its own authority, and nobody else has its key.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when a trust domain is none.
    pub(crate) fn of(scenario: &Scenario, plan: &Plan, host: &Host) -> Result<Self, WorldError> {
        let presented = scenario.traffic.iter().filter_map(|(name, traffic)| {
            let certificate = certificate(traffic)?;
            Some((format!("traffic `{name}`"), certificate.trust_domain.as_deref()))
        });
        let added = scenario.topology.trust_bundle.add.as_deref();
        let trusted = added.map(|domain| ("topology.trust_bundle.add".to_owned(), Some(domain)));
        let mut by_trust_domain = BTreeMap::new();
        for (what, domain) in presented.chain(trusted) {
            let domain = trust_domain(plan, &what, domain)?;
            by_trust_domain
                .entry(domain.clone())
                .or_insert_with(|| Authority::new(host, domain));
        }
        let federated = added.map(|domain| trust_domain(plan, "topology.trust_bundle.add", Some(domain)));
        Ok(Self {
            by_trust_domain,
            federated: federated.transpose()?,
        })
    }

    /// The authority of the mesh's own trust domain, when the lab holds it.
    pub(crate) fn of_mesh(&self, plan: &Plan) -> Option<&Authority> {
        self.by_trust_domain.get(&plan.trust_domain)
    }

    /// The roots that the mesh is told to trust beside its own, PEM.
    pub(crate) fn federated_bundles(&self) -> Vec<String> {
        let authority = self
            .federated
            .as_ref()
            .map(|domain| &self.by_trust_domain[domain]);
        authority
            .map(|authority| authority.root_pem().to_owned())
            .into_iter()
            .collect()
    }
}

fn trust_domain(plan: &Plan, what: &str, domain: Option<&str>) -> Result<TrustDomain, WorldError> {
    match domain {
        None => Ok(plan.trust_domain.clone()),
        Some(domain) => TrustDomain::new(domain).map_err(|error| WorldError::scenario(what, error)),
    }
}

fn certificate(traffic: &Traffic) -> Option<&Certificate> {
    match &traffic.present {
        Some(Present::Certificate(certificate)) => Some(certificate),
        Some(Present::Plaintext(_)) | None => None,
    }
}

/// Prepares all traffic of a scenario. Intruders get edges of their own.
///
/// # Errors
/// [`WorldError::Scenario`] when something cannot be sent.
pub(crate) async fn prepare(
    scenario: &Scenario,
    plan: &Plan,
    mesh: &Mesh,
    authorities: &Authorities,
    host: &Host,
) -> Result<Vec<Stream>, WorldError> {
    let mut streams = Vec::new();
    for (name, traffic) in &scenario.traffic {
        let what = format!("traffic `{name}`");
        let sender = match (traffic.from.as_deref(), traffic.via.as_deref()) {
            (Some(INTRUDER), None) => {
                let intruder = Preparation {
                    what: &what,
                    plan,
                    mesh,
                    authorities,
                    host,
                };
                Sender::Intruder(intruder.intruder(traffic).await?)
            }
            (Some(service), None) => Sender::Application {
                outbound: mesh.sidecars[&plan.first_workload(service)?.name].outbound,
                request: template(&what, traffic, &traffic.to)?,
            },
            (None, Some(service)) => {
                process(&what, traffic, plan.first_workload(service)?.name.as_str(), mesh)?
            }
            _ => return Err(WorldError::scenario(what, "give exactly one of `from` and `via`")),
        };
        streams.push(Stream {
            name: name.clone(),
            method: traffic.method.clone(),
            url: traffic.to.clone(),
            arrivals: arrivals(&what, traffic)?,
            patience: traffic.patience.to_std(),
            sender,
        });
    }
    Ok(streams)
}

fn arrivals(what: &str, traffic: &Traffic) -> Result<Arrivals, WorldError> {
    let start = traffic.start.map(|start| start.to_std()).unwrap_or_default();
    let interval = traffic.rate.interval();
    match (traffic.duration, traffic.count) {
        (Some(duration), None) => Ok(Arrivals::for_duration(start, interval, duration.to_std())),
        (None, Some(count)) => Ok(Arrivals {
            start,
            interval,
            count,
        }),
        _ => Err(WorldError::scenario(
            what,
            "give exactly one of `for` and `count`",
        )),
    }
}

fn template(what: &str, traffic: &Traffic, url: &str) -> Result<RequestTemplate, WorldError> {
    RequestTemplate::absolute(&traffic.method, url, &traffic.headers, traffic.body.as_deref())
        .map_err(|why| WorldError::scenario(what, why))
}

fn process(what: &str, traffic: &Traffic, workload: &str, mesh: &Mesh) -> Result<Sender, WorldError> {
    // Made for its errors: the process would report the same once for every request.
    template(what, traffic, &traffic.to)?;
    let control = &mesh.applications[workload].control;
    let headers = traffic.headers.iter();
    Ok(Sender::Process {
        control: control.address,
        token: control.token.clone(),
        call: Call {
            method: traffic.method.clone(),
            url: traffic.to.clone(),
            headers: headers
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            body: traffic.body.clone(),
        },
    })
}

struct Preparation<'a> {
    what: &'a str,
    plan: &'a Plan,
    mesh: &'a Mesh,
    authorities: &'a Authorities,
    host: &'a Host,
}

impl Preparation<'_> {
    async fn intruder(&self, traffic: &Traffic) -> Result<Intruder, WorldError> {
        let target = self.plan.first_workload(&traffic.to)?;
        let edge = Edge {
            from: INTRUDER.to_owned(),
            to: target.name.clone(),
            target: self.mesh.sidecars[&target.name].inbound,
        };
        let relay = self
            .mesh
            .wire
            .relay(edge)
            .await
            .map_err(|source| WorldError::Listen {
                purpose: format!("the wire from the intruder to {}", target.name),
                source,
            })?;
        let url = format!("http://{}/", traffic.to);
        let tls = certificate(traffic)
            .map(|certificate| self.credentials(certificate))
            .transpose()?
            .map(|store| client_config(self.host, &store, target.identity.clone()));
        Ok(Intruder {
            target: relay,
            tls,
            request: template(self.what, traffic, &url)?.in_origin_form(),
        })
    }

    /// What the intruder presents. It believes the mesh's roots: it wants to be refused, not to refuse.
    fn credentials(&self, certificate: &Certificate) -> Result<SvidStore, WorldError> {
        let domain = trust_domain(self.plan, self.what, certificate.trust_domain.as_deref())?;
        let account = certificate.identity.as_deref().unwrap_or(INTRUDER);
        let identity = SpiffeId::new(domain.clone(), &self.plan.namespace, account)
            .map_err(|error| WorldError::scenario(self.what, error))?;
        let mint = || -> Result<SvidStore, CredentialError> {
            let svid =
                self.authorities.by_trust_domain[&domain].mint(&identity, self.validity(certificate))?;
            Ok(SvidStore::new(svid, &Bundle::from_pem(&self.mesh.bundle)?))
        };
        mint().map_err(|error| WorldError::scenario(self.what, error))
    }

    fn validity(&self, certificate: &Certificate) -> Validity {
        let now = self.host.wall_clock();
        match certificate.expired_for {
            None => Validity::starting(now, INTRUDER_LIFETIME),
            Some(ago) => {
                let not_after = now - ago.to_std();
                Validity {
                    not_before: not_after - INTRUDER_LIFETIME,
                    not_after,
                }
            }
        }
    }
}
