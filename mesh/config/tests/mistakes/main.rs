//! One snapshot for each kind of mistake: the place, and the next step.
//!
//! - [`fields`]: fields, kinds and values that there are not, or that are not supported
//! - [`references`]: references to nothing
//! - [`duplicates`]: what is there twice, and which of the two
//! - [`routes`]: deadlines, paths, expressions and limits that cannot hold
//! - [`places`]: a mistake as data: its place, for tools
//! - [`gateways`]: listeners; [`gateway_routes`]: routes that are attached to them
//! - [`client_limits`]: what gateways take from one client (`BackendTrafficPolicy`)
//! - [`secrets`]: certificates and keys, of which nothing is shown
//! - [`services`]: services that disagree about one application
//! - [`policies`]: policies on backends (`XBackendTrafficPolicy`)
//! - [`authorization`]: policies on who may do what (`AuthorizationPolicy`)
//! - [`authentication`]: which tokens are believed (`RequestAuthentication`)

mod authentication;
mod authorization;
mod client_limits;
mod duplicates;
mod fields;
mod gateway_routes;
mod gateways;
mod places;
mod policies;
mod references;
mod routes;
mod secrets;
mod services;

use hallway_config::{Admission, RuleFile, load};
use hallway_yaml::{Diagnostics, Style};

fn refused(text: &str) -> Diagnostics {
    refused_files(&[("rules.yaml", text)])
}

fn refused_files(files: &[(&str, &str)]) -> Diagnostics {
    load(rule_files(files), Admission::Enforce).expect_err("mistakes")
}

fn rule_files(files: &[(&str, &str)]) -> Vec<RuleFile> {
    let file = |(name, text): &(&str, &str)| RuleFile {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
    };
    files.iter().map(file).collect()
}

/// What is said about `text`, in plain text.
fn mistakes(text: &str) -> String {
    refused(text).render(Style::Plain)
}

/// What is said about a route whose only rule is `rule` (with six blanks of indentation), beside sound services.
fn mistakes_in_rule(rule: &str) -> String {
    mistakes(&format!(
        "{SERVICES}{ROUTE}    - backendRefs: [{{ name: payments, port: 80 }}]\n{rule}"
    ))
}

/// The mistakes in one line each.
fn summary(text: &str) -> String {
    let records = refused(text).records();
    let lines: Vec<String> = records.iter().map(|record| record.to_string()).collect();
    lines.join("\n")
}

const SERVICES: &str = "\
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
";

const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: checkout, namespace: shop }
spec:
  parentRefs: [{ group: '', kind: Service, name: payments }]
  rules:
";
