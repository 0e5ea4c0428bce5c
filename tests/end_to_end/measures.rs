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
