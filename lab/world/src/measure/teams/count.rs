//! What the callee's ledger says of the callers' requests. Pure.

use std::collections::BTreeMap;

use hallway_service::contract::Record;
use tokio::time::Instant;

use super::module::Module;
use super::requests::Sent;
use super::{ATTEMPTS_WANTED, Attempts, Caller};
use crate::error::WorldError;
use crate::measure::Spread;

/// When the decision was taken and carried out.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    /// From when on attempts count.
    pub(super) begin: Instant,
    /// The decision.
    pub(super) decided: Instant,
    /// The last one has carried it out.
    pub(super) done: Instant,
}

/// How often each call was attempted.
pub(super) struct Ledger {
    /// By the request that it was made for, and its method.
    attempts: BTreeMap<(String, String), u32>,
}

impl Ledger {
    pub(super) fn of(records: &[Record]) -> Self {
        let mut attempts = BTreeMap::new();
        for record in records {
            if let Record::Received(received) = record
                && let Some(correlation) = &received.correlation
            {
                let call = (correlation.clone(), received.method.clone());
                *attempts.entry(call).or_insert(0) += 1;
            }
        }
        Self { attempts }
    }

    /// What became of the requests to the service of `module`'s team.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when none was answered before, or none after.
    pub(super) fn caller(
        &self,
        module: &Module,
        sent: &[Sent],
        moments: Moments,
    ) -> Result<Caller, WorldError> {
        let service = module.service();
        let within = |from: Option<Instant>, until: Option<Instant>| -> Vec<&Sent> {
            sent.iter()
                .filter(|one| one.caller == service && one.answered)
                .filter(|one| from.is_none_or(|from| one.started >= from))
                .filter(|one| until.is_none_or(|until| one.started < until))
                .collect()
        };
        let before = within(Some(moments.begin), Some(moments.decided));
        let meanwhile = within(Some(moments.decided), Some(moments.done));
        let afterwards = within(Some(moments.done), None);
        let nothing = |when: &str| {
            WorldError::scenario(
                format!("the service in {}", module.language),
                format!("it answered no request {when} the change; is the machine overloaded?"),
            )
        };
        Ok(Caller {
            language: module.language,
            before: self.attempts(&before).ok_or_else(|| nothing("before"))?,
            after: self.attempts(&afterwards).ok_or_else(|| nothing("after"))?,
            meanwhile: meanwhile.len(),
            wrong_meanwhile: self.wrong(&meanwhile),
            afterwards: afterwards.len(),
            wrong_afterwards: self.wrong(&afterwards),
        })
    }

    fn wrong(&self, sent: &[&Sent]) -> usize {
        let wrong = |one: &&&Sent| self.of_call(one, "GET") != ATTEMPTS_WANTED;
        sent.iter().filter(wrong).count()
    }

    fn attempts(&self, sent: &[&Sent]) -> Option<Attempts> {
        let spread = |method| Spread::of(sent.iter().map(|one| self.of_call(one, method)));
        Some(Attempts {
            get: spread("GET")?,
            post: spread("POST")?,
        })
    }

    fn of_call(&self, sent: &Sent, method: &str) -> u32 {
        let call = (sent.correlation.clone(), method.to_owned());
        self.attempts.get(&call).copied().unwrap_or(0)
    }
}

/// Requests to `caller`, or to anybody, that had no answer.
pub(super) fn unanswered(sent: &[Sent], caller: Option<&str>) -> usize {
    sent.iter()
        .filter(|one| !one.answered && caller.is_none_or(|caller| one.caller == caller))
        .count()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio::time::Instant;

    use super::super::module::MODULES;
    use super::{Ledger, Moments, Sent, unanswered};

    /// The calls of one request, as the callee's ledger has them.
    fn calls(correlation: &str, method: &str, attempts: usize) -> Vec<hallway_service::contract::Record> {
        let received = json!({
            "record": "received", "handling": 1, "service": "payments", "version": "v1", "instance": "payments-1",
            "at_us": 1, "method": method, "path": "/", "request_id": null, "correlation": correlation,
            "attempt": null, "client_cert": null, "traceparent": null,
        });
        vec![serde_json::from_value(received).expect("a record"); attempts]
    }

    #[test]
    fn requests_are_told_apart_by_when_they_began() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let moments = Moments {
            begin: at(1),
            decided: at(2),
            done: at(4),
        };
        let sent = |number: u64, answered| Sent {
            caller: "python".to_owned(),
            correlation: format!("python-{number}"),
            started: at(number),
            answered,
        };
        // One in each second; the one in the third had no answer.
        let all: Vec<Sent> = (0..=5).map(|number| sent(number, number != 3)).collect();
        let ledger: Vec<_> = [(0, 9), (1, 3), (2, 3), (3, 1), (4, 2), (5, 4)]
            .into_iter()
            .flat_map(|(number, attempts)| calls(&format!("python-{number}"), "GET", attempts))
            .chain(calls("python-1", "POST", 1))
            .collect();
        let ledger = Ledger::of(&ledger);
        let caller = ledger
            .caller(&MODULES[0], &all, moments)
            .expect("some were answered");
        assert_eq!((caller.before.get.least, caller.before.get.most), (3, 3));
        assert_eq!(caller.before.post.median, 1);
        assert_eq!((caller.after.get.least, caller.after.get.most), (2, 4));
        assert_eq!((caller.wrong_meanwhile, caller.meanwhile), (1, 1));
        assert_eq!((caller.wrong_afterwards, caller.afterwards), (1, 2));
        assert_eq!(
            (unanswered(&all, Some("python")), unanswered(&all, Some("node"))),
            (1, 0)
        );
        let nobody = ledger
            .caller(&MODULES[1], &all, moments)
            .expect_err("nobody asked Node");
        assert_eq!(
            nobody.to_string(),
            "the service in Node: it answered no request before the change; is the machine overloaded?"
        );
    }
}
