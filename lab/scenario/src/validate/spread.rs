//! Whether the traffic is enough to prove that every replica has its share.

use hallway_yaml::Path;

use crate::Scenario;
use crate::check::{Check, Spread};
use crate::findings::Findings;
use crate::statistics::{ERROR_RATE, MISS_RATE, required_sample};

/// Checks the spreads of a scenario.
pub(super) fn check(findings: &mut Findings<'_>, scenario: &Scenario) {
    for (name, check) in &scenario.checks {
        if let Check::Spread(spread) = check {
            let path = Path::keys(["checks", name, "spread", "each_above"]);
            check_bound(findings, &path, scenario, spread);
        }
    }
}

fn check_bound(findings: &mut Findings<'_>, path: &Path, scenario: &Scenario, spread: &Spread) {
    let (Some(service), Some(traffic)) = (
        scenario.topology.services.get(&spread.service),
        scenario.traffic.get(&spread.traffic),
    ) else {
        return;
    };
    let replicas = service.instance_names(&spread.service).count();
    if replicas == 0 {
        // Its reference has been reported already.
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "there are at most 20 replicas")]
    let equal = 1.0 / replicas as f64;
    let bound = spread.each_above.fraction();
    if bound >= equal {
        let message = format!(
            "not each of {replicas} replicas can have more than {}",
            spread.each_above
        );
        findings.value(path, message, "expected less than an equal share");
        return;
    }
    let required = required_sample(bound, equal, ERROR_RATE, MISS_RATE);
    if required.is_none_or(|required| traffic.requests() < required) {
        let message = format!(
            "{} requests of `{}` cannot prove that equal shares are above {}",
            traffic.requests(),
            spread.traffic,
            spread.each_above
        );
        let help = match required {
            Some(required) => format!(
                "{required} requests are enough for one error in a million either way; or lower the bound"
            ),
            None => "lower the bound".to_owned(),
        };
        findings
            .value(path, message, "too near to an equal share")
            .help(help);
    }
}
