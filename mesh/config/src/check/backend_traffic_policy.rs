//! Backend traffic policies.

use std::collections::BTreeMap;

use hallway_model::RetryConstraint;
use hallway_yaml::{Diagnostic, Node, Path};

use super::{Checker, Place};
use crate::backend_traffic_policy::BackendTrafficPolicy;
use crate::duration::GatewayDuration;
use crate::kind::Kind;
use crate::resources::NamespacedName;

/// The policies that name a service first: whose it is, and where it is named.
type FirstTargets<'r> = BTreeMap<NamespacedName, (NamespacedName, &'r Node, Path)>;

impl Checker<'_> {
    pub(super) fn backend_traffic_policies(&mut self) {
        let mut first_targets = FirstTargets::new();
        for (key, policy) in &self.resources.backend_traffic_policies {
            let targets_path = Path::keys(["spec", "targetRefs"]);
            let place = Place {
                kind: Kind::BackendTrafficPolicy,
                document: &policy.document,
                path: &targets_path,
            };
            let names = policy.value.spec.target_refs.iter().enumerate();
            let names = names.map(|(index, target)| {
                let path = targets_path.with(index).with("name");
                (path, target.name.as_str())
            });
            self.unique(place, "targets named", names.clone());
            for (path, name) in names {
                let service = NamespacedName::new(&key.namespace, name);
                self.service_exists(place.with_path(&path), &service);
                match first_targets.get(&service) {
                    Some((first, document, first_path)) if first != key => {
                        let place = place.with_path(&path);
                        self.two_policies(place, &service, (first, key), document, first_path);
                    }
                    Some(_) => {}
                    None => drop(first_targets.insert(service, (key.clone(), &policy.document, path))),
                }
            }
            self.intervals(place, &policy.value);
        }
    }

    /// Gateway API lets the older one of two policies win; files have no age.
    fn two_policies(
        &mut self,
        place: Place<'_>,
        service: &NamespacedName,
        (first, second): (&NamespacedName, &NamespacedName),
        document: &Node,
        path: &Path,
    ) {
        let message =
            format!("the XBackendTrafficPolicies {first} and {second} are both for Service {service}");
        let diagnostic = Diagnostic::error(message, place.span(), "another one")
            .with_secondary(document.span(path), "the first one")
            .with_help("merge them into one, or remove this target".to_owned());
        self.report(place, diagnostic);
    }

    /// The intervals of a constraint are those that a proxy can keep.
    fn intervals(&mut self, place: Place<'_>, policy: &BackendTrafficPolicy) {
        let Some(constraint) = policy.spec.retry_constraint else {
            return;
        };
        for (field, interval) in [
            ("budget", constraint.budget.interval),
            ("minRetryRate", constraint.min_retry_rate.interval),
        ] {
            if RetryConstraint::INTERVALS.contains(&interval.to_std()) {
                continue;
            }
            let path = Path::keys(["spec", "retryConstraint", field, "interval"]);
            self.error(
                place.with_path(&path),
                format!("the interval of `{field}` cannot be {interval}"),
                "out of range",
                &format!("write an interval {}", range()),
            );
        }
    }
}

/// `from 1s to 1h`.
fn range() -> String {
    let words = |limit: &std::time::Duration| {
        GatewayDuration::try_from(*limit).expect("the limits are whole milliseconds")
    };
    let (least, most) = (
        RetryConstraint::INTERVALS.start(),
        RetryConstraint::INTERVALS.end(),
    );
    format!("from {} to {}", words(least), words(most))
}
