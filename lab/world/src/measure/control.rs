//! What a control plane costs when very many proxies follow it.
//!
//! The control plane is a real process, and the proxies speak to it over loopback with the certificates and messages of sidecars, since the
//! simulator knows no CPU time. They put nothing in force: what is measured is the control plane.
//!
//! - `subject`: the control plane that is measured, and its operator; `proxies`: those who follow it

mod proxies;
mod subject;

use std::time::Duration;

use hallway_host::Host;
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use self::proxies::{Heard, Proxies};
use self::subject::Subject;
use super::Spread;
use super::process::Memory;
use crate::error::WorldError;
use crate::incidents::Incidents;
use crate::options::Options;
use crate::players::Players;
use crate::processes::Processes;

/// So many endpoints change in a burst.
const BURST: u32 = 100;

/// Nothing takes longer, unless it is broken.
const WITHIN: Duration = Duration::from_secs(120);

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// How many proxies follow the control plane; at most 1,024, for it takes no more.
    pub proxies: u32,
    /// How often everything happens, but for what can happen only once.
    pub times: u32,
}

/// What happens to the mesh.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// All proxies ask for a certificate at once.
    Join,
    /// All open their streams at once for the first time.
    InitialLoad,
    /// One workload moves.
    EndpointChange,
    /// The same, when every proxy answers over a new connection.
    EndpointChangeAnsweredAnew,
    /// A route is changed.
    RuleChange,
    /// A hundred workloads move, as fast as the control plane can be told.
    Burst,
    /// All streams break off, and are opened again at once.
    StreamsDrop,
    /// The control plane dies, starts, and is told of all workloads and rules.
    Restart,
}

/// What it costs when something happens.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Measured {
    /// What.
    pub event: Event,
    /// Until the last proxy's answer has arrived.
    pub seconds: Spread<f64>,
    /// CPU time of the control plane, kernel included, in milliseconds; absent where the system does not tell.
    pub cpu_ms: Option<Spread<f64>>,
    /// Updates that a proxy gets.
    pub updates_per_proxy: f64,
    /// Their bytes, without those of HTTP and TLS.
    pub bytes_per_proxy: f64,
}

/// All that was measured of one control plane.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The proxies, each of which stands for a workload.
    pub proxies: u32,
    /// The services that they make up; each has one route table and one cluster.
    pub services: u32,
    /// How often everything happened, but for what can happen only once.
    pub times: u32,
    /// What happened, in this order.
    pub events: Vec<Measured>,
    /// Memory of the control plane with all proxies connected, after everything but its restart; absent where the system does not tell.
    pub memory: Option<Memory>,
}

/// Measures a control plane with its proxies, and tells of each event as soon as it is measured. No process is left when it returns.
///
/// # Errors
/// [`WorldError`], when it could not be measured; [`WorldError::Cancelled`] as soon as possible after `cancel`.
pub async fn control(
    options: &Options,
    order: Order,
    each: impl FnMut(&Measured),
    cancel: CancellationToken,
) -> Result<Figures, WorldError> {
    let host = Host::real_unseeded();
    let incidents = Incidents::default();
    let nobody = Players::default();
    let processes = Processes::new(
        host.clone(),
        options.languages.hallway(),
        nobody,
        incidents.clone(),
    );
    let measuring = async {
        let subject = Subject::start(host.clone(), &processes, order.proxies).await?;
        let proxies = Proxies::new(&host, subject.address(), subject.workloads())
            .map_err(|error| failed("be trusted", &*error))?;
        let mut bench = Bench {
            order,
            subject,
            proxies,
        };
        bench.measure_all(&host, each).await
    };
    let measured = tokio::select! {
        measured = measuring => measured,
        incident = incidents.first() => Err(WorldError::Incident(incident)),
        () = cancel.cancelled() => Err(WorldError::Cancelled),
    };
    processes.stop().await;
    measured
}

/// A control plane that is being measured.
struct Bench<'a> {
    order: Order,
    subject: Subject<'a>,
    proxies: Proxies,
}

/// The moment when something begins.
struct Beginning {
    at: Instant,
    cpu: Option<Duration>,
}

/// What was measured once.
struct Sample {
    seconds: f64,
    cpu: Option<Duration>,
    heard: Heard,
}

impl Bench<'_> {
    async fn measure_all(
        &mut self,
        host: &Host,
        mut each: impl FnMut(&Measured),
    ) -> Result<Figures, WorldError> {
        let mut events = Vec::new();
        let mut tell = |measured: Measured| {
            each(&measured);
            events.push(measured);
        };
        tell(self.join().await?);
        self.subject.restore().await?;
        self.subject.push_rules().await?;
        let beginning = self.begin(self.subject.place_in_words());
        let _following = self.proxies.follow(host);
        let loaded = self.end(&beginning).await?;
        tell(self.summary(Event::InitialLoad, &[loaded]));
        for event in [
            Event::EndpointChange,
            Event::EndpointChangeAnsweredAnew,
            Event::RuleChange,
            Event::Burst,
            Event::StreamsDrop,
        ] {
            tell(self.repeat(event).await?);
        }
        let memory = self.subject.memory();
        tell(self.repeat(Event::Restart).await?);
        Ok(Figures {
            proxies: self.order.proxies,
            services: self.subject.services(),
            times: self.order.times,
            events,
            memory,
        })
    }

    async fn join(&self) -> Result<Measured, WorldError> {
        let registered = self.subject.register().await?;
        let beginning = self.begin(String::new());
        timeout(WITHIN, self.proxies.join(&registered))
            .await
            .map_err(|_| late())?
            .map_err(|error| failed("issue a certificate", &*error))?;
        let joined = self.sample(&beginning, Heard::default());
        Ok(self.summary(Event::Join, &[joined]))
    }

    async fn repeat(&mut self, event: Event) -> Result<Measured, WorldError> {
        let anew = event == Event::EndpointChangeAnsweredAnew;
        self.proxies.connect_anew(anew);
        let mut samples = Vec::new();
        for _ in 0..self.order.times {
            samples.push(self.once(event).await?);
        }
        Ok(self.summary(event, &samples))
    }

    async fn once(&mut self, event: Event) -> Result<Sample, WorldError> {
        self.subject.begin_generation();
        let words = match event {
            Event::RuleChange => self.subject.rules_in_words(),
            // Nothing changes; every proxy gets everything once more.
            Event::StreamsDrop => String::new(),
            _ => self.subject.place_in_words(),
        };
        let mut beginning = self.begin(words);
        match event {
            Event::EndpointChange | Event::EndpointChangeAnsweredAnew => self.subject.place(0).await?,
            Event::RuleChange => self.subject.push_rules().await?,
            Event::Burst => {
                for index in (0..BURST.min(self.order.proxies)).rev() {
                    self.subject.place(index).await?;
                }
            }
            Event::StreamsDrop => self.proxies.drop_streams(),
            Event::Restart => {
                beginning.cpu = Some(Duration::ZERO);
                self.subject.restart().await?;
            }
            Event::Join | Event::InitialLoad => unreachable!("it happens only once"),
        }
        self.end(&beginning).await
    }

    /// Something begins; it has reached a proxy when that has an update that holds `words`.
    fn begin(&self, words: String) -> Beginning {
        self.proxies.look_for(words);
        Beginning {
            at: Instant::now(),
            cpu: self.subject.cpu_time(),
        }
    }

    /// Waits until it has reached all proxies.
    async fn end(&self, beginning: &Beginning) -> Result<Sample, WorldError> {
        let heard = timeout(WITHIN, self.proxies.current()).await;
        Ok(self.sample(beginning, heard.map_err(|_| late())?))
    }

    fn sample(&self, beginning: &Beginning, heard: Heard) -> Sample {
        let cpu = Option::zip(self.subject.cpu_time(), beginning.cpu);
        Sample {
            seconds: beginning.at.elapsed().as_secs_f64(),
            cpu: cpu.map(|(now, before)| now.saturating_sub(before)),
            heard,
        }
    }

    fn summary(&self, event: Event, samples: &[Sample]) -> Measured {
        let spread = |of: fn(&Sample) -> f64| {
            Spread::of(samples.iter().map(of)).expect("everything happens at least once")
        };
        let cpu = samples.iter().filter_map(|sample| sample.cpu);
        let proxies = f64::from(self.order.proxies);
        Measured {
            event,
            seconds: spread(|sample| sample.seconds),
            cpu_ms: Spread::of(cpu.map(|cpu| cpu.as_secs_f64() * 1e3)),
            updates_per_proxy: spread(|sample| sample.heard.updates as f64).median / proxies,
            bytes_per_proxy: spread(|sample| sample.heard.bytes as f64).median / proxies,
        }
    }
}

fn failed(what: &str, reason: &dyn std::error::Error) -> WorldError {
    WorldError::ControlPlane {
        what: what.to_owned(),
        reason: reason.to_string(),
    }
}

fn late() -> WorldError {
    WorldError::NotReady {
        who: "the control plane".to_owned(),
        seconds: WITHIN.as_secs(),
        waiting_for: "all proxies to have an update".to_owned(),
    }
}
