//! What is measured, of which setups, and of whom.

use std::time::Duration;

use serde::Serialize;

use crate::setup::{Protocol, Setup};
use crate::subject::Subject;

/// What can be asked for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Measurement {
    /// CPU per request, requests per second and memory, with 64 requests at once.
    Cpu,
    /// Latency at a fixed rate.
    Latency,
    /// 1 MiB down and up.
    Bulk,
    /// 1,000 connections that wait.
    Idle,
    /// New connections with mutual TLS.
    Connections,
    /// CPU with a line of log for each request.
    AccessLog,
    /// CPU with HTTP/2 from client to application.
    Http2,
    /// CPU with unary gRPC.
    Grpc,
    /// CPU with 10 to 10,000 routes.
    Routes,
    /// CPU with 1 to 1,000 endpoints.
    Endpoints,
}

/// What belongs together in the result.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// 1 KiB of JSON over HTTP/1.1.
    Standard,
    /// The same, with access logs.
    AccessLog,
    /// The same, with HTTP/2 from client to application.
    Http2,
    /// Unary gRPC.
    Grpc,
    /// Connections that wait, and new ones.
    Connections,
    /// By the number of routes.
    Routes,
    /// By the number of endpoints.
    Endpoints,
}

/// What is done with a pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Throughput,
    Latency,
    Bulk,
    Hold,
    Handshakes,
}

/// One setup, and what is done with each pair that is set up so, in this order.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) topic: Topic,
    pub(crate) setup: Setup,
    pub(crate) actions: Vec<Action>,
}

/// By how much an endpoint prolongs the time before it counts.
const WARM_UP_PER_ENDPOINT: Duration = Duration::from_millis(5);
/// How many rounds the long rows of routes and endpoints get.
pub(crate) const ROUNDS_OF_ROWS: u32 = 3;

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durations {
    /// Before it counts.
    pub(crate) warm_up: Duration,
    /// Each measurement.
    pub(crate) window: Duration,
}

impl Measurement {
    /// All of them, with their names on the command line.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Cpu, "cpu"),
        (Self::Latency, "latency"),
        (Self::Bulk, "bulk"),
        (Self::Idle, "idle"),
        (Self::Connections, "connections"),
        (Self::AccessLog, "access-log"),
        (Self::Http2, "http2"),
        (Self::Grpc, "grpc"),
        (Self::Routes, "routes"),
        (Self::Endpoints, "endpoints"),
    ];

    /// Those that are measured when nobody says which. A quick bench leaves out what differs least from what it has.
    pub fn by_default(quick: bool) -> Vec<Self> {
        let left_out = |measurement| quick && matches!(measurement, Self::Http2 | Self::Routes);
        let all = Self::ALL.into_iter().map(|(measurement, _)| measurement);
        all.filter(|measurement| !left_out(*measurement)).collect()
    }
}

impl Durations {
    /// What all measurements have in common.
    pub(crate) fn of(quick: bool) -> Self {
        match quick {
            true => Self {
                warm_up: Duration::from_millis(200),
                window: Duration::from_millis(500),
            },
            false => Self {
                warm_up: Duration::from_millis(500),
                window: Duration::from_secs(2),
            },
        }
    }

    /// The same for `setup`: it takes a while until there are connections to every endpoint.
    pub(crate) fn with(self, setup: Setup) -> Self {
        Self {
            warm_up: self.warm_up + WARM_UP_PER_ENDPOINT * (setup.endpoints - 1),
            ..self
        }
    }
}

impl Case {
    /// Those that answer to what is asked for. A quick bench takes one number of routes and of endpoints instead of four.
    pub(crate) fn plan(wanted: &[Measurement], quick: bool) -> Vec<Self> {
        let standard = Setup::STANDARD;
        let case = |topic, setup, actions: &[(Measurement, Action)]| Self {
            topic,
            setup,
            actions: actions
                .iter()
                .filter(|(measurement, _)| wanted.contains(measurement))
                .map(|(_, action)| *action)
                .collect(),
        };
        let speaking = |protocol| Setup { protocol, ..standard };
        let (routes, endpoints): (&[u32], &[u32]) = match quick {
            true => (&[1_000], &[100]),
            false => (&[10, 100, 1_000, 10_000], &[1, 10, 100, 1_000]),
        };
        let mut cases = vec![
            case(
                Topic::Standard,
                standard,
                &[
                    (Measurement::Cpu, Action::Throughput),
                    (Measurement::Latency, Action::Latency),
                    (Measurement::Bulk, Action::Bulk),
                ],
            ),
            case(
                Topic::AccessLog,
                Setup {
                    access_log: true,
                    ..standard
                },
                &[(Measurement::AccessLog, Action::Throughput)],
            ),
            case(
                Topic::Http2,
                speaking(Protocol::Http2),
                &[(Measurement::Http2, Action::Throughput)],
            ),
            case(
                Topic::Grpc,
                speaking(Protocol::Grpc),
                &[(Measurement::Grpc, Action::Throughput)],
            ),
            case(
                Topic::Connections,
                standard,
                &[
                    (Measurement::Idle, Action::Hold),
                    (Measurement::Connections, Action::Handshakes),
                ],
            ),
        ];
        cases.extend(routes.iter().map(|routes| {
            let setup = Setup {
                routes: *routes,
                ..standard
            };
            case(Topic::Routes, setup, &[(Measurement::Routes, Action::Throughput)])
        }));
        cases.extend(endpoints.iter().map(|endpoints| {
            let setup = Setup {
                endpoints: *endpoints,
                ..standard
            };
            case(
                Topic::Endpoints,
                setup,
                &[(Measurement::Endpoints, Action::Throughput)],
            )
        }));
        cases.retain(|case| !case.actions.is_empty());
        cases
    }

    /// How many of so many rounds it takes part in.
    pub(crate) fn rounds(&self, all: u32) -> u32 {
        match self.topic {
            Topic::Routes | Topic::Endpoints => all.min(ROUNDS_OF_ROWS),
            _ => all,
        }
    }

    /// Whether the case says anything about `subject`.
    pub(crate) fn concerns(&self, subject: Subject) -> bool {
        match self.topic {
            Topic::Standard => true,
            Topic::AccessLog | Topic::Routes | Topic::Endpoints => subject.is_proxy(),
            Topic::Http2 | Topic::Grpc => subject.carries_http2(),
            Topic::Connections => subject != Subject::Direct,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Action, Case, Durations, Measurement, Topic};
    use crate::setup::Setup;
    use crate::subject::Subject;

    fn everything() -> Vec<Measurement> {
        Measurement::by_default(false)
    }

    #[test]
    fn everything_is_planned_once_and_only_what_is_asked_for() {
        let all = Case::plan(&everything(), false);
        assert_eq!(all.len(), 5 + 4 + 4);
        assert_eq!(Case::plan(&everything(), true).len(), 5 + 1 + 1);
        assert_eq!(Case::plan(&Measurement::by_default(true), true).len(), 5);
        let idle = Case::plan(&[Measurement::Idle], false);
        assert_eq!(idle.len(), 1);
        assert_eq!(
            (idle[0].topic, idle[0].actions.as_slice()),
            (Topic::Connections, [Action::Hold].as_slice())
        );
    }

    #[test]
    fn rows_get_three_rounds_and_many_endpoints_more_time() {
        let cases = Case::plan(&everything(), false);
        let rounds: u32 = cases.iter().map(|case| case.rounds(7)).sum();
        assert_eq!(rounds, 5 * 7 + 8 * 3);
        let last = cases.last().expect("planned");
        assert_eq!(last.setup.endpoints, 1_000);
        let durations = Durations::of(false);
        assert!(durations.with(last.setup).warm_up > Duration::from_secs(5));
        assert_eq!(durations.with(Setup::STANDARD).warm_up, durations.warm_up);
    }

    #[test]
    fn cases_leave_out_whom_they_do_not_concern() {
        let concerned = |topic| {
            let cases = Case::plan(&everything(), true);
            let case = cases
                .iter()
                .find(|case| case.topic == topic)
                .expect("planned")
                .clone();
            Subject::ALL
                .into_iter()
                .filter(|subject| case.concerns(*subject))
                .count()
        };
        assert_eq!(concerned(Topic::Standard), Subject::ALL.len());
        assert_eq!(concerned(Topic::Routes), Subject::ALL.len() - 3);
        assert_eq!(concerned(Topic::Grpc), 6);
    }
}
