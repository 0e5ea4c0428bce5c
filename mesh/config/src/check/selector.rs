//! Which workloads a policy is for.

use hallway_yaml::{Diagnostic, suggest};

use super::{Checker, Place};
use crate::workload_selector::{ROOT_NAMESPACE, WorkloadSelector};

impl Checker<'_> {
    /// A selector without a label would choose the whole namespace, or nothing.
    pub(super) fn names_a_label(&mut self, place: Place<'_>, selector: Option<&WorkloadSelector>) {
        if selector.is_some_and(|selector| selector.match_labels.is_empty()) {
            let help = "name a label, or remove the selector to choose the whole namespace";
            self.error(
                place,
                "the selector names no label",
                "chooses nothing in particular",
                help,
            );
        }
    }

    /// A policy that protects nobody leaves a door open, so its selector must lead to a service. `place` is that of the selector.
    pub(super) fn selects_a_service(
        &mut self,
        place: Place<'_>,
        namespace: &str,
        selector: Option<&WorkloadSelector>,
    ) {
        for (label, value) in selector.iter().flat_map(|selector| &selector.match_labels) {
            let path = place.path.with("matchLabels").with(label.as_str());
            let place = place.with_path(&path);
            match label.as_str() {
                "app" => self.app_exists(place, namespace, value),
                _ => {
                    let message = format!("no workload has a label `{label}`");
                    let help = "workloads have one label, `app`, with the name of the application";
                    self.error(place, message, "chooses nothing", help);
                }
            }
        }
    }

    fn app_exists(&mut self, place: Place<'_>, namespace: &str, app: &str) {
        let unreadable = &self.unreadable;
        if unreadable.others || !unreadable.named.is_empty() {
            return;
        }
        let within = |other: &str| namespace == ROOT_NAMESPACE || namespace == other;
        let services = self.resources.services.iter();
        let services = services.filter(|(key, _)| within(&key.namespace));
        let services = services.filter_map(|(_, service)| service.value.selected_app());
        // The workload of a gateway has its name for an application.
        let gateways = self.resources.gateways.keys();
        let gateways = gateways.filter(|key| within(&key.namespace));
        let apps: Vec<&str> = services.chain(gateways.map(|key| key.name.as_str())).collect();
        if apps.contains(&app) {
            return;
        }
        let help = match suggest::closest(app, apps.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name the application of a Service, or add a Service for it".to_owned(),
        };
        let message = format!("no Service of namespace `{namespace}` stands for workloads with `app: {app}`");
        let severity = self.dangling();
        let diagnostic = Diagnostic::error(message, place.span(), "chooses nothing").with_severity(severity);
        self.report(place, diagnostic.with_help(help));
    }
}
