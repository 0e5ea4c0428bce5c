//! A simulated run, event by event: what the network carried, what programs recorded, and what was done to them.
//!
//! - [`words`]: what records and segments say, in a few words

mod words;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hallway_evidence::{Observations, Push, PushOutcome};
use hallway_scenario::{Scenario, Step};
use hallway_simulator::{Event, Happening, Segment, SegmentKind, Simulation};
use serde::{Deserialize, Serialize};

use words::About;

/// Something that happened in a simulated run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReplayEvent {
    /// When, counted from the start of the simulation.
    pub at: Duration,
    /// Whose doing it was: a program, such as `orders-1 sidecar`, or `timeline`.
    pub from: String,
    /// Whom it concerned; the same program when it concerned nobody else.
    pub to: String,
    /// What it was, in a few words.
    pub what: String,
    /// The request that it was about (`x-hallway-request`), where that can be told: not from the inside of TLS.
    pub request: Option<String>,
}

/// Writes down what happens in a simulation. Clones share what they wrote.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    pages: Arc<Mutex<Pages>>,
}

#[derive(Default)]
struct Pages {
    entries: Vec<Entry>,
    /// Which process listens where, by machine and address.
    listeners: BTreeMap<(String, SocketAddr), String>,
    connections: BTreeMap<u64, Talk>,
}

/// An event of which the request may not be known yet.
struct Entry {
    at: Duration,
    from: String,
    to: String,
    what: String,
    about: About,
}

/// One connection.
struct Talk {
    opener: SocketAddr,
    client: String,
    server: String,
    /// The request that it carries at the moment, when that is readable.
    request: Option<String>,
}

impl Journal {
    /// A journal of everything that happens in `simulation` from now on.
    pub(crate) fn of(simulation: &Simulation) -> Self {
        let journal = Self::default();
        let (events, segments) = (journal.clone(), journal.clone());
        simulation.on_event(move |event| events.lock().event(event));
        simulation
            .network()
            .on_segment(move |segment| segments.lock().segment(segment));
        journal
    }

    /// All of it in the order of time, with the steps of the timeline among it.
    pub(crate) fn finish(
        &self,
        scenario: &Scenario,
        observations: &Observations,
        origin_us: u64,
    ) -> Vec<ReplayEvent> {
        let mut entries = std::mem::take(&mut self.lock().entries);
        let since = |at_us: u64| Duration::from_micros(at_us.saturating_sub(origin_us));
        entries.extend(
            observations
                .pushes
                .iter()
                .map(|push| pushed(push, since(push.sent_us))),
        );
        let start = since(observations.run.started_us);
        let faults = scenario.timeline.iter().filter_map(Step::as_fault);
        entries.extend(faults.map(|step| Entry {
            at: start + step.at.to_std(),
            from: TIMELINE.to_owned(),
            to: words::befallen(&step.fault),
            what: step.fault.to_string(),
            about: About::Nothing,
        }));
        entries.sort_by_key(|entry| entry.at);
        words::resolve(entries)
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("writing down does not panic")
    }
}

/// Who takes the steps of the timeline.
const TIMELINE: &str = "timeline";

fn pushed(push: &Push, at: Duration) -> Entry {
    let outcome = match &push.outcome {
        PushOutcome::Accepted { generation } => format!("accepted as generation {generation}"),
        PushOutcome::Refused { problems } => format!("refused, {} problems", problems.len()),
    };
    Entry {
        at,
        from: TIMELINE.to_owned(),
        to: "control plane".to_owned(),
        what: format!("push {}: {outcome}", push.rules),
        about: About::Nothing,
    }
}

impl Pages {
    fn event(&mut self, event: &Event) {
        let mut note = |process: &str, what: String, about| {
            let who = words::program(process);
            self.entries.push(Entry {
                at: event.at,
                from: who.clone(),
                to: who,
                what,
                about,
            });
        };
        match &event.happening {
            Happening::Started { process } => note(process, "starts".to_owned(), About::Nothing),
            Happening::Killed { process } => note(process, "ends".to_owned(), About::Nothing),
            Happening::Paused { process } => note(process, "is paused".to_owned(), About::Nothing),
            Happening::Resumed { process } => note(process, "goes on".to_owned(), About::Nothing),
            Happening::Recorded { process, line } => {
                let (what, about) = words::record(process, line);
                note(process, what, about);
            }
            Happening::Listening { process, address } => {
                note(process, format!("listens at {address}"), About::Nothing);
                let machine = words::machine(process).to_owned();
                self.listeners.insert((machine, *address), process.to_string());
            }
            Happening::Connecting {
                process,
                connection,
                from,
                to,
            } => {
                let talk = Talk {
                    opener: *from,
                    client: words::program(process),
                    server: to.to_string(),
                    request: None,
                };
                self.connections.insert(*connection, talk);
            }
            Happening::Failed {
                process,
                connection,
                error,
            } => {
                let request = self
                    .connections
                    .get(connection)
                    .and_then(|talk| talk.request.clone());
                let about = request.map_or(About::Nothing, About::Correlation);
                note(
                    process,
                    format!("hears that connection {connection} failed: {error}"),
                    about,
                );
            }
            _ => {}
        }
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        let Some(talk) = self.connections.get_mut(&segment.connection) else {
            return;
        };
        if segment.kind == SegmentKind::Syn
            && let Some(server) = self.listeners.get(&(segment.to_machine.to_owned(), segment.to))
        {
            talk.server = words::program(server);
        }
        let number = segment.connection;
        let what = match segment.kind {
            SegmentKind::Syn => format!("opens connection {number}"),
            SegmentKind::Fin => format!("ends connection {number}"),
            SegmentKind::Rst => format!("resets connection {number}"),
            SegmentKind::Data => {
                if let Some(request) = words::correlation(segment.bytes) {
                    talk.request = Some(request);
                }
                words::data(segment.bytes)
            }
            SegmentKind::SynAck | SegmentKind::Ack => return,
        };
        let (from, to) = match segment.from == talk.opener {
            true => (&talk.client, &talk.server),
            false => (&talk.server, &talk.client),
        };
        self.entries.push(Entry {
            at: segment.at,
            from: from.clone(),
            to: to.clone(),
            what,
            about: talk.request.clone().map_or(About::Nothing, About::Correlation),
        });
    }
}
