//! One run, from the first process to the last.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hallway_evidence::observations::Run;
use hallway_evidence::{ClientRecord, Observations, Push, Sample};
use hallway_host::{Host, Output};
use hallway_scenario::{Ground, Scenario};
use rand::Rng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::authorities::Authorities;
use crate::clock::Clock;
use crate::collect;
use crate::error::WorldError;
use crate::http_client::HttpClient;
use crate::incidents::Incidents;
use crate::load::{Load, Stream};
use crate::mesh::Mesh;
use crate::options::{Options, Progress};
use crate::plan::Plan;
use crate::processes::Processes;
use crate::scrape;
use crate::timeline::Timeline;
use crate::traffic::Addressing;
use crate::wire::Wire;

/// Runs `scenario` once, as it stands (a control is a scenario with its change applied), with the rule files of `directory`, and
/// returns what was observed. When it returns, with or without an error, no process that it started is left.
///
/// What goes wrong with the lab after the mesh is up (a process that dies by itself, say) ends the traffic and is an incident
/// in the observations.
///
/// # Errors
/// [`WorldError`], when the run could not be made; [`WorldError::Cancelled`] as soon as possible after `cancel`.
pub async fn run(
    scenario: &Scenario,
    directory: &Path,
    options: &Options,
    cancel: CancellationToken,
) -> Result<Observations, WorldError> {
    if options.ground != Ground::Processes {
        return Err(WorldError::scenario(
            "the simulated ground",
            "this version runs on processes only",
        ));
    }
    let host = Host::real(options.seed, Output::discard());
    let plan = Plan::of(scenario)?;
    let incidents = Incidents::default();
    let mut processes = Processes::new(host.clone(), scenario, &plan, options, incidents.clone());
    let session = Session {
        scenario,
        directory,
        options,
        plan: &plan,
        incidents,
        clock: Clock::start(&host),
        marker: format!("{:016x}", host.random("marker").next_u64()),
        host,
    };
    let observed = cancel.run_until_cancelled(session.run(&mut processes)).await;
    processes.stop().await;
    observed.unwrap_or(Err(WorldError::Cancelled))
}

struct Session<'a> {
    scenario: &'a Scenario,
    directory: &'a Path,
    options: &'a Options,
    plan: &'a Plan,
    incidents: Incidents,
    clock: Clock,
    /// What every request carries, so that the wire can look out for it.
    marker: String,
    host: Host,
}

/// What was seen while traffic flowed.
struct Seen {
    started_us: u64,
    finished_us: u64,
    client: Vec<ClientRecord>,
    pushes: Vec<Push>,
}

impl Session<'_> {
    /// From the first process to the last. After an error, processes may be left for the caller to stop.
    async fn run(&self, processes: &mut Processes<'_>) -> Result<Observations, WorldError> {
        self.options.tell(Progress::Starting);
        let authorities = Authorities::of(self.scenario, self.plan, &self.host)?;
        let wire = Wire::new(self.host.clone(), self.clock, &self.marker);
        let mesh = processes.start(&authorities, wire).await?;
        let timeline = self.timeline(&mesh);
        let first_push = timeline.initial_push(&self.scenario.rules).await?;
        let addressing = Addressing {
            plan: self.plan,
            mesh: &mesh,
            authorities: &authorities,
            host: &self.host,
        };
        let streams = addressing.streams(self.scenario).await?;
        self.options.tell(Progress::Ready);

        let seen = self.drive(&timeline, streams, first_push).await;
        self.options.tell(Progress::Stopping);
        let metrics = self.scrape(&mesh).await;
        let records = processes.stop_workloads().await;
        let wire = mesh.wire.cut().await;
        let control = processes.stop_control_plane().await;
        let mut telemetry = collect::telemetry(records.sidecars);
        telemetry.metrics = metrics;
        Ok(Observations {
            run: self.identity(&seen, mesh.sidecars.into_keys().collect()),
            client: seen.client,
            ledger: collect::ledger(records.applications),
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
            ground: "processes".to_owned(),
            seed: self.options.seed,
            started_us: seen.started_us,
            finished_us: seen.finished_us,
            sidecars,
            stand_ins: Vec::new(),
        }
    }

    fn timeline<'b>(&'b self, mesh: &'b Mesh) -> Timeline<'b> {
        Timeline {
            control: &mesh.control,
            clock: self.clock,
            directory: self.directory,
            sidecars: mesh.sidecars.keys().cloned().collect(),
        }
    }

    /// Lets traffic flow and the timeline happen.
    async fn drive(&self, timeline: &Timeline<'_>, streams: Vec<Stream>, first_push: Push) -> Seen {
        let load = Load::new(
            self.host.clone(),
            self.clock,
            &self.marker,
            self.incidents.clone(),
        );
        let progress = self.progress(&streams);
        let start = Instant::now();
        let pushing = async {
            tokio::select! {
                pushes = timeline.run(&self.scenario.timeline, start) => pushes,
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

    /// The last metrics of every sidecar. After an incident some may be gone, and none are needed.
    async fn scrape(&self, mesh: &Mesh) -> BTreeMap<String, Vec<Sample>> {
        let mut metrics = BTreeMap::new();
        if !self.incidents.list().is_empty() {
            return metrics;
        }
        let client = HttpClient::new(self.host.clone());
        for (workload, sidecar) in &mesh.sidecars {
            match scrape::scrape_when_quiet(&client, &sidecar.admin).await {
                Ok(samples) => drop(metrics.insert(workload.clone(), samples)),
                Err(error) => self.incidents.report(
                    format!("{workload} sidecar"),
                    format!("its metrics cannot be read: {error}"),
                ),
            }
        }
        metrics
    }
}
