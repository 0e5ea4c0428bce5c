//! `response_flag`: on how many of a traffic's requests the access log of a service's sidecars, on their outbound side,
//! has a flag. A request that is not in the log does not have it.

use hallway_model::telemetry::Access;
use hallway_scenario::check::FlagShare;

use super::Judge;
use crate::evidence::{Evidence, is_replica};
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};
use crate::window;

impl Judge for FlagShare {
    fn expected(&self) -> String {
        let part = window::words(self.during.as_ref());
        format!("{:?} on {} of {}{part}", self.flag, self.share, self.traffic)
    }

    fn witness(&self) -> String {
        format!("the access log of the {} sidecar", self.proxy)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let is_outbound =
            |record: &&&Access| record.direction.calls() && is_replica(&record.proxy, &self.proxy);
        let mut tally = Tally::default();
        let mut logged = 0;
        for request in evidence.requests_during(&self.traffic, self.during.as_ref())? {
            let record = evidence.accesses(&request.correlation).iter().find(is_outbound);
            logged += u64::from(record.is_some());
            let happened = match record {
                None => Err("no access record".to_owned()),
                Some(record) if record.flags.contains(&self.flag) => Ok(flags(record)),
                Some(record) => Err(flags(record)),
            };
            tally.add(Some(&request.correlation), happened);
        }
        if logged == 0 {
            return NoEvidence::because(format!(
                "the log of {} has no request of {}",
                self.proxy, self.traffic
            ));
        }
        let (part, whole) = (tally.right(), tally.total());
        let saw = format!(
            "{} of {}: {}",
            text::count(part),
            text::count(whole),
            tally.words()
        );
        Ok(Finding {
            held: self.share.holds(part, whole),
            saw,
            samples: tally.samples(),
            ..Finding::default()
        })
    }
}

fn flags(record: &Access) -> String {
    let flags: Vec<String> = record.flags.iter().map(|flag| format!("{flag:?}")).collect();
    if flags.is_empty() {
        "no flag".to_owned()
    } else {
        flags.join("+")
    }
}
