//! `rotations`: how many SVIDs each sidecar put to use after its first, and whether it always had one that was valid: each
//! put to use before the one before had expired, and the last good beyond the end of the run.

use hallway_model::telemetry::Identity;
use hallway_scenario::check::Rotations;

use super::Judge;
use crate::evidence::Evidence;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Rotations {
    fn expected(&self) -> String {
        let whose = match self.of.as_str() {
            "all" => "each sidecar".to_owned(),
            service => format!("each sidecar of {service}"),
        };
        let rotations = text::plural(self.at_least.into(), "rotation");
        format!("at least {rotations} at {whose}, never without a valid SVID")
    }

    fn witness(&self) -> String {
        "the sidecars".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let mut fewest = (u64::MAX, "");
        let mut detail = Vec::new();
        let sidecars = evidence.sidecars(&self.of)?;
        for proxy in &sidecars {
            let svids = svids(proxy, evidence);
            if svids.is_empty() {
                return NoEvidence::because(format!("{proxy} has no record of an SVID"));
            }
            fewest = fewest.min((svids.len() as u64 - 1, *proxy));
            detail.extend(gaps(proxy, &svids, evidence));
        }
        let enough = fewest.0 >= self.at_least.into();
        let rotations = text::plural(fewest.0, "rotation");
        let whole = text::plural(sidecars.len() as u64, "sidecar");
        Ok(Finding {
            held: enough && detail.is_empty(),
            saw: format!("{rotations} at {}, the fewest of {whole}", fewest.1),
            detail,
            ..Finding::default()
        })
    }
}

/// The SVIDs that a sidecar put to use, in the order of time; one that it put to use again does not count.
fn svids<'a>(proxy: &str, evidence: &Evidence<'a>) -> Vec<&'a Identity> {
    let identities = evidence.observations.telemetry.identities.iter();
    let mut svids: Vec<&Identity> = identities.filter(|svid| svid.proxy == proxy).collect();
    svids.sort_by_key(|svid| svid.at_us);
    svids.dedup_by_key(|svid| &svid.serial);
    svids
}

/// The times during which a sidecar had no valid SVID.
fn gaps(proxy: &str, svids: &[&Identity], evidence: &Evidence<'_>) -> Vec<String> {
    let run = &evidence.observations.run;
    let ends = svids[1..].iter().map(|next| next.at_us).chain([run.finished_us]);
    let gaps = svids
        .iter()
        .zip(ends)
        .filter(|(svid, end)| svid.expires_us < *end);
    gaps.map(|(svid, end)| {
        let began = text::duration(svid.expires_us.saturating_sub(run.started_us));
        let lasted = text::duration(end - svid.expires_us);
        format!("{proxy} had no valid SVID from {began} on, for {lasted}")
    })
    .collect()
}
