//! Hallway's own sidecars, with a real control plane beside them that is not measured.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hallway_control::api::{RegisterWorkload, RuleFile, WorkloadEndpoint};
use hallway_evidence::PushOutcome;
use hallway_host::random;
use hallway_model::bootstrap::{
    AdminEndpoint, Admission, ControlBootstrap, ControlPlaneAddress, Listeners, ProxyBootstrap, ProxyLimits,
    Token,
};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_world::ControlClient;

use super::site::Site;
use super::{ANYWHERE, Door, Sidecars};
use crate::child::{Child, Program};
use crate::credentials::SVID_LIFETIME;
use crate::error::BenchError;
use crate::setup::SERVICE;

const NAMESPACE: &str = "bench";
/// The most rules of one `HTTPRoute`, by Gateway API.
const RULES_PER_ROUTE: usize = 16;
/// So many routes are far below the largest file that the control plane takes.
const ROUTES_PER_FILE: usize = 100;

pub(super) async fn start(site: &Site<'_>) -> Result<Sidecars, BenchError> {
    let (control, client, address) = start_control_plane(site).await?;
    let names: Vec<String> = (1..=site.setup.endpoints)
        .map(|number| format!("{SERVICE}-{number}"))
        .collect();
    // All of them are the one sidecar that joins, at other addresses.
    let mut joins = Vec::new();
    for name in &names {
        joins.push(client.register(&registration(name, SERVICE)).await?);
    }
    let inbound = bootstrap(site, &names[0], joins.swap_remove(0), &address);
    let (inbound, _, port) = start_sidecar(site, "inbound", &inbound).await?;
    let caller = client.register(&registration("client-1", "client")).await?;
    let outbound = bootstrap(site, "client-1", caller, &address);
    let (outbound, entry, _) = start_sidecar(site, "outbound", &outbound).await?;
    for (name, address) in names.iter().zip(site.endpoints(port)) {
        let endpoint = WorkloadEndpoint {
            inbound: address,
            application: site.application,
            ready: true,
            sidecar: true,
            seen_from: Default::default(),
        };
        client.put_endpoint(name, &endpoint).await?;
    }
    let pushed = client.put_rule_files(rules(site)).await?;
    if let PushOutcome::Refused { problems } = pushed {
        return Err(control.failed(format!("refuses the rules: {problems:?}")));
    }
    Ok(Sidecars {
        entry,
        door: Some(Door {
            address: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
            credentials: site.workshop.credentials.mesh.client.clone(),
        }),
        measured: vec![inbound, outbound],
        _beside: vec![control],
    })
}

async fn start_control_plane(
    site: &Site<'_>,
) -> Result<(Child, ControlClient, ControlPlaneAddress), BenchError> {
    let token = new_token();
    let workshop = site.workshop;
    let bootstrap = ControlBootstrap {
        trust_domain: workshop.credentials.mesh.trust_domain.clone(),
        discovery: ANYWHERE,
        admin: admin(&token),
        rules: None,
        secrets: Vec::new(),
        admission: Admission::Enforce,
        authority: Some(workshop.credentials.mesh.authority.clone()),
        svid_lifetime: SVID_LIFETIME,
        federated_bundles: Vec::new(),
        seed: random::entropy(),
    };
    let program = role(site, "control-plane", "control-plane");
    let mut control = workshop
        .starter
        .start(&program, workshop.cores.load, site.directory)?;
    control.order(&bootstrap).await?;
    let (admin, address) = control
        .record(|record| match record {
            ControlRecord::Listening {
                discovery,
                admin,
                identity,
                bundle,
            } => Some((
                admin,
                ControlPlaneAddress {
                    address: discovery,
                    identity,
                    bundle,
                },
            )),
            _ => None,
        })
        .await?;
    let client = ControlClient::new(workshop.host.clone(), admin, token);
    Ok((control, client, address))
}

/// Starts a sidecar; returns where its application connects to, and the port for its peers.
async fn start_sidecar(
    site: &Site<'_>,
    name: &str,
    bootstrap: &ProxyBootstrap,
) -> Result<(Child, SocketAddr, u16), BenchError> {
    let mut sidecar = site.start(&role(site, name, "proxy"))?;
    sidecar.order(bootstrap).await?;
    let (entry, port) = sidecar
        .record(|record| match record {
            ProxyRecord::Listening {
                listeners: Listeners::Sidecar { outbound, inbound },
                ..
            } => Some((outbound, inbound.port())),
            _ => None,
        })
        .await?;
    Ok((sidecar, entry, port))
}

fn role(site: &Site<'_>, name: &str, role: &str) -> Program {
    Program {
        name: name.to_owned(),
        command: vec![site.workshop.starter.binary.clone().into(), role.into()],
    }
}

fn registration(name: &str, service: &str) -> RegisterWorkload {
    RegisterWorkload {
        name: name.to_owned(),
        namespace: NAMESPACE.to_owned(),
        service: service.to_owned(),
        service_account: service.to_owned(),
        gateway: None,
    }
}

fn bootstrap(
    site: &Site<'_>,
    workload: &str,
    registered: hallway_control::api::Registered,
    control_plane: &ControlPlaneAddress,
) -> ProxyBootstrap {
    ProxyBootstrap {
        workload: workload.to_owned(),
        identity: registered.identity,
        listeners: Listeners::Sidecar {
            outbound: ANYWHERE,
            inbound: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        },
        admin: admin(&new_token()),
        control_plane: control_plane.clone(),
        join_token: registered.join_token,
        access_log: site.setup.access_log,
        access_log_headers: Vec::new(),
        workers: 1,
        limits: ProxyLimits::default(),
        drain: Duration::ZERO,
        seed: random::entropy(),
    }
}

fn admin(token: &Token) -> AdminEndpoint {
    AdminEndpoint {
        listen: ANYWHERE,
        token: token.clone(),
    }
}

fn new_token() -> Token {
    Token((0..4).map(|_| format!("{:016x}", random::entropy())).collect())
}

/// One service, and so many rules for those who call it, each with a retry policy and a deadline.
fn rules(site: &Site<'_>) -> Vec<RuleFile> {
    let speaks = match site.setup.is_http2() {
        true => ", appProtocol: kubernetes.io/h2c",
        false => "",
    };
    let service = RuleFile {
        name: "service.yaml".to_owned(),
        text: format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{ name: {SERVICE}, namespace: {NAMESPACE} }}\n\
             spec: {{ ports: [{{ name: http, port: 80{speaks} }}] }}\n"
        ),
    };
    let prefixes: Vec<String> = site.setup.prefixes().collect();
    let routes: Vec<String> = (1..)
        .zip(prefixes.chunks(RULES_PER_ROUTE))
        .map(|(number, prefixes)| route(number, prefixes))
        .collect();
    let files = (1..).zip(routes.chunks(ROUTES_PER_FILE));
    let files = files.map(|(number, routes)| RuleFile {
        name: format!("routes-{number}.yaml"),
        text: routes.join("---\n"),
    });
    std::iter::once(service).chain(files).collect()
}

fn route(number: u32, prefixes: &[String]) -> String {
    let mut text = format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
         metadata: {{ name: routes-{number}, namespace: {NAMESPACE} }}\nspec:\n  \
         parentRefs: [{{ group: \"\", kind: Service, name: {SERVICE} }}]\n  rules:\n"
    );
    for prefix in prefixes {
        let _ = write!(
            text,
            "    - matches: [{{ path: {{ type: PathPrefix, value: {prefix} }} }}]\n      \
             backendRefs: [{{ name: {SERVICE}, port: 80 }}]\n      timeouts: {{ request: 15s }}\n      \
             retry: {{ codes: [503], attempts: 2, backoff: 25ms }}\n"
        );
    }
    text
}
