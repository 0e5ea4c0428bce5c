//! `split`: how the first attempts were divided among services, each share by an exact two-sided binomial test at
//! [`ERROR_RATE`]. First attempts at services that are not named do not count.

use hallway_evidence::LedgerEntry;
use hallway_scenario::check::Split;
use hallway_scenario::statistics::{ERROR_RATE, two_sided_p_value};

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::SAMPLES;
use crate::text;
use crate::verdict::{Finding, NoEvidence};
use crate::window;

/// One service's part of the first attempts.
struct Part<'a> {
    service: &'a str,
    expected: f64,
    count: u64,
    p_value: f64,
}

impl Judge for Split {
    fn expected(&self) -> String {
        let shares = shares(self).map(|(service, share)| format!("{service} {}", exact_percent(share)));
        let part = window::words(self.during.as_ref());
        format!(
            "{} of {}{part}",
            shares.collect::<Vec<_>>().join(", "),
            self.traffic
        )
    }

    fn witness(&self) -> String {
        format!(
            "the ledgers of {}",
            text::list(&self.expect.keys().collect::<Vec<_>>())
        )
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let requests = evidence.requests_during(&self.traffic, self.during.as_ref())?;
        let is_named = |entry: &LedgerEntry| self.expect.contains_key(&entry.received.service);
        let attempts = evidence.first_attempts(&requests, is_named);
        let whole = attempts.len() as u64;
        if whole < u64::from(self.sample).max(1) {
            let (attempts, needed) = (
                text::plural(whole, "first attempt"),
                text::count(self.sample.into()),
            );
            return NoEvidence::because(format!(
                "{attempts} in that part of the run, where {needed} are needed"
            ));
        }
        let parts: Vec<Part<'_>> = shares(self).map(|share| part(share, &attempts)).collect();
        let worst = parts
            .iter()
            .min_by(|one, other| one.p_value.total_cmp(&other.p_value));
        let worst = worst.expect("a first attempt was found, so a service is named");
        let held = worst.p_value >= ERROR_RATE;
        let shares: Vec<String> = parts.iter().map(|part| words(part, whole)).collect();
        Ok(Finding {
            held,
            saw: format!("{}: {}", text::plural(whole, "first attempt"), shares.join(", ")),
            p_value: Some(worst.p_value),
            samples: samples(&attempts, most_excessive(&parts, whole)),
            ..Finding::default()
        })
    }
}

/// The expected shares, by service.
fn shares(split: &Split) -> impl Iterator<Item = (&str, f64)> {
    let sum: f64 = split.expect.values().copied().map(f64::from).sum();
    split
        .expect
        .iter()
        .map(move |(service, weight)| (service.as_str(), f64::from(*weight) / sum))
}

fn part<'a>((service, expected): (&'a str, f64), attempts: &[&LedgerEntry]) -> Part<'a> {
    let count = attempts
        .iter()
        .filter(|entry| entry.received.service == service)
        .count() as u64;
    Part {
        service,
        expected,
        count,
        p_value: two_sided_p_value(count, attempts.len() as u64, expected),
    }
}

/// `payments-v2 11.0% (110)`; with what it should be where that is refuted.
fn words(part: &Part<'_>, whole: u64) -> String {
    let share = format!(
        "{} {} ({})",
        part.service,
        text::percent(part.count, whole),
        text::count(part.count)
    );
    match part.p_value < ERROR_RATE {
        true => format!("{share} instead of {}", exact_percent(part.expected)),
        false => share,
    }
}

/// The service that got the most beyond its share: its requests show what is wrong.
fn most_excessive<'a>(parts: &[Part<'a>], whole: u64) -> &'a str {
    let excess = |part: &&Part<'_>| part.count as f64 - part.expected * whole as f64;
    let most = parts
        .iter()
        .max_by(|one, other| excess(one).total_cmp(&excess(other)));
    most.map_or("", |part| part.service)
}

fn samples(attempts: &[&LedgerEntry], service: &str) -> Vec<String> {
    let own = attempts.iter().filter(|entry| entry.received.service == service);
    own.filter_map(|entry| entry.received.correlation.clone())
        .take(SAMPLES)
        .collect()
}

/// `10%`, `33.33%`: up to two digits after the point.
fn exact_percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}
