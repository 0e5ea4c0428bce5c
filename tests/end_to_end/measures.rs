//! `hallway bench`: that it measures, and cleans up. Not how fast anything is.

use rustix::process::Signal;
use serde_json::Value;

use crate::family::eventually;
use crate::program::{hallway, run};

#[tokio::test]
async fn a_control_plane_is_measured_event_by_event() {
    let figures = figures("bench control --proxies 30 --json").await;
    assert_eq!(
        (&figures["proxies"], &figures["services"]),
        (&30.into(), &2.into())
    );
    let events = figures["events"].as_array().expect("a list of events");
    let told: Vec<String> = events
        .iter()
        .map(|event| {
            assert!(event["cpu_ms"]["median"].as_f64() > Some(0.0), "{event}");
            let bytes = event["bytes_per_proxy"].as_f64().expect("a number");
            let updates = event["updates_per_proxy"].as_f64().expect("a number");
            assert_eq!(bytes > 0.0, updates > 0.0, "{event}");
            let updates = match updates {
                0.0 => "no update",
                1.0 => "one update",
                _ => "several updates",
            };
            format!("{}: {updates}", event["event"].as_str().expect("a name"))
        })
        .collect();
    // A burst is told in fewer updates than it has changes, but in how many depends on the machine; so does what is told of a restart.
    assert_eq!(
        told[..5],
        [
            "join: no update",
            "initial_load: one update",
            "endpoint_change: one update",
            "endpoint_change_answered_anew: one update",
            "rule_change: one update",
        ]
    );
    assert!(told[5].starts_with("burst"));
    assert!(
        events[5]["updates_per_proxy"].as_f64() < Some(30.0),
        "{}",
        events[5]
    );
    assert_eq!(told[6], "streams_drop: one update");
    assert!(told[7].starts_with("restart"));
}

#[tokio::test]
async fn a_lab_is_measured_with_and_without_a_mesh() {
    let figures = figures("bench lab --quick --services 2 --json").await;
    let lab = &figures[0];
    assert_eq!(lab["alone"]["processes"], 2);
    assert_eq!(
        lab["meshed"]["processes"], 5,
        "a sidecar each, and the control plane"
    );
    let kib = |memory: &Value| memory["kib"].as_u64().expect("Linux tells");
    let (alone, meshed) = (kib(&lab["alone"]["memory"]), kib(&lab["meshed"]["memory"]));
    assert!(alone > 0 && meshed > alone, "{lab}");
    for seconds in ["acknowledged_seconds", "observed_seconds"] {
        assert!(lab[seconds]["least"].as_f64() > Some(0.0), "{lab}");
    }
}

#[tokio::test]
async fn one_decision_is_measured_in_four_modules_and_as_one_rule() {
    let figures = figures("bench teams --quick --json").await;
    let without = &figures["without_mesh"];
    let teams: Vec<String> = list(&without["teams"]).iter().map(team).collect();
    insta::assert_snapshot!(teams.join("\n"), @r"
    python: GET 3 → 2, POST 3 → 2, files 1, lines -1 +1, builds 0, restarts 1
    node: GET 4 → 2, POST 1 → 1, files 1, lines -1 +1, builds 0, restarts 1
    go: GET 3 → 2, POST 1 → 1, files 1, lines -1 +1, builds 1, restarts 1
    java: GET 2 → 2, POST 2 → 2, files 0, lines -0 +0, builds 0, restarts 0
    ");
    assert!(without["seconds"].as_f64() > Some(0.0), "{without}");
    let with = &figures["with_mesh"];
    let callers: Vec<String> = list(&with["callers"]).iter().map(caller).collect();
    insta::assert_snapshot!(callers.join("\n"), @r"
    python: GET 3 → 2, POST 1 → 1
    node: GET 3 → 2, POST 1 → 1
    go: GET 3 → 2, POST 1 → 1
    java: GET 3 → 2, POST 1 → 1
    ");
    for caller in list(&with["callers"]) {
        assert!(caller["afterwards"].as_u64() > Some(0), "{caller}");
        assert_eq!(caller["wrong_afterwards"], 0, "{caller}");
    }
    assert_eq!((&with["restarts"], &with["unanswered"]), (&0.into(), &0.into()));
    assert_eq!(with["change"]["lines_added"], 1);
    assert!(with["acknowledged_seconds"].as_f64() > Some(0.0), "{with}");
}

/// One team's part in words. What depends on the machine is left out.
fn team(team: &Value) -> String {
    let change = &team["change"];
    format!(
        "{}, files {}, lines -{} +{}, builds {}, restarts {}",
        caller(&team["caller"]),
        change["files"],
        change["lines_removed"],
        change["lines_added"],
        team["builds"],
        team["restarts"]
    )
}

/// How often one caller's calls are attempted, in words: medians, since a machine under load makes an impatient caller give up.
fn caller(caller: &Value) -> String {
    let attempts = |method: &str| {
        let median = |when: &str| caller[when][method]["median"].clone();
        format!("{} → {}", median("before"), median("after"))
    };
    let language = caller["language"].as_str().expect("a name");
    format!("{language}: GET {}, POST {}", attempts("get"), attempts("post"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[tokio::test]
async fn an_interrupt_of_a_measurement_stops_everything() {
    let lab = hallway(["bench", "lab", "--services", "12"]).start().await;
    let meshed = || (!lab.family.playing("proxy").is_empty()).then_some(());
    eventually("a sidecar", meshed).await;
    lab.signal(Signal::INT);
    let said = lab.ended().await.complaint(3);
    insta::assert_snapshot!(said, @"
    stopping; once more to stop at once
    error: interrupted; every process that was started has been stopped
    ");
}

async fn figures(words: &str) -> Value {
    let ended = run(words).await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    serde_json::from_str(&ended.stdout).expect("JSON")
}
