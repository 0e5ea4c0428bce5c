//! Whether a sample is large enough to tell two splits apart, and the traffic is enough for the sample.

use std::time::Duration;

use hallway_config::GatewayDuration;
use hallway_yaml::Path;
use indexmap::IndexMap;

use crate::check::{Check, PushWindow, Split, Window};
use crate::findings::Findings;
use crate::statistics::sample::LARGEST_SAMPLE;
use crate::statistics::{ERROR_RATE, MISS_RATE, required_sample};
use crate::timeline::Expectation;
use crate::{PushStep, Scenario};

/// The greatest weight of a backend in Gateway API.
const GREATEST_WEIGHT: u32 = 1_000_000;

/// Checks the splits of a scenario.
pub(super) fn check(findings: &mut Findings<'_>, scenario: &Scenario) {
    for (name, check) in &scenario.checks {
        if let Check::Split(split) = check {
            let path = Path::keys(["checks", name, "split"]);
            if check_weights(findings, &path, scenario, split) {
                check_sample(findings, &path, split);
            }
            check_offer(findings, &path, scenario, split);
        }
    }
}

/// Says whether the weights make sense, so that shares can be computed.
fn check_weights(findings: &mut Findings<'_>, path: &Path, scenario: &Scenario, split: &Split) -> bool {
    let mut sound = true;
    for (field, weights) in [("expect", &split.expect), ("tells_apart", &split.tells_apart)] {
        let path = path.with(field);
        for (service, weight) in weights {
            let path = path.with(service.as_str());
            sound &= known_service(findings, &path, scenario, service);
            if *weight > GREATEST_WEIGHT {
                let label = format!("expected at most {GREATEST_WEIGHT}");
                findings.value(&path, format!("the weight {weight} is too great"), label);
                sound = false;
            }
        }
        if weights.values().all(|weight| *weight == 0) {
            findings.key(
                &path,
                "the weights add up to nothing",
                "expected a weight above 0",
            );
            sound = false;
        }
    }
    if !split
        .expect
        .keys()
        .all(|service| split.tells_apart.contains_key(service))
        || split.expect.len() != split.tells_apart.len()
    {
        let message = "`expect` and `tells_apart` are splits between different services";
        findings.key(
            &path.with("tells_apart"),
            message,
            "expected the services of `expect`",
        );
        sound = false;
    }
    sound
}

fn known_service(findings: &mut Findings<'_>, path: &Path, scenario: &Scenario, service: &str) -> bool {
    let services = &scenario.topology.services;
    let exists = services
        .get(service)
        .is_some_and(|service| service.resolves_to.is_none());
    if !exists {
        let known = services
            .iter()
            .filter(|(_, service)| service.resolves_to.is_none());
        let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
        let label = format!(
            "expected {}",
            hallway_yaml::suggest::one_of(known.iter().copied())
        );
        let help = hallway_yaml::suggest::did_you_mean(service, known);
        findings
            .key(path, format!("there is no service `{service}`"), label)
            .help(help);
    }
    exists
}

/// Each service's share is tested by itself, so that it is enough if one of the tests finds the wrong split.
fn check_sample(findings: &mut Findings<'_>, path: &Path, split: &Split) {
    let shares = split
        .expect
        .keys()
        .map(|service| (share(&split.expect, service), share(&split.tells_apart, service)));
    let different: Vec<(f64, f64)> = shares.filter(|(expected, wrong)| expected != wrong).collect();
    if different.is_empty() {
        let message = "`tells_apart` is the split that is expected";
        let help = "name a wrong split that this check must notice".to_owned();
        findings
            .key(
                &path.with("tells_apart"),
                message,
                "the same shares as in `expect`",
            )
            .help(help);
        return;
    }
    let required = different
        .iter()
        .filter_map(|(expected, wrong)| required_sample(*expected, *wrong, ERROR_RATE, MISS_RATE))
        .min();
    match required {
        Some(required) if u64::from(split.sample) >= required => {}
        Some(required) => {
            let message = format!("a sample of {} cannot tell these two splits apart", split.sample);
            let help = format!(
                "{required} first attempts are enough for one error in a million either way; or name a split \
                 that is further off"
            );
            let label = format!("expected at least {required}");
            findings.value(&path.with("sample"), message, label).help(help);
        }
        None => {
            let message = format!("no sample of up to {LARGEST_SAMPLE} tells these two splits apart");
            let help = "name a split that is further off".to_owned();
            findings
                .key(&path.with("tells_apart"), message, "too near to `expect`")
                .help(help);
        }
    }
}

fn share(weights: &IndexMap<String, u32>, service: &str) -> f64 {
    let sum: u64 = weights.values().map(|weight| u64::from(*weight)).sum();
    let weight = weights.get(service).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "weights are far below 2^52")]
    let share = f64::from(weight) / sum as f64;
    share
}

/// There can be no more first attempts than requests.
fn check_offer(findings: &mut Findings<'_>, path: &Path, scenario: &Scenario, split: &Split) {
    let Some(traffic) = scenario.traffic.get(&split.traffic) else {
        return;
    };
    let pushes: Vec<&PushStep> = scenario.pushes().collect();
    let Some((from, until)) = interval(&pushes, split.during.as_ref()) else {
        return;
    };
    let requests_before = |offset: Option<Duration>| {
        offset.map_or(traffic.requests(), |offset| traffic.requests_before(offset))
    };
    let offered = requests_before(until).saturating_sub(requests_before(Some(from)));
    if offered < split.sample.into() {
        let part = match &split.during {
            None => String::new(),
            Some(Window::Push(PushWindow::Before(push))) => format!(" before `{push}`"),
            Some(Window::Push(PushWindow::After(push))) => format!(" after `{push}`"),
            Some(Window::Time(_)) => " in that time".to_owned(),
        };
        let message = format!("`{}` offers only {offered} requests{part}", split.traffic);
        let help = "raise the `rate` of the traffic, or give it more time".to_owned();
        findings
            .value(&path.with("sample"), message, "more than there can be")
            .help(help);
    }
}

/// From when to when a window lasts, as far as the timeline can say; it begins and ends with pushes that take effect.
fn interval(timeline: &[&PushStep], window: Option<&Window>) -> Option<(Duration, Option<Duration>)> {
    let at = |step: &&PushStep| step.at.to_std();
    let position = |push: &str| timeline.iter().position(|step| step.push == push);
    let takes_effect = |step: &&&PushStep| step.expect == Expectation::Accepted;
    match window {
        None => Some((Duration::ZERO, None)),
        Some(Window::Time(window)) => {
            let from = window.from.map_or(Duration::ZERO, GatewayDuration::to_std);
            Some((from, window.until.map(GatewayDuration::to_std)))
        }
        Some(Window::Push(PushWindow::Before(push))) => {
            let index = position(push)?;
            let previous = timeline[..index].iter().rev().find(takes_effect);
            Some((previous.map_or(Duration::ZERO, at), Some(at(&timeline[index]))))
        }
        Some(Window::Push(PushWindow::After(push))) => {
            let index = position(push)?;
            let next = timeline[index + 1..].iter().find(takes_effect);
            Some((at(&timeline[index]), next.map(at)))
        }
    }
}
