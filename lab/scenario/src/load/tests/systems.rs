//! Topologies that take a part of a system.

use std::collections::BTreeMap;

use super::mistakes::assert_refused;
use super::{BASE, Contents, SHIPPED, read_text};
use crate::Scenario;
use crate::system::System;
use crate::topology::{CallTo, Language};

pub(super) const CITY: &str = "\
system: city
title: a part of a city
services:
  orders: { team: checkout, language: java, calls: [menus, payments] }
  payments: { team: money, language: go, calls: [fraud] }
  menus: { team: partners, language: java }
  fraud: { team: money, language: python, calls: [users] }
  users: { team: accounts, language: rust }
";

/// A scenario with this topology.
fn scenario(topology: &str) -> String {
    let start = BASE.find("topology:").expect("the base has a topology");
    let header = &BASE[..start];
    format!(
        "{header}topology: {topology}\n\
         rules: rules.yaml\n\
         traffic: {{ all: {{ from: orders, to: http://payments/charge, count: 20 }} }}\n\
         checks: {{ answered: {{ responses: {{ traffic: all, status: 200, share: 100% }} }} }}\n\
         controls:\n  broken:\n    topology: {{ services: {{ payments: {{ behaviour: {{ status: 500 }} }}, users: {{}} }} }}\n    \
         must_fail: {{ answered: \"500\" }}\n"
    )
}

fn taken(topology: &str) -> Contents {
    read_text(&scenario(topology)).unwrap_or_else(|error| panic!("{error}"))
}

/// Whom each service calls.
fn calls(scenario: &Scenario) -> BTreeMap<&str, Vec<&str>> {
    let services = scenario.topology.services.iter();
    let calls = services.map(|(name, service)| (name.as_str(), service.calls.iter().map(called).collect()));
    calls.collect()
}

fn called(call: &CallTo) -> &str {
    match call {
        CallTo::Service(name) => name,
        CallTo::Exact(call) => &call.url,
    }
}

#[test]
fn services_have_the_language_and_the_calls_of_the_system() {
    let contents = taken(
        "{ from: city, services: { orders: {}, payments: { replicas: 2 }, fraud: { language: rust } } }",
    );
    let services = &contents.scenario.topology.services;
    let languages: Vec<_> = services.values().map(|service| service.language).collect();
    assert_eq!(
        languages,
        [Language::Java, Language::Go, Language::Rust],
        "its own word goes before the system's"
    );
    assert_eq!(services["payments"].replicas, Some(2));
    let expected = [
        ("fraud", vec![]),
        ("orders", vec!["payments"]),
        ("payments", vec!["fraud"]),
    ];
    assert_eq!(calls(&contents.scenario), expected.into());
    let control = &contents.controls["broken"];
    assert_eq!(calls(control)["fraud"], ["users"], "a control can take one more");
    assert!(control.topology.services["payments"].behaviour.is_some());
}

#[test]
fn callees_come_too_when_they_are_wanted() {
    let contents =
        taken("{ from: city, with_callees: true, services: { orders: {}, payments: { calls: [] } } }");
    let expected = [
        ("fraud", vec!["users"]),
        ("menus", vec![]),
        ("orders", vec!["menus", "payments"]),
        ("payments", vec![]),
        ("users", vec![]),
    ];
    assert_eq!(calls(&contents.scenario), expected.into());
}

#[test]
fn mistakes() {
    let refused = |name: &str, topology: &str| assert_refused(name, &scenario(topology));
    refused(
        "system-without-that-service",
        "{ from: city, services: { orders: {}, paymnts: {} } }",
    );
    refused(
        "system-that-is-not-there",
        "{ from: town, services: { orders: {} } }",
    );
    refused(
        "callees-of-no-system",
        "{ with_callees: true, services: { orders: { calls: [payments] }, payments: {} } }",
    );
}

#[test]
fn the_shipped_city_calls_nobody_in_circles() {
    let text = std::fs::read_to_string(format!("{SHIPPED}/city.yaml")).expect("the city is there");
    let city: System = hallway_yaml::parse_one(&hallway_yaml::SourceFile::new("city.yaml", text))
        .and_then(|document| document.decode())
        .unwrap_or_else(|error| panic!("{error}"));
    let mut left: Vec<&String> = city.services.keys().collect();
    assert_eq!(left.len(), 12);
    while !left.is_empty() {
        let before = left.len();
        let waits = |name: &&String| {
            city.services[*name]
                .calls
                .iter()
                .any(|called| left.contains(&called))
        };
        left = left.iter().copied().filter(waits).collect();
        assert!(left.len() < before, "{left:?} call each other in circles");
    }
}
