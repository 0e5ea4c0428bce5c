//! What proxies have counted of their requests, by status class. Pure.

use std::collections::BTreeMap;

use hallway_evidence::Sample;
use hallway_model::telemetry::Direction;
use serde::Serialize;

/// What each proxy has counted, by workload.
pub type Counts = BTreeMap<String, ProxyCounts>;

/// What one proxy has counted.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ProxyCounts {
    /// Requests that have ended.
    pub requests: BTreeMap<Direction, BTreeMap<StatusClass, u64>>,
    /// Connections whose handshake it refused: no request came of them.
    pub refused_handshakes: u64,
}

/// How a request ended: the first digit of its status.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[expect(missing_docs, reason = "RFC 9110, section 15, says what each class means")]
pub enum StatusClass {
    #[serde(rename = "1xx")]
    Informational,
    #[serde(rename = "2xx")]
    Successful,
    #[serde(rename = "3xx")]
    Redirection,
    #[serde(rename = "4xx")]
    ClientError,
    #[serde(rename = "5xx")]
    ServerError,
    /// Without a status: whoever asked went away.
    #[serde(rename = "none")]
    None,
}

impl StatusClass {
    /// Such as `2xx`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "1xx",
            Self::Successful => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
            Self::None => "none",
        }
    }

    /// The class of a status; proxies write 0 where there was none.
    fn of(status: &str) -> Self {
        match (status.len(), status.as_bytes().first()) {
            (3, Some(b'1')) => Self::Informational,
            (3, Some(b'2')) => Self::Successful,
            (3, Some(b'3')) => Self::Redirection,
            (3, Some(b'4')) => Self::ClientError,
            (3, Some(b'5')) => Self::ServerError,
            _ => Self::None,
        }
    }
}

impl ProxyCounts {
    /// The sum of what a scrape shows.
    pub(super) fn of(samples: &[Sample]) -> Self {
        let mut counts = Self::default();
        for sample in samples {
            let count = whole(sample.value);
            let label = |name: &str| sample.labels.get(name).map_or("", String::as_str);
            match (sample.name.as_str(), direction(label("direction"))) {
                ("hallway_requests_total", Some(direction)) => {
                    let class = StatusClass::of(label("response_code"));
                    let classes = counts.requests.entry(direction).or_default();
                    *classes.entry(class).or_default() += count;
                }
                ("hallway_handshake_refusals_total", _) => counts.refused_handshakes += count,
                _ => {}
            }
        }
        counts
    }

    /// All requests, in whatever direction.
    pub fn total(&self) -> u64 {
        self.requests.values().flat_map(BTreeMap::values).sum()
    }
}

fn direction(word: &str) -> Option<Direction> {
    let all = [Direction::Outbound, Direction::Inbound, Direction::Gateway];
    all.into_iter().find(|direction| direction.as_str() == word)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters are whole numbers from 0 on"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use hallway_evidence::Sample;
    use serde_json::json;

    use super::ProxyCounts;

    fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Sample {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Sample {
            name: name.to_owned(),
            labels: labels.collect(),
            value,
        }
    }

    #[test]
    fn requests_are_added_up_by_direction_and_class_and_nothing_else_is() {
        let requests = |direction, code, value| {
            let labels = [
                ("direction", direction),
                ("response_code", code),
                ("route", "any"),
            ];
            sample("hallway_requests_total", &labels, value)
        };
        let counts = ProxyCounts::of(&[
            requests("inbound", "200", 3.0),
            requests("inbound", "204", 4.0),
            requests("inbound", "503", 1.0),
            requests("outbound", "0", 2.0),
            requests("gateway", "404", 5.0),
            sample(
                "hallway_attempts_total",
                &[("direction", "inbound"), ("response_code", "200")],
                99.0,
            ),
            sample(
                "hallway_handshake_refusals_total",
                &[("direction", "inbound"), ("reason", "expired")],
                1.0,
            ),
            sample(
                "hallway_handshake_refusals_total",
                &[("direction", "inbound"), ("reason", "plaintext")],
                2.0,
            ),
        ]);
        let expected = json!({
            "requests": {
                "outbound": { "none": 2 },
                "inbound": { "2xx": 7, "5xx": 1 },
                "gateway": { "4xx": 5 },
            },
            "refused_handshakes": 3,
        });
        assert_eq!(serde_json::to_value(&counts).unwrap(), expected);
        assert_eq!(counts.total(), 15);
    }
}
