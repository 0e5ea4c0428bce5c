//! Dependencies between the crates of the workspace point one way (ARCHITECTURE.md, "Which crate may use which").

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate may use. A crate that is not listed, or uses more, fails the test; so does a permission that nobody uses,
/// so that this table stays the truth.
const ALLOWED: &[(&str, &[&str])] = &[
    ("hallway-host", &[]),
    ("hallway-yaml", &[]),
    ("hallway-lanes", &[]),
    ("hallway-model", &[]),
    ("hallway-config", &["hallway-model", "hallway-yaml"]),
    ("hallway-traffic", &["hallway-model"]),
    ("hallway-identity", &["hallway-host", "hallway-model"]),
    (
        "hallway-proxy",
        &[
            "hallway-host",
            "hallway-identity",
            "hallway-lanes",
            "hallway-model",
            "hallway-traffic",
        ],
    ),
    (
        "hallway-control",
        &[
            "hallway-config",
            "hallway-host",
            "hallway-identity",
            "hallway-model",
            "hallway-yaml",
        ],
    ),
    ("hallway-service", &["hallway-host"]),
    ("hallway-book", &["hallway-host", "hallway-yaml"]),
    (
        "hallway-scenario",
        &["hallway-config", "hallway-model", "hallway-yaml"],
    ),
    ("hallway-simulator", &["hallway-host"]),
    ("hallway-evidence", &["hallway-model", "hallway-service"]),
    (
        "hallway-grade",
        &["hallway-evidence", "hallway-model", "hallway-scenario"],
    ),
    (
        "hallway-lessons",
        &["hallway-grade", "hallway-scenario", "hallway-yaml"],
    ),
    (
        "hallway-world",
        &[
            "hallway-control",
            "hallway-evidence",
            "hallway-host",
            "hallway-identity",
            "hallway-model",
            "hallway-proxy",
            "hallway-scenario",
            "hallway-service",
            "hallway-simulator",
        ],
    ),
    (
        "hallway-bench",
        &[
            "hallway-control",
            "hallway-evidence",
            "hallway-host",
            "hallway-identity",
            "hallway-model",
            "hallway-world",
        ],
    ),
    (
        "hallway",
        &[
            "hallway-bench",
            "hallway-config",
            "hallway-control",
            "hallway-evidence",
            "hallway-grade",
            "hallway-host",
            "hallway-lessons",
            "hallway-model",
            "hallway-proxy",
            "hallway-scenario",
            "hallway-service",
            "hallway-world",
            "hallway-yaml",
        ],
    ),
];

#[test]
fn crates_use_exactly_what_they_may() {
    let metadata = MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("cargo describes the workspace");
    let used: BTreeMap<String, BTreeSet<String>> = metadata
        .packages
        .iter()
        .map(|package| {
            let ours = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind == DependencyKind::Normal && dependency.path.is_some())
                .map(|dependency| dependency.name.to_string())
                .collect();
            (package.name.to_string(), ours)
        })
        .collect();
    let allowed: BTreeMap<String, BTreeSet<String>> = ALLOWED
        .iter()
        .map(|(name, uses)| {
            (
                (*name).to_owned(),
                uses.iter().map(|used| (*used).to_owned()).collect(),
            )
        })
        .collect();
    let differing: Vec<String> = used
        .keys()
        .chain(allowed.keys())
        .filter(|name| used.get(*name) != allowed.get(*name))
        .map(|name| {
            format!(
                "{name} uses {:?}, and may use {:?}",
                used.get(name),
                allowed.get(name)
            )
        })
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
