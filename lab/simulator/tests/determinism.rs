//! The same seed gives the same run: a mesh of 14 machines over hyper, axum and rustls, with a partition, a crash and a lost machine.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

mod support;

const LASTING: Duration = Duration::from_secs(60);
const SEEDS: std::ops::Range<u64> = 1..9;

#[test]
fn a_seed_gives_the_same_run_twice() {
    let mut fingerprints = BTreeSet::new();
    for seed in SEEDS {
        let (one, other) = (support::run(seed, LASTING), support::run(seed, LASTING));
        assert_eq!(one.records, other.records, "seed {seed}");
        assert_eq!(one.fingerprint, other.fingerprint, "seed {seed}");
        assert!(one.fingerprint.segment_count > 5000, "{:?}", one.fingerprint);
        fingerprints.insert(one.fingerprint.to_string());
    }
    assert_eq!(fingerprints.len(), SEEDS.count(), "every seed gives another run");
}

#[test]
fn faults_are_felt_and_pass() {
    let outcome = support::run(1, LASTING);
    let results = |from: usize, to: usize| -> BTreeSet<&str> {
        let records = &outcome.records[from * outcome.records.len() / 16..to * outcome.records.len() / 16];
        records
            .iter()
            .map(|record| record.rsplit(',').next().expect("a result"))
            .collect()
    };
    let fine = BTreeSet::from(["\"200\"]"]);
    assert_eq!(results(0, 3), fine, "before the faults");
    assert!(results(4, 8).contains("\"timeout\"]"), "{:?}", results(4, 8));
    assert!(
        results(4, 8).contains("\"connection error\"]"),
        "{:?}",
        results(4, 8)
    );
    assert_eq!(results(12, 16), fine, "after the faults");
    assert!(
        outcome.answered() > 900,
        "{} of {}",
        outcome.answered(),
        outcome.records.len()
    );
}

#[test]
fn runs_on_several_threads_do_not_disturb_each_other() {
    let alone = support::run(3, LASTING).fingerprint;
    let together = std::thread::scope(|scope| {
        let threads = [3, 4, 3].map(|seed| scope.spawn(move || support::run(seed, LASTING).fingerprint));
        threads.map(|thread| thread.join().expect("it does not panic"))
    });
    assert_eq!(together[0], alone);
    assert_eq!(together[2], alone);
}

/// The other half of the next test, in a process of its own.
#[test]
#[ignore = "the next test runs it, in a process of its own"]
fn print_a_fingerprint() {
    println!("fingerprint={}", support::run(5, LASTING).fingerprint);
}

#[test]
fn a_seed_gives_the_same_run_in_another_process() {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program)
        .args(["--exact", "print_a_fingerprint", "--ignored", "--nocapture"])
        .output()
        .expect("this program can be started");
    let output = String::from_utf8_lossy(&output.stdout);
    let here = format!("fingerprint={}", support::run(5, LASTING).fingerprint);
    assert!(output.contains(&here), "{here} is not in {output}");
}
