//! One run on whatever ground, from the first program to the last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hallway_evidence::observations::Run;
use hallway_evidence::{ClientRecord, Observations, Push, Sample};
use hallway_host::Host;
use hallway_scenario::traffic::{INTRUDER, OUTSIDE};
use hallway_scenario::{Files, Scenario};
use rand::Rng;
use tokio::time::Instant;

use crate::authorities::Authorities;
use crate::clock::Clock;
use crate::collect;
use crate::error::WorldError;
use crate::faults::Faults;
use crate::ground::Ground;
use crate::incidents::Incidents;
use crate::load::{Load, Stream};
use crate::mesh::{Edges, Mesh};
use crate::options::{Options, Progress};
use crate::plan::Plan;
use crate::programs::{Exposed, Programs};
use crate::scrape;
use crate::simulated::stand_ins;
use crate::timeline::Timeline;
use crate::traffic::Addressing;

/// One run.
pub(crate) struct Session<'a> {
    pub(crate) scenario: &'a Scenario,
    /// Where the rule files are.
    pub(crate) files: &'a Files,
    pub(crate) options: &'a Options,
    pub(crate) plan: &'a Plan,
    pub(crate) ground: &'a Ground,
    pub(crate) incidents: Incidents,
    pub(crate) clock: Clock,
    /// What every request carries, so that the wire can look out for it.
    pub(crate) marker: &'a str,
}

/// The marker of the run of the lab on `host`.
pub(crate) fn marker(host: &Host) -> String {
    format!("{:016x}", host.random("marker").next_u64())
}

/// What was seen while traffic flowed.
struct Seen {
    started_us: u64,
    finished_us: u64,
    client: Vec<ClientRecord>,
    pushes: Vec<Push>,
}

impl Session<'_> {
    /// From the first program to the last, witnessed by `wire`. After an error, programs may be left for [`Ground::stop`].
    ///
    /// # Errors
    /// [`WorldError`], when the run could not be made.
    pub(crate) async fn run(&self, wire: Edges) -> Result<Observations, WorldError> {
        self.options.tell(Progress::Starting);
        let authorities = Authorities::of(self.scenario, self.plan, self.ground.lab())?;
        let mut programs = Programs::new(self.ground, self.scenario, self.plan, self.options.seed);
        let mut mesh = programs.start(&authorities, wire).await?;
        let mut timeline = self.timeline(&mesh);
        let mut first_push = timeline.initial_push(&self.scenario.rules).await?;
        for newcomer in self.plan.newcomers() {
            programs.join(newcomer, &mut mesh).await?;
            first_push = timeline.joined(first_push, &newcomer.name).await?;
        }
        let addressing = Addressing {
            plan: self.plan,
            mesh: &mesh,
            authorities: &authorities,
            intruder: &self.ground.beside(INTRUDER),
            outside: &self.ground.beside(OUTSIDE),
        };
        let streams = addressing.streams(self.scenario).await?;
        self.options.tell(Progress::Ready);

        let mut exposed = Exposed {
            programs: &mut programs,
            mesh: &mesh,
        };
        let seen = self.drive(&timeline, streams, first_push, &mut exposed).await;
        self.options.tell(Progress::Stopping);
        programs.resume_all();
        let metrics = self.scrape(&mesh, &programs).await;
        let sizes = programs.sizes();
        let records = programs.stop_workloads().await;
        let proxies = mesh.proxies().collect();
        let wire = mesh.wire.cut().await;
        let control = programs.stop_control_plane().await;
        let mut telemetry = collect::telemetry(records.sidecars);
        telemetry.metrics = metrics;
        let applications = collect::applications(records.applications, &self.incidents);
        Ok(Observations {
            run: self.identity(&seen, proxies),
            client: seen.client,
            ledger: applications.ledger,
            first_calls: applications.first_calls,
            programs: sizes,
            wire,
            telemetry,
            pushes: seen.pushes,
            control,
            incidents: self.incidents.list(),
        })
    }

    fn identity(&self, seen: &Seen, sidecars: Vec<String>) -> Run {
        Run {
            scenario: self.scenario.scenario.clone(),
            variant: self.options.variant.clone(),
            ground: self.ground.name().to_owned(),
            seed: self.options.seed,
            started_us: seen.started_us,
            finished_us: seen.finished_us,
            sidecars,
            stand_ins: match self.ground {
                Ground::Processes(processes) => processes.stand_ins(),
                Ground::Simulated(_) => stand_ins(self.plan),
            },
        }
    }

    fn timeline(&self, mesh: &Mesh) -> Timeline<'_> {
        Timeline::new(
            mesh.control.clone(),
            self.clock,
            self.files,
            &self.scenario.topology,
            mesh.proxies().collect(),
        )
    }

    /// Lets traffic flow and the timeline happen.
    async fn drive(
        &self,
        timeline: &Timeline<'_>,
        streams: Vec<Stream>,
        first_push: Push,
        faults: &mut impl Faults,
    ) -> Seen {
        let load = Load::new(
            self.ground.lab().clone(),
            self.clock,
            self.marker,
            self.incidents.clone(),
        );
        let progress = self.progress(&streams);
        let start = Instant::now();
        let pushing = async {
            tokio::select! {
                pushes = timeline.run(&self.scenario.timeline, start, faults) => pushes,
                () = self.incidents.happened() => Ok(Vec::new()),
            }
        };
        let (client, pushes) = tokio::join!(load.run(streams, start, progress), pushing);
        let mut all_pushes = vec![first_push];
        match pushes {
            Ok(pushes) => all_pushes.extend(pushes),
            Err(error) => self.incidents.report("timeline", error.to_string()),
        }
        Seen {
            started_us: self.clock.at_us(start),
            finished_us: client
                .iter()
                .map(|record| record.finished_us)
                .max()
                .unwrap_or_default(),
            client,
            pushes: all_pushes,
        }
    }

    /// Tells of every hundredth part of the traffic.
    fn progress(&self, streams: &[Stream]) -> impl Fn() + Clone + Send + 'static {
        let total: u64 = streams
            .iter()
            .map(|stream| u64::from(stream.arrivals.count))
            .sum();
        let done = Arc::new(AtomicU64::new(0));
        let options = self.options.clone();
        move || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done == total || done.is_multiple_of((total / 100).max(1)) {
                options.tell(Progress::Traffic { done, total });
            }
        }
    }

    /// The last metrics of every proxy that runs. After an incident some may be gone, and none are needed.
    async fn scrape(&self, mesh: &Mesh, programs: &Programs<'_>) -> BTreeMap<String, Vec<Sample>> {
        let mut metrics = BTreeMap::new();
        if !self.incidents.list().is_empty() {
            return metrics;
        }
        let running = mesh
            .admins()
            .filter(|(workload, ..)| programs.has_sidecar(workload));
        for (workload, client, admin) in running {
            match scrape::scrape_when_quiet(client, admin).await {
                Ok(samples) => drop(metrics.insert(workload.to_owned(), samples)),
                Err(error) => self.incidents.report(
                    format!("the proxy of {workload}"),
                    format!("its metrics cannot be read: {error}"),
                ),
            }
        }
        metrics
    }
}
