//! Without a mesh: each team changes its module and starts its service anew, one after the other, under load.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hallway_host::{Host, Output};
use hallway_scenario::topology::Language;
use hallway_service::contract::{Bootstrap, Record};
use serde::Serialize;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::count::{Ledger, Moments, unanswered};
use super::module::{MODULES, Module};
use super::{CALLEE, Change, City, Order, Team, WARM_UP, WithoutMesh, requests, undisturbed};
use crate::child::{Child, Supervisor};
use crate::error::WorldError;
use crate::incidents::Incidents;
use crate::languages::{Languages, Starter};
use crate::options::Options;
use crate::plan::Plan;
use crate::players::cannot_start;
use crate::processes::GRACE;
use crate::programs::bootstrap_without_mesh;

pub(super) async fn measure(
    options: &Options,
    order: Order,
    cancel: &CancellationToken,
) -> Result<WithoutMesh, WorldError> {
    let host = Host::real(options.seed, Output::discard());
    let incidents = Incidents::default();
    let supervisor = Supervisor::new(host.clone(), incidents.clone(), GRACE);
    let City { plan, .. } = City::new()?;
    let measuring = async {
        let teams = Teams::start(&supervisor, &options.languages, &plan, options.seed).await?;
        story(&host, teams, &options.languages, order).await
    };
    let measured = undisturbed(measuring, &incidents, cancel).await;
    supervisor.stop().await;
    measured
}

async fn story(
    host: &Host,
    mut teams: Teams<'_>,
    languages: &Languages,
    order: Order,
) -> Result<WithoutMesh, WorldError> {
    let callers = teams.addresses();
    let stop = CancellationToken::new();
    let deciding = async {
        let decided = teams.decide(languages, order).await;
        stop.cancel();
        decided
    };
    let (sent, decided) = tokio::join!(requests::steady(host, &callers, order.interval, &stop), deciding);
    let (moments, works) = decided?;
    let ledger = Ledger::of(&teams.callee.stop().await);
    let team = |(module, work): (&Module, Work)| {
        Ok(Team {
            caller: ledger.caller(module, &sent, moments)?,
            module: module.path(),
            change: work.change,
            builds: work.builds,
            restarts: work.restarts,
            seconds: work.seconds,
            unanswered: unanswered(&sent, Some(&module.service())),
        })
    };
    Ok(WithoutMesh {
        teams: MODULES.iter().zip(works).map(team).collect::<Result<_, _>>()?,
        seconds: (moments.done - moments.decided).as_secs_f64(),
    })
}

/// Where programs are put that are built of copies. In the lab's own cache they would be found when this is measured again.
const CACHE: &str = "cache";

/// The services of all teams, and the one that they call.
struct Teams<'a> {
    supervisor: &'a Supervisor,
    callee: Child<Record>,
    /// In the order of [`MODULES`].
    callers: Vec<Service>,
}

/// The service of one team, that runs.
struct Service {
    name: String,
    bootstrap: Bootstrap,
    address: SocketAddr,
    /// There is none for a moment, while it starts again.
    child: Option<Child<Record>>,
}

/// What one team had to do.
struct Work {
    change: Change,
    builds: u32,
    restarts: u32,
    seconds: f64,
}

/// What a service is told whose team retries itself (clause C40 of the contract). The Rust service does not know the field.
#[derive(Serialize)]
struct WithOwnRetries<'a> {
    #[serde(flatten)]
    bootstrap: &'a Bootstrap,
    own_retries: bool,
}

impl<'a> Teams<'a> {
    async fn start(
        supervisor: &'a Supervisor,
        languages: &Languages,
        plan: &Plan,
        seed: u64,
    ) -> Result<Self, WorldError> {
        let callee = plan.first_workload(CALLEE)?;
        let starter = find_starter(languages, Language::Rust, CALLEE).await?;
        let bootstrap = bootstrap_without_mesh(callee, BTreeMap::new(), seed);
        let mut callee = supervisor.spawn(CALLEE, starter.command(), &bootstrap)?;
        let addresses = BTreeMap::from([(CALLEE.to_owned(), callee.ready(application).await?)]);
        let mut callers = Vec::new();
        for module in &MODULES {
            let name = module.service();
            let workload = plan.first_workload(&name)?;
            let mut bootstrap = bootstrap_without_mesh(workload, addresses.clone(), seed);
            let starter = find_starter(languages, module.language, &name).await?;
            let (child, address) = run(supervisor, &name, &starter, &bootstrap).await?;
            // When it starts again, it is to be where it was.
            bootstrap.listen = address;
            callers.push(Service {
                name,
                bootstrap,
                address,
                child: Some(child),
            });
        }
        Ok(Self {
            supervisor,
            callee,
            callers,
        })
    }

    fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let caller = |caller: &Service| (caller.name.clone(), caller.address);
        self.callers.iter().map(caller).collect()
    }

    /// Lets everybody work as before for a while, then takes the decision, and lets everybody work for a while again.
    async fn decide(
        &mut self,
        languages: &Languages,
        order: Order,
    ) -> Result<(Moments, Vec<Work>), WorldError> {
        sleep(WARM_UP).await;
        let begin = Instant::now();
        sleep(order.steady).await;
        let decided = Instant::now();
        let copies = tempfile::tempdir().map_err(no_workshop)?;
        let mut works = Vec::new();
        for (module, service) in MODULES.iter().zip(&mut self.callers) {
            works.push(carry_out(self.supervisor, languages, module, service, &copies).await?);
        }
        let done = Instant::now();
        sleep(order.steady).await;
        let moments = Moments { begin, decided, done };
        Ok((moments, works))
    }
}

/// One team's turn: it changes its module, builds what must be built while the old program still serves, and starts the new one.
async fn carry_out(
    supervisor: &Supervisor,
    languages: &Languages,
    module: &Module,
    service: &mut Service,
    copies: &TempDir,
) -> Result<Work, WorldError> {
    let start = Instant::now();
    let change = module.change(languages.services(), copies.path())?;
    let (mut builds, mut restarts) = (0, 0);
    if change.files > 0 {
        let changed = languages.with_services(copies.path(), &copies.path().join(CACHE));
        let starter = find_starter(&changed, module.language, &service.name).await?;
        builds = u32::from(module.language == Language::Go);
        if let Some(child) = service.child.take() {
            child.stop().await;
        }
        let (child, _) = run(supervisor, &service.name, &starter, &service.bootstrap).await?;
        service.child = Some(child);
        restarts = 1;
    }
    Ok(Work {
        change,
        builds,
        restarts,
        seconds: start.elapsed().as_secs_f64(),
    })
}

async fn run(
    supervisor: &Supervisor,
    name: &str,
    starter: &Starter,
    bootstrap: &Bootstrap,
) -> Result<(Child<Record>, SocketAddr), WorldError> {
    let bootstrap = WithOwnRetries {
        bootstrap,
        own_retries: true,
    };
    let mut child = supervisor.spawn(name, starter.command(), &bootstrap)?;
    let address = child.ready(application).await?;
    Ok((child, address))
}

async fn find_starter(languages: &Languages, language: Language, who: &str) -> Result<Starter, WorldError> {
    let starter = languages.starter(language).await;
    starter.map_err(|error| cannot_start(who, error))
}

fn application(record: &Record) -> Option<SocketAddr> {
    match record {
        Record::Listening { application, .. } => Some(*application),
        _ => None,
    }
}

fn no_workshop(error: std::io::Error) -> WorldError {
    WorldError::scenario("a copy of the teams' modules", error)
}
