//! What all rounds gave.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::metric::Metric;
use crate::plan::Topic;
use crate::setup::Setup;
use crate::statistics::Spread;
use crate::subject::Subject;

/// What all rounds gave of one setup.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// What it belongs to.
    pub topic: Topic,
    /// What the pairs were asked to do.
    pub setup: Setup,
    /// Everybody's figures.
    #[serde(serialize_with = "as_list")]
    figures: BTreeMap<(Subject, Metric), Vec<f64>>,
}

/// Latencies, and what they are called when that without sidecars is subtracted.
const ADDED: [(Metric, Metric); 3] = [
    (Metric::LatencyP50, Metric::AddedP50),
    (Metric::LatencyP90, Metric::AddedP90),
    (Metric::LatencyP99, Metric::AddedP99),
];

impl Results {
    pub(crate) fn new(topic: Topic, setup: Setup) -> Self {
        Self {
            topic,
            setup,
            figures: BTreeMap::new(),
        }
    }

    /// Takes what one round gave; all rounds give the same kinds of figures.
    pub(crate) fn add(&mut self, subject: Subject, figures: impl IntoIterator<Item = (Metric, f64)>) {
        for (metric, value) in figures {
            self.figures.entry((subject, metric)).or_default().push(value);
        }
    }

    /// Says what sidecars add to the latency, round by round.
    pub(crate) fn subtract_direct(&mut self) {
        for (latency, added) in ADDED {
            let Some(direct) = self.figures.get(&(Subject::Direct, latency)).cloned() else {
                continue;
            };
            for subject in Subject::ALL
                .into_iter()
                .filter(|subject| *subject != Subject::Direct)
            {
                if let Some(rounds) = self.figures.get(&(subject, latency)) {
                    let difference = rounds.iter().zip(&direct).map(|(own, direct)| own - direct);
                    let difference = difference.collect();
                    self.figures.insert((subject, added), difference);
                }
            }
        }
    }

    /// A figure, if it was measured.
    pub fn get(&self, subject: Subject, metric: Metric) -> Option<Spread> {
        self.figures.get(&(subject, metric)).cloned().map(Spread::of)
    }

    /// A figure of `subject` divided by the same of `other`, round by round: what disturbed a round disturbed both.
    pub fn ratio(&self, metric: Metric, subject: Subject, other: Subject) -> Option<Spread> {
        let (own, others) = (
            self.figures.get(&(subject, metric))?,
            self.figures.get(&(other, metric))?,
        );
        Some(Spread::of(
            own.iter().zip(others).map(|(own, other)| own / other).collect(),
        ))
    }

    /// Who was measured.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        Subject::ALL
            .into_iter()
            .filter(|subject| self.figures.keys().any(|(measured, _)| measured == subject))
    }

    /// Whether anybody has this figure.
    pub fn has(&self, metric: Metric) -> bool {
        self.figures.keys().any(|(_, measured)| *measured == metric)
    }
}

fn as_list<S: serde::Serializer>(
    figures: &BTreeMap<(Subject, Metric), Vec<f64>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Figure {
        subject: Subject,
        metric: Metric,
        #[serde(flatten)]
        spread: Spread,
    }
    serializer.collect_seq(figures.iter().map(|((subject, metric), rounds)| Figure {
        subject: *subject,
        metric: *metric,
        spread: Spread::of(rounds.clone()),
    }))
}

#[cfg(test)]
mod tests {
    use super::Results;
    use crate::metric::Metric;
    use crate::plan::Topic;
    use crate::setup::Setup;
    use crate::subject::Subject;

    #[test]
    fn ratios_and_differences_are_taken_round_by_round() {
        let mut results = Results::new(Topic::Standard, Setup::STANDARD);
        for (direct, hallway, nginx) in [(10.0, 110.0, 220.0), (20.0, 40.0, 160.0), (10.0, 60.0, 60.0)] {
            results.add(Subject::Direct, [(Metric::LatencyP50, direct)]);
            results.add(Subject::Hallway, [(Metric::LatencyP50, hallway)]);
            results.add(Subject::Nginx, [(Metric::LatencyP50, nginx)]);
        }
        results.subtract_direct();
        let added = results.get(Subject::Hallway, Metric::AddedP50).expect("measured");
        assert_eq!(added.rounds, [100.0, 20.0, 50.0]);
        let ratio = results.ratio(Metric::LatencyP50, Subject::Nginx, Subject::Hallway);
        assert_eq!(ratio.expect("measured").rounds, [2.0, 4.0, 1.0]);
        assert!(results.get(Subject::Direct, Metric::AddedP50).is_none());
        assert!(
            results
                .ratio(Metric::CpuPerRequest, Subject::Nginx, Subject::Hallway)
                .is_none()
        );
    }
}
