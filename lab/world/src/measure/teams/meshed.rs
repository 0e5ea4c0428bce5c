//! With a mesh: the same services know nothing of retries, and one rule is changed with one push.

use std::fmt::Write as _;
use std::net::SocketAddr;

use hallway_evidence::PushOutcome;
use hallway_host::{Host, Output};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::count::{Ledger, Moments, unanswered};
use super::module::{MODULES, Module};
use super::{ATTEMPTS_WANTED, CALLEE, Change, City, Order, WARM_UP, WithMesh, requests, undisturbed};
use crate::authorities::Authorities;
use crate::clock::Clock;
use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::ground::Ground;
use crate::incidents::Incidents;
use crate::measure::acknowledged;
use crate::mesh::{Edges, Mesh};
use crate::options::Options;
use crate::players::Players;
use crate::processes::Processes;
use crate::programs::{Kind, Programs};
use crate::wire::Wire;

/// The file that is changed.
const RULES: &str = "rules.yaml";

/// What the rule says before: attempts in all.
const ATTEMPTS_BEFORE: u32 = 3;

pub(super) async fn measure(
    options: &Options,
    order: Order,
    cancel: &CancellationToken,
) -> Result<WithMesh, WorldError> {
    let host = Host::real(options.seed, Output::discard());
    let City { scenario, plan } = City::new()?;
    let incidents = Incidents::default();
    let players = Players::find(&plan, options).await?;
    let hallway = options.languages.hallway();
    let ground = Ground::Processes(Processes::new(host.clone(), hallway, players, incidents.clone()));
    let measuring = async {
        let mut programs = Programs::new(&ground, &scenario, &plan, options.seed);
        let authorities = Authorities::of(&scenario, &plan, &host)?;
        // No relay stands between the sidecars: the wire is the lab's.
        let wire = Wire::new(host.clone(), Clock::start(&host), "");
        let mesh = programs.start(&authorities, Edges::Relayed(wire)).await?;
        story(&host, &mut programs, &mesh, order).await
    };
    let measured = undisturbed(measuring, &incidents, cancel).await;
    ground.stop().await;
    measured
}

async fn story(
    host: &Host,
    programs: &mut Programs<'_>,
    mesh: &Mesh,
    order: Order,
) -> Result<WithMesh, WorldError> {
    let (before, after) = (rules(ATTEMPTS_BEFORE), rules(ATTEMPTS_WANTED));
    push(&mesh.control, &before).await?;
    acknowledged(&mesh.control).await?;
    let processes = all_processes(programs);
    let stop = CancellationToken::new();
    let deciding = async {
        let moments = decide(&mesh.control, &after, order).await;
        stop.cancel();
        moments
    };
    let callers = callers(mesh);
    let (sent, moments) = tokio::join!(requests::steady(host, &callers, order.interval, &stop), deciding);
    let moments = moments?;
    let now = all_processes(programs);
    let mut change = Change::default();
    change.add(RULES, &before, &after);
    let records = programs.stop_workloads().await;
    let ledger = Ledger::of(&records.applications[&instance(CALLEE)]);
    let callers = MODULES.iter();
    Ok(WithMesh {
        callers: callers
            .map(|module| ledger.caller(module, &sent, moments))
            .collect::<Result<_, _>>()?,
        change,
        restarts: now.iter().filter(|id| !processes.contains(id)).count(),
        acknowledged_seconds: (moments.done - moments.decided).as_secs_f64(),
        unanswered: unanswered(&sent, None),
    })
}

/// Lets everybody work as before for a while, then pushes the rule, and lets everybody work for a while again.
async fn decide(control: &ControlClient, rules: &str, order: Order) -> Result<Moments, WorldError> {
    sleep(WARM_UP).await;
    let begin = Instant::now();
    sleep(order.steady).await;
    let decided = Instant::now();
    push(control, rules).await?;
    acknowledged(control).await?;
    let done = Instant::now();
    sleep(order.steady).await;
    Ok(Moments { begin, decided, done })
}

async fn push(control: &ControlClient, rules: &str) -> Result<(), WorldError> {
    match control.put_rules(RULES, rules.to_owned()).await? {
        PushOutcome::Accepted { .. } => Ok(()),
        PushOutcome::Refused { problems } => Err(WorldError::RulesRefused(problems)),
    }
}

fn callers(mesh: &Mesh) -> Vec<(String, SocketAddr)> {
    let caller = |module: &Module| {
        let service = module.service();
        let address = mesh.applications[&instance(&service)].address;
        (service, address)
    };
    MODULES.iter().map(caller).collect()
}

fn all_processes(programs: &Programs<'_>) -> Vec<u32> {
    [Kind::Application, Kind::Sidecar, Kind::ControlPlane]
        .into_iter()
        .flat_map(|kind| programs.processes(kind))
        .collect()
}

/// The only replica of a service.
fn instance(service: &str) -> String {
    format!("{service}-1")
}

/// The services, and how often a call of the callee is attempted in all.
fn rules(attempts: u32) -> String {
    let mut text = String::new();
    let callers = MODULES.iter().map(Module::service);
    for service in callers.chain([CALLEE.to_owned()]) {
        let _ = writeln!(
            text,
            "apiVersion: v1\nkind: Service\nmetadata: {{ name: {service}, namespace: shop }}\n\
             spec: {{ ports: [{{ name: http, port: 80 }}] }}\n---"
        );
    }
    let retries = attempts - 1;
    text + &format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
         metadata: {{ name: {CALLEE}, namespace: shop }}\nspec:\n  \
         parentRefs: [{{ group: \"\", kind: Service, name: {CALLEE} }}]\n  rules:\n    \
         - backendRefs: [{{ name: {CALLEE}, port: 80 }}]\n      retry:\n        codes: [503]\n        \
         attempts: {retries} # after the first\n        backoff: 20ms\n"
    )
}
