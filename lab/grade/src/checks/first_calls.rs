//! `first_calls`: every replica of a service made each call that it is told to make at first once in each of its lives, and got the status, as it says
//! itself; and the access log of its sidecar has as many of these calls, with this status, as it says it made. A call that found nobody
//! listening is in no log.

use std::collections::{BTreeMap, BTreeSet};

use hallway_evidence::ledger::FirstCall;
use hallway_model::telemetry::Access;
use hallway_scenario::check;
use hallway_scenario::topology::CallTo;

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for check::FirstCalls {
    fn expected(&self) -> String {
        format!(
            "each first call of every replica of {} made once, and answered {}",
            self.service, self.status
        )
    }

    fn witness(&self) -> String {
        format!("{} itself, and its sidecars' access logs", self.service)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let service = evidence.topology.services.get(&self.service);
        let told = service.map_or(&[][..], |service| &service.first_calls);
        let replicas = service
            .into_iter()
            .flat_map(|service| service.instance_names(&self.service));
        let mut tally = Tally::default();
        for replica in replicas {
            let lives = evidence.observations.first_calls.get(&replica);
            let lives = lives.map_or(&[][..], Vec::as_slice);
            if lives.is_empty() {
                tally.add(None, Err(format!("{replica} never ran")));
            }
            for life in lives {
                for (number, call) in (1..).zip(told) {
                    tally.add(None, made(&replica, life, number, call, self.status));
                }
            }
            for (call, numbers) in by_request(told) {
                let is_meant =
                    |made: &&FirstCall| numbers.contains(&made.number) && made.status == Some(self.status);
                let said = lives.iter().flatten().filter(is_meant).count();
                let logged = logged(&replica, call, self.status, evidence);
                if said != logged {
                    let answers = text::plural(said as u64, "answer");
                    let url = call.url();
                    let words = format!(
                        "{replica} says that it got {answers} from {url}, its sidecar's log {logged}"
                    );
                    tally.add(None, Err(words));
                }
            }
        }
        if tally.total() == 0 {
            return NoEvidence::because(format!("{} is told to call nobody at first", self.service));
        }
        Ok(tally.into_finding())
    }
}

/// What came of one call in one life.
fn made(
    replica: &str,
    life: &[FirstCall],
    number: u64,
    call: &CallTo,
    expected: u16,
) -> Result<String, String> {
    let url = call.url();
    let made: Vec<&FirstCall> = life.iter().filter(|made| made.number == number).collect();
    let [made] = made[..] else {
        return Err(match made.len() {
            0 => format!("{replica} did not say what came of {url}"),
            times => format!("{replica} called {url} {times} times"),
        });
    };
    match (&made.error, made.status) {
        _ if made.url != url => Err(format!("{replica} called {} instead of {url}", made.url)),
        (_, Some(status)) if status == expected => Ok(status.to_string()),
        (_, Some(status)) => Err(format!("{replica} got {status} from {url}")),
        (error, None) => {
            let error = error.as_deref().unwrap_or("it does not say why");
            Err(format!("{replica} got no answer from {url} ({error})"))
        }
    }
}

/// How often the log of a replica's sidecar has a call of its own like this, with this status.
fn logged(replica: &str, call: &CallTo, status: u16, evidence: &Evidence<'_>) -> usize {
    let url = call.url();
    let (authority, path) = parts(&url);
    let is_it = |record: &&Access| {
        record.authority == authority
            && record.path == path
            && record.method == call.method()
            && record.status == Some(status)
    };
    evidence.own_calls(replica).filter(is_it).count()
}

/// Each call, with the numbers of those that look the same in a log.
fn by_request(told: &[CallTo]) -> impl Iterator<Item = (&CallTo, BTreeSet<u64>)> {
    let mut numbers: BTreeMap<(&str, String), (&CallTo, BTreeSet<u64>)> = BTreeMap::new();
    for (number, call) in (1..).zip(told) {
        let same = numbers.entry((call.method(), call.url()));
        same.or_insert((call, BTreeSet::new())).1.insert(number);
    }
    numbers.into_values()
}

/// The authority of a URL, and its path.
fn parts(url: &str) -> (&str, String) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    match rest.find(['/', '?']) {
        None => (rest, "/".to_owned()),
        Some(end) if rest[end..].starts_with('?') => (&rest[..end], format!("/{}", &rest[end..])),
        Some(end) => (&rest[..end], rest[end..].to_owned()),
    }
}
