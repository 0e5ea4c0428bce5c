//! `latency`: a percentile by the nearest-rank method, from the intended start to the outcome.
//!
//! Without `status`, every outcome counts with the time that it took. With it, requests with another outcome count
//! against the check: as infinitely long for `at_most`, as no time at all for `at_least`.

use hallway_evidence::ClientRecord;
use hallway_scenario::check::{Latency, Percentile};

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::SAMPLES;
use crate::text;
use crate::verdict::{Finding, NoEvidence};
use crate::window;

impl Judge for Latency {
    fn expected(&self) -> String {
        let bounds = [
            self.at_least.map(|bound| format!("at least {bound}")),
            self.at_most.map(|bound| format!("at most {bound}")),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        let status = self
            .status
            .map(|status| format!(" with {status}"))
            .unwrap_or_default();
        format!(
            "{} of {}{status} {}{}",
            name(self.percentile),
            self.traffic,
            text::list(&bounds),
            window::words(self.during.as_ref())
        )
    }

    fn witness(&self) -> String {
        "the client, from the intended start".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let requests = evidence.requests_during(&self.traffic, self.during.as_ref())?;
        let counts = |request: &ClientRecord| self.status.is_none() || request.status() == self.status;
        let counted = requests.iter().filter(|request| counts(request)).count();
        if counted == 0 {
            let requests = text::plural(requests.len() as u64, "request");
            return NoEvidence::because(format!("none of {requests} has the status in question"));
        }
        let latencies = |other: u64| {
            ranked(&requests, |request| {
                if counts(request) {
                    request.latency_us()
                } else {
                    other
                }
            })
        };
        let (against_most, against_least) = (latencies(u64::MAX), latencies(0));
        let longest = nearest_rank(&against_most, self.percentile);
        let shortest = nearest_rank(&against_least, self.percentile);
        let too_long = self
            .at_most
            .is_some_and(|bound| u128::from(longest.0) > bound.to_std().as_micros());
        let too_short = self
            .at_least
            .is_some_and(|bound| u128::from(shortest.0) < bound.to_std().as_micros());
        let (latency, ranking) = if too_short {
            (shortest, &against_least)
        } else {
            (longest, &against_most)
        };
        let saw = format!("{} {}", name(self.percentile), words(latency.0));
        let missing = requests.len() - counted;
        let detail = (missing > 0).then(|| format!("{} of {} had another outcome", missing, requests.len()));
        Ok(Finding {
            held: !too_long && !too_short,
            saw,
            detail: detail.into_iter().collect(),
            samples: around(ranking, latency, too_short),
            ..Finding::default()
        })
    }
}

/// The latency of a request, and its id.
type Ranked<'a> = (u64, &'a str);

fn ranked<'a>(requests: &[&'a ClientRecord], latency: impl Fn(&ClientRecord) -> u64) -> Vec<Ranked<'a>> {
    let mut ranked: Vec<Ranked<'a>> = requests
        .iter()
        .map(|request| (latency(request), request.correlation.as_str()))
        .collect();
    ranked.sort_unstable();
    ranked
}

fn nearest_rank<'a>(ranked: &[Ranked<'a>], percentile: Percentile) -> Ranked<'a> {
    let percent = match percentile {
        Percentile::P50 => 50,
        Percentile::P90 => 90,
        Percentile::P99 => 99,
        Percentile::Max => 100,
    };
    ranked[(ranked.len() * percent).div_ceil(100) - 1]
}

/// The request at the percentile and those beyond it: quicker ones when it is too short, else slower ones.
fn around(ranked: &[Ranked<'_>], at: Ranked<'_>, quicker: bool) -> Vec<String> {
    let position = ranked
        .binary_search(&at)
        .expect("the percentile is one of the latencies");
    let id = |(_, correlation): &Ranked<'_>| (*correlation).to_owned();
    if quicker {
        ranked[..=position].iter().rev().take(SAMPLES).map(id).collect()
    } else {
        ranked[position..].iter().take(SAMPLES).map(id).collect()
    }
}

fn words(latency_us: u64) -> String {
    match latency_us {
        u64::MAX => "is beyond the answers with the status".to_owned(),
        latency => text::duration(latency),
    }
}

fn name(percentile: Percentile) -> &'static str {
    match percentile {
        Percentile::P50 => "p50",
        Percentile::P90 => "p90",
        Percentile::P99 => "p99",
        Percentile::Max => "maximum",
    }
}
