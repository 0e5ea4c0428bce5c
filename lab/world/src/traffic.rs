//! A scenario's traffic, addressed to a mesh that is up.

use std::net::SocketAddr;

use hallway_host::Host;
use hallway_identity::{Bundle, SvidStore, Versions, client_config, server_name, web_client_config};
use hallway_scenario::traffic::{INTRUDER, OUTSIDE, TrafficProtocol, host};
use hallway_scenario::{Scenario, Traffic};
use hallway_service::contract::Call;

use crate::authorities::{self, Authorities};
use crate::error::WorldError;
use crate::load::{Arrivals, Dialer, Http2Client, Kind, RequestTemplate, Sender, Stranger, Stream, Tls};
use crate::mesh::Mesh;
use crate::plan::{Plan, Workload};
use crate::wire::Edge;

/// Addresses traffic to a mesh.
pub(crate) struct Addressing<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) mesh: &'a Mesh,
    pub(crate) authorities: &'a Authorities,
    /// The machine of intruders.
    pub(crate) intruder: &'a Host,
    /// The machine of the gateway's clients.
    pub(crate) outside: &'a Host,
}

impl Addressing<'_> {
    /// All traffic of `scenario`. Intruders and clients outside get edges of their own.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when something cannot be sent, [`WorldError::Listen`] when there is no port for an edge.
    pub(crate) async fn streams(&self, scenario: &Scenario) -> Result<Vec<Stream>, WorldError> {
        let mut streams = Vec::new();
        for (name, traffic) in &scenario.traffic {
            let what = format!("traffic `{name}`");
            streams.push(Stream {
                name: name.clone(),
                method: traffic.method().to_owned(),
                url: traffic.destination(scenario.topology.deployment).to_owned(),
                arrivals: arrivals(&what, traffic)?,
                patience: traffic.patience.to_std(),
                idempotency_key: traffic.idempotency_key,
                sender: self.sender(&what, traffic).await?,
            });
        }
        Ok(streams)
    }

    async fn sender(&self, what: &str, traffic: &Traffic) -> Result<Sender, WorldError> {
        match (traffic.from.as_deref(), traffic.via.as_deref()) {
            (Some(INTRUDER), None) => self.intruder(what, traffic).await,
            (Some(OUTSIDE), None) => self.outside(what, traffic).await,
            (Some(service), None) => {
                let caller = self.plan.first_workload(service)?;
                self.application(what, traffic, caller).await
            }
            (None, Some(service)) => self.process(what, traffic, self.plan.first_workload(service)?),
            _ => Err(WorldError::scenario(what, "give exactly one of `from` and `via`")),
        }
    }

    /// The load generator in the place of an application: beside its sidecar, or, where there is none, before the service that it calls.
    async fn application(
        &self,
        what: &str,
        traffic: &Traffic,
        caller: &Workload,
    ) -> Result<Sender, WorldError> {
        let request = template(what, traffic, &traffic.to)?;
        let (client, target, request) = match self.mesh.sidecars.get(&caller.name) {
            Some(sidecar) => (&sidecar.client, sidecar.outbound, request),
            None => {
                let callee = self.plan.first_workload(traffic.host())?;
                let target = self.door(&caller.name, callee).await?;
                let client = &self.mesh.applications[&caller.name].client;
                (client, target, request.in_origin_form())
            }
        };
        Ok(match traffic.protocol {
            TrafficProtocol::Http1 => Sender::Application {
                client: client.clone(),
                outbound: target,
                request,
            },
            TrafficProtocol::H2 | TrafficProtocol::Grpc => {
                let host = client.host().clone();
                let dialer = Dialer {
                    host,
                    target,
                    tls: None,
                };
                multiplexed(traffic, dialer, request)
            }
        })
    }

    /// Where `from` reaches the door of a workload: an edge that is witnessed.
    async fn door(&self, from: &str, to: &Workload) -> Result<SocketAddr, WorldError> {
        let edge = Edge {
            from: from.to_owned(),
            to: to.name.clone(),
            target: self.mesh.door(&to.name),
        };
        self.mesh.edge(edge).await
    }

    fn process(&self, what: &str, traffic: &Traffic, caller: &Workload) -> Result<Sender, WorldError> {
        // Made for its errors: the process would report the same once for every request.
        template(what, traffic, &traffic.to)?;
        let application = &self.mesh.applications[&caller.name];
        let control = &application.control;
        let headers = traffic.headers.iter();
        Ok(Sender::Process {
            client: application.client.clone(),
            control: control.address,
            token: control.token.clone(),
            call: Call {
                method: traffic.method().to_owned(),
                url: traffic.to.clone(),
                headers: headers
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
                body: traffic.body.clone(),
            },
        })
    }

    async fn intruder(&self, what: &str, traffic: &Traffic) -> Result<Sender, WorldError> {
        let target = self.plan.first_workload(traffic.host())?;
        let request = match traffic.to.contains("://") {
            true => template(what, traffic, &traffic.to)?,
            false => template(what, traffic, &format!("http://{}/", traffic.to))?,
        };
        let tls = match authorities::certificate(traffic) {
            None => None,
            Some(certificate) => {
                let now = self.intruder.wall_clock();
                let svid = self.authorities.issue(what, self.plan, certificate, now)?;
                // It believes the mesh's roots, since it wants to be refused and not to refuse.
                let bundle = Bundle::from_pem(&self.mesh.control_plane.bundle)
                    .map_err(|error| WorldError::scenario("the roots of the mesh", error))?;
                let store = SvidStore::new(svid, &bundle);
                Some(Tls {
                    config: client_config(
                        self.intruder,
                        &store,
                        target.identity.clone(),
                        versions(traffic.protocol),
                    ),
                    name: server_name(),
                })
            }
        };
        let dialer = Dialer {
            host: self.intruder.clone(),
            target: self.door(INTRUDER, target).await?,
            tls,
        };
        Ok(stranger(traffic, traffic.protocol, dialer, request))
    }

    /// A client that knows a host name, and the root that vouches for it. Where there is no gateway, it comes to a service as an intruder does.
    async fn outside(&self, what: &str, traffic: &Traffic) -> Result<Sender, WorldError> {
        let refuse = |why: String| WorldError::scenario(what, why);
        let Some(gateway) = &self.mesh.gateway else {
            let url = traffic.direct.as_ref();
            let url = url.ok_or_else(|| refuse("there is no gateway, and no `direct`".to_owned()))?;
            let service = self.plan.first_workload(host(url))?;
            let dialer = Dialer {
                host: self.outside.clone(),
                target: self.door(OUTSIDE, service).await?,
                tls: None,
            };
            // What it would have agreed on with the gateway, nobody here knows of.
            let protocol = match traffic.protocol {
                TrafficProtocol::H2 => TrafficProtocol::Http1,
                other => other,
            };
            return Ok(stranger(traffic, protocol, dialer, template(what, traffic, url)?));
        };
        let (method, body) = (traffic.method(), traffic.body.as_deref());
        let request =
            RequestTemplate::from_outside(method, &traffic.to, &traffic.headers, body).map_err(refuse)?;
        let (host, port, over_tls) = request.destination();
        let target = gateway.port(port).ok_or_else(|| {
            refuse(format!(
                "the gateway does not listen for port {port}; add it to its `ports`"
            ))
        })?;
        let tls = match over_tls {
            false => None,
            true => {
                let versions = versions(traffic.protocol);
                let name = host.to_owned().try_into();
                let name = name.map_err(|_| refuse(format!("nobody can prove the name `{host}`")))?;
                let config = web_client_config(self.outside, self.authorities.web_root(), versions)
                    .map_err(|error| refuse(error.to_string()))?;
                Some(Tls { config, name })
            }
        };
        let edge = Edge {
            from: OUTSIDE.to_owned(),
            to: gateway.name.clone(),
            target,
        };
        let dialer = Dialer {
            host: self.outside.clone(),
            target: self.mesh.edge(edge).await?,
            tls,
        };
        Ok(stranger(traffic, traffic.protocol, dialer, request))
    }
}

/// Requests of somebody without a sidecar.
fn stranger(
    traffic: &Traffic,
    protocol: TrafficProtocol,
    dialer: Dialer,
    request: RequestTemplate,
) -> Sender {
    match protocol {
        TrafficProtocol::Http1 => Sender::Stranger(Stranger {
            dialer,
            request: request.in_origin_form(),
        }),
        TrafficProtocol::H2 | TrafficProtocol::Grpc => multiplexed(traffic, dialer, request),
    }
}

/// The same requests over a few HTTP/2 connections that stay open.
fn multiplexed(traffic: &Traffic, dialer: Dialer, request: RequestTemplate) -> Sender {
    let (kind, request) = match traffic.protocol {
        TrafficProtocol::Grpc => (Kind::Grpc, request.into_grpc_call()),
        TrafficProtocol::Http1 | TrafficProtocol::H2 => (Kind::Plain, request.into_http2()),
    };
    Sender::Multiplexed {
        client: Http2Client::new(dialer, traffic.connections.unwrap_or(1)),
        kind,
        request,
    }
}

fn versions(protocol: TrafficProtocol) -> Versions {
    match protocol {
        TrafficProtocol::Http1 => Versions::Http1,
        TrafficProtocol::H2 | TrafficProtocol::Grpc => Versions::Http2OrHttp1,
    }
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
    RequestTemplate::absolute(traffic.method(), url, &traffic.headers, traffic.body.as_deref())
        .map_err(|why| WorldError::scenario(what, why))
}
