//! Scenarios in a directory of their own, to be changed.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::program::repository;

/// Traffic that lasts longer than any test, so that there is time to do something to it.
const LONG_HAUL: &str = "\
scenario: long-haul
title: traffic that lasts
teaches: What the lab does when something happens to it meanwhile
grounds: [processes]
topology:
  services:
    orders: { calls: [payments] }
    payments: {}
rules: rules.yaml
traffic:
  checkout: { from: orders, to: http://payments/charge, rate: 50/s, for: 90s }
checks:
  answered: { responses: { traffic: checkout, status: 200, share: 100% } }
controls:
  payments-broken:
    topology: { services: { payments: { behaviour: { status: 500 } } } }
    must_fail: { answered: \"500\" }
";

/// Three services in a row, of which the middle one can be in any language.
const IN_THE_MIDDLE: &str = "\
scenario: in-the-middle
title: whoever is in the middle
teaches: That a mesh does not mind in which language a service is written
grounds: [processes]
topology:
  services:
    storefront: {}
    orders: { language: rust, calls: [payments] }
    payments: {}
rules: rules.yaml
traffic:
  checkout: { from: storefront, to: http://orders/checkout, rate: 20/s, for: 2s }
checks:
  answered: { responses: { traffic: checkout, status: 200, share: 100% } }
  four-sidecars:
    hops:
      traffic: checkout
      proxies: [storefront outbound, orders inbound, orders outbound, payments inbound]
  one-trace: { trace_complete: { traffic: checkout } }
  books-balance: { telemetry_agrees: { service: orders } }
controls:
  payments-broken:
    topology: { services: { payments: { behaviour: { status: 500 } } } }
    must_fail: { answered: \"500\" }
  orders-forgets:
    topology: { services: { orders: { behaviour: { drop_trace: true } } } }
    must_fail: { one-trace: orders-1 did not pass traceparent on }
  two-names:
    evidence: { change_request_ids: 1 }
    must_fail: { four-sidecars: request id }
    may_fail: [one-trace]
  lost-effect:
    evidence: { drop_ledger: 1 }
    must_fail: { books-balance: ledger }
    may_fail: [four-sidecars, one-trace]
";

/// Copies the files of `from`, and of the directories in it, into the directory `to`.
pub(crate) fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("there is room for a directory");
    for entry in fs::read_dir(from).expect("the directory is there") {
        let source = entry.expect("its directory can be read").path();
        let target = to.join(source.file_name().expect("a file has a name"));
        match source.is_dir() {
            true => copy_all(&source, &target),
            false => drop(fs::copy(&source, target).expect("there is room for a file")),
        }
    }
}

/// A directory that is removed in the end, with one scenario in it.
pub(crate) struct Scratch {
    root: TempDir,
    name: &'static str,
}

impl Scratch {
    /// A copy of a scenario, by the name of its directory, such as `05-canary-weights`.
    pub(crate) fn copy(name: &'static str) -> Self {
        let scratch = Self::empty(name);
        let original = repository().join("scenarios").join(name);
        copy_all(&original, &scratch.scenario());
        scratch
    }

    /// [`LONG_HAUL`].
    pub(crate) fn long_haul() -> Self {
        Self::written("long-haul", LONG_HAUL, "02-first-two-fail/rules.no-retry.yaml")
    }

    /// [`IN_THE_MIDDLE`].
    pub(crate) fn in_the_middle() -> Self {
        Self::written("in-the-middle", IN_THE_MIDDLE, "15-broken-trace/rules.yaml")
    }

    /// The directory that holds the scenario's.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The scenario's directory.
    pub(crate) fn scenario(&self) -> PathBuf {
        self.root().join(self.name)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.scenario().join(name)
    }

    /// Replaces `old`, which occurs once in the file `name`.
    pub(crate) fn replace(&self, name: &str, old: &str, new: &str) {
        let file = self.file(name);
        let text = fs::read_to_string(&file).expect("the file is there");
        assert_eq!(text.matches(old).count(), 1, "`{old}` in {name}:\n{text}");
        fs::write(file, text.replace(old, new)).expect("the file can be written");
    }

    /// A scenario under the rules of a shipped one.
    fn written(name: &'static str, scenario: &str, rules: &str) -> Self {
        let scratch = Self::empty(name);
        let rules = repository().join("scenarios").join(rules);
        fs::copy(rules, scratch.file("rules.yaml")).expect("the rules are in the repository");
        fs::write(scratch.file("scenario.yaml"), scenario).expect("the directory is there");
        scratch
    }

    fn empty(name: &'static str) -> Self {
        let root = tempfile::tempdir().expect("there is room for a directory");
        fs::create_dir(root.path().join(name)).expect("it is empty");
        Self { root, name }
    }
}
