//! A topology that stays up, for people to send requests to: its programs on processes, its rules, and what its proxies count. Nothing witnesses
//! the wire, no traffic is generated, and the timeline does not happen.
//!
//! - [`places`]: where its programs are
//! - [`counts`]: what its proxies have counted

mod counts;
mod places;

use std::time::Duration;

use futures_util::future::join_all;
use hallway_evidence::{Push, Sample};
use hallway_host::{Host, Output};
use hallway_scenario::{Files, Scenario};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use self::counts::{Counts, ProxyCounts, StatusClass};
pub use self::places::{GatewayPlace, Places, SidecarPlace};
use crate::authorities::Authorities;
use crate::clock::Clock;
use crate::error::WorldError;
use crate::ground::Ground;
use crate::http_client::HttpClient;
use crate::incidents::Incidents;
use crate::mesh::{AdminAddress, Edges, Mesh};
use crate::options::Options;
use crate::plan::Plan;
use crate::players::Players;
use crate::processes::Processes;
use crate::programs::Programs;
use crate::scrape::{self, ScrapeError};
use crate::timeline::Timeline;

/// How long a proxy may take to say what it has counted. One that takes longer is left out of the counts.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A topology that is up.
pub struct Up<'a> {
    mesh: Mesh,
    timeline: Timeline<'a>,
    /// The rule file of the scenario.
    rules: &'a str,
    places: Places,
}

/// Starts all programs of `scenario`, as it stands, with the rule files of `files`, and stops them when `live` returns. When this function
/// returns, with or without an error, no process that it started is left.
///
/// # Errors
/// [`WorldError`], when the programs cannot be started or their rules are refused; [`WorldError::Cancelled`] when `cancel` comes before they
/// are up (afterwards it is for `live` to heed); [`WorldError::Incident`] as soon as one of them ends by itself, and when one does not stop as it
/// should.
pub async fn up<T>(
    scenario: &Scenario,
    files: &Files,
    options: &Options,
    cancel: &CancellationToken,
    live: impl AsyncFnOnce(&Up<'_>) -> T,
) -> Result<T, WorldError> {
    let host = Host::real(options.seed, Output::discard());
    let plan = Plan::of(scenario)?;
    let players = cancel.run_until_cancelled(Players::find(&plan, options)).await;
    let players = players.unwrap_or(Err(WorldError::Cancelled))?;
    let incidents = Incidents::default();
    let stand_ins = players.stand_ins().to_vec();
    let hallway = options.languages.hallway();
    let ground = Ground::Processes(Processes::new(host, hallway, players, incidents.clone()));
    let mut programs = Programs::new(&ground, scenario, &plan, options.seed);
    let order = Order {
        scenario,
        files,
        plan: &plan,
        ground: &ground,
        stand_ins,
    };
    let started = cancel.run_until_cancelled(order.start(&mut programs)).await;
    let ended = match started.unwrap_or(Err(WorldError::Cancelled)) {
        Ok(up) => tokio::select! {
            ended = live(&up) => Ok(ended),
            incident = incidents.first() => Err(WorldError::Incident(incident)),
        },
        Err(error) => Err(error),
    };
    ground.stop().await;
    let ended = ended?;
    match incidents.list().into_iter().next() {
        Some(incident) => Err(WorldError::Incident(incident)),
        None => Ok(ended),
    }
}

/// What is to be up.
struct Order<'a> {
    scenario: &'a Scenario,
    files: &'a Files,
    plan: &'a Plan,
    ground: &'a Ground,
    stand_ins: Vec<String>,
}

impl<'a> Order<'a> {
    /// Starts everybody, in the order in which a run does.
    async fn start(self, programs: &mut Programs<'a>) -> Result<Up<'a>, WorldError> {
        let authorities = Authorities::of(self.scenario, self.plan, self.ground.lab())?;
        let mut mesh = programs.start(&authorities, Edges::Direct).await?;
        let mut timeline = Timeline::new(
            mesh.control.clone(),
            Clock::start(self.ground.lab()),
            self.files,
            &self.scenario.topology,
            mesh.proxies().collect(),
        );
        let mut first_push = timeline.initial_push(&self.scenario.rules).await?;
        for newcomer in self.plan.newcomers() {
            programs.join(newcomer, &mut mesh).await?;
            first_push = timeline.joined(first_push, &newcomer.name).await?;
        }
        // Who stays up for days would otherwise gather the records of days.
        programs.ignore_records();
        Ok(Up {
            places: Places::of(self.plan, &mesh, &authorities, self.stand_ins),
            mesh,
            timeline,
            rules: &self.scenario.rules,
        })
    }
}

impl Up<'_> {
    /// Where its programs are.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Pushes the scenario's rule file as it is now, and waits until every proxy has answered, or for some seconds.
    ///
    /// # Errors
    /// [`WorldError::Rules`] when the file cannot be read, [`WorldError::ControlPlane`].
    pub async fn push_rules(&self) -> Result<Push, WorldError> {
        self.timeline.push(self.rules).await
    }

    /// What each proxy has counted until now. One that does not answer is left out; if it has died, that is an incident.
    pub async fn counts(&self) -> Counts {
        self.scrape_all(scrape::scrape).await
    }

    /// The same when nothing is counted any more: a proxy counts a request a moment after its caller has the answer.
    pub async fn last_counts(&self) -> Counts {
        self.scrape_all(scrape::scrape_when_quiet).await
    }

    async fn scrape_all(
        &self,
        scrape: impl AsyncFn(&HttpClient, &AdminAddress) -> Result<Vec<Sample>, ScrapeError>,
    ) -> Counts {
        let scrape = &scrape;
        let proxies = self.mesh.admins().map(async |(workload, client, admin)| {
            let scraped = timeout(ANSWERS_WITHIN, scrape(client, admin)).await.ok()?.ok()?;
            Some((workload.to_owned(), ProxyCounts::of(&scraped)))
        });
        join_all(proxies).await.into_iter().flatten().collect()
    }
}
