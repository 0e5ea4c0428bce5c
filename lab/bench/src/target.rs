//! What Hallway has to reach beside its peers.

use serde::Serialize;

use crate::metric::Metric;
use crate::plan::Topic;
use crate::results::Results;
use crate::statistics::Spread;
use crate::subject::Subject;

/// How many rounds it takes until a median counts.
pub const ROUNDS_THAT_COUNT: usize = 5;

/// A target, and what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// What it is about.
    pub what: String,
    /// What is to be reached.
    pub wanted: Wanted,
    /// What was.
    pub measured: Spread,
    /// Whether the median reaches it; absent when the rounds are too few to say.
    pub reached: Option<bool>,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// So much, or more.
    AtLeast(f64),
    /// So much, or less.
    AtMost(f64),
}

/// CPU per request of a peer, divided by Hallway's.
const CPU_RATIOS: [(Subject, f64); 6] = [
    (Subject::EnvoyHttp1, 3.5),
    (Subject::EnvoyHttp2, 2.5),
    (Subject::HaproxyHttp1, 1.4),
    (Subject::Nginx, 1.2),
    (Subject::HaproxyHttp2, 1.0),
    (Subject::TlsSplice, 0.75),
];

/// MB of resident memory for each sidecar.
const MEMORY_MB: f64 = 20.0;
/// What a pair adds to the median latency, divided by what the TLS splice adds.
const ADDED_RATIO: f64 = 1.4;

/// All targets about which something was measured.
pub(crate) fn outcomes(results: &[Results]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let with_cpu = results
        .iter()
        .filter(|results| matches!(results.topic, Topic::Standard | Topic::AccessLog));
    for results in with_cpu {
        let logs = match results.topic {
            Topic::AccessLog => ", access logs on",
            _ => "",
        };
        outcomes.extend(CPU_RATIOS.into_iter().filter_map(|(peer, wanted)| {
            let measured = results.ratio(Metric::CpuPerRequest, peer, Subject::Hallway)?;
            let what = format!("CPU per request, {} ÷ hallway{logs}", peer.name());
            Some(Outcome::new(what, Wanted::AtLeast(wanted), measured))
        }));
        if let Some(measured) = results.get(Subject::Hallway, Metric::MemoryLoaded) {
            let what = format!("resident MB of a loaded sidecar{logs}");
            outcomes.push(Outcome::new(what, Wanted::AtMost(MEMORY_MB), measured));
        }
        if let Some(measured) = results.ratio(Metric::AddedP50, Subject::Hallway, Subject::TlsSplice) {
            let what = "added p50 at 800/s, hallway ÷ tls-splice".to_owned();
            outcomes.push(Outcome::new(what, Wanted::AtMost(ADDED_RATIO), measured));
        }
    }
    outcomes
}

impl Outcome {
    fn new(what: String, wanted: Wanted, measured: Spread) -> Self {
        let enough = measured.rounds.len() >= ROUNDS_THAT_COUNT;
        Self {
            reached: enough.then(|| wanted.is_met_by(measured.median)),
            what,
            wanted,
            measured,
        }
    }
}

impl Wanted {
    fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(formatter, "≥ {least}"),
            Self::AtMost(most) => write!(formatter, "≤ {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::outcomes;
    use crate::metric::Metric;
    use crate::plan::Topic;
    use crate::results::Results;
    use crate::setup::Setup;
    use crate::subject::Subject;

    fn measured(rounds: usize, envoy: f64, memory: f64) -> Vec<(String, Option<bool>)> {
        let mut results = Results::new(Topic::Standard, Setup::STANDARD);
        for _ in 0..rounds {
            results.add(Subject::EnvoyHttp1, [(Metric::CpuPerRequest, envoy)]);
            results.add(
                Subject::Hallway,
                [(Metric::CpuPerRequest, 100.0), (Metric::MemoryLoaded, memory)],
            );
        }
        outcomes(&[results])
            .into_iter()
            .map(|outcome| (outcome.what, outcome.reached))
            .collect()
    }

    #[test]
    fn a_target_is_reached_by_the_median_of_enough_rounds() {
        let (cpu, memory) = (
            "CPU per request, envoy-http1 ÷ hallway",
            "resident MB of a loaded sidecar",
        );
        let expected = |first, second| vec![(cpu.to_owned(), first), (memory.to_owned(), second)];
        assert_eq!(measured(5, 350.0, 20.1), expected(Some(true), Some(false)));
        assert_eq!(measured(5, 349.0, 20.0), expected(Some(false), Some(true)));
        assert_eq!(measured(4, 500.0, 10.0), expected(None, None));
    }
}
