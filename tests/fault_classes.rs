//! Which error each fault becomes: one table, and both grounds agree with it.
//!
//! One scenario lets every fault happen and repairs it, one after the other. What counts is what the calling sidecar wrote into its access log:
//! the status that its application got, with Envoy's response flag.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hallway_evidence::{Observations, Variant};
use hallway_model::telemetry::Direction;
use hallway_scenario::{Files, Ground, Scenario};
use hallway_world::languages::Environment;
use hallway_world::{Languages, Options, StandIns, run, simulate};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A fault, its repair, and what requests come to meanwhile.
struct Row {
    fault: Value,
    repair: Option<Value>,
    class: &'static [&'static str],
}

/// From one fault to the next, in milliseconds.
const PERIOD: u64 = 2400;
/// When in its period a fault happens.
const FAULT: u64 = 200;
/// When it is repaired.
const REPAIR: u64 = 1200;
/// Requests of this part of the period meet the fault, and have their outcome before its repair: the rules give them 300 ms.
const MEETS: std::ops::Range<u64> = 300..850;
/// Requests of this part are undisturbed again.
const RECOVERED: std::ops::Range<u64> = 2000..2380;
/// Requests of this part are in flight at the moment of the fault, or come just after: the service takes 60 ms.
const AROUND: std::ops::Range<u64> = 100..300;

fn table() -> Vec<Row> {
    let link = json!({ "from": "orders", "to": "payments" });
    let one_way = |from: &str, to: &str| json!({ "cut": { "from": from, "to": to, "one_way": true } });
    let heal = json!({ "heal": link });
    let healed = |fault: Value, class| Row {
        fault,
        repair: Some(heal.clone()),
        class,
    };
    let of_program = |fault: &str, repair: &str, who: &str, class| Row {
        fault: json!({ fault: who }),
        repair: Some(json!({ repair: who })),
        class,
    };
    vec![
        healed(
            json!({ "delay": { "from": "payments", "to": "orders", "by": "50ms" } }),
            &["200"],
        ),
        healed(
            json!({ "delay": { "from": "payments", "to": "orders", "by": "1s" } }),
            &["504 UT"],
        ),
        healed(
            json!({ "bandwidth": { "from": "orders", "to": "payments", "limit": "100B/s" } }),
            &["504 UT"],
        ),
        healed(json!({ "cut": link }), &["504 UT"]),
        healed(one_way("orders", "payments"), &["504 UT"]),
        healed(one_way("payments", "orders"), &["504 UT"]),
        Row {
            fault: json!({ "reset": link }),
            repair: None,
            class: &["200", "503 UC"],
        },
        of_program("crash", "restart", "payments-1", &["503"]),
        of_program("crash", "restart", "payments-1 sidecar", &["503 UF"]),
        of_program("crash", "restart", "control plane", &["200"]),
        of_program("pause", "resume", "payments-1", &["504 UT"]),
        of_program("pause", "resume", "payments-1 sidecar", &["504 UT"]),
        of_program("pause", "resume", "control plane", &["200"]),
    ]
}

fn scenario(table: &[Row]) -> Scenario {
    let step = |at: u64, fault: &Value| json!({ "at": format!("{at}ms"), "fault": fault });
    let steps = table.iter().zip(0..).flat_map(|(row, index)| {
        let repair = row
            .repair
            .as_ref()
            .map(|repair| step(index * PERIOD + REPAIR, repair));
        [Some(step(index * PERIOD + FAULT, &row.fault)), repair]
    });
    let milliseconds = table.len() as u64 * PERIOD;
    let scenario = json!({
        "scenario": "fault-classes", "title": "every fault", "teaches": "which error each becomes",
        "grounds": ["processes", "simulated"],
        "rules": "rules.yaml",
        "topology": { "services": {
            "orders": { "calls": ["payments"] },
            "payments": { "behaviour": { "latency": "60ms" } },
        } },
        "traffic": { "checkout": {
            "from": "orders", "to": "http://payments/charge", "rate": "40/s", "for": format!("{milliseconds}ms"), "patience": "5s",
        } },
        "timeline": steps.flatten().collect::<Vec<_>>(), "checks": {}, "controls": {},
    });
    serde_json::from_value(scenario).expect("a scenario")
}

/// Where there are rules that give a call 300 ms.
fn rules() -> Files {
    Files::of(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/03-slow-callee"))
}

fn options(ground: Ground) -> Options {
    Options {
        seed: 1,
        variant: Variant::Scenario,
        ground,
        languages: Languages::new(
            env!("CARGO_BIN_EXE_hallway").into(),
            PathBuf::new(),
            Environment::default(),
        ),
        stand_ins: StandIns::Forbidden,
        trace: false,
        progress: None,
    }
}

/// What the requests of a part of a period came to.
fn classes(observations: &Observations, period: u64, part: &std::ops::Range<u64>) -> BTreeSet<String> {
    let from = observations.run.started_us + (period * PERIOD + part.start) * 1000;
    let to = observations.run.started_us + (period * PERIOD + part.end) * 1000;
    let access = observations.telemetry.access.iter();
    let outbound =
        access.filter(|record| record.proxy == "orders-1" && record.direction == Direction::Outbound);
    outbound
        .filter(|record| (from..to).contains(&record.start_us))
        .map(|record| {
            let status = record
                .status
                .map_or_else(|| "none".to_owned(), |status| status.to_string());
            let flags = record.flags.iter().map(|flag| format!(" {flag:?}"));
            status + &flags.collect::<String>()
        })
        .collect()
}

fn agrees(table: &[Row], observations: &Observations) {
    assert_eq!(
        observations.incidents,
        [],
        "what the timeline wants is no incident"
    );
    let mut differs = Vec::new();
    for (row, period) in table.iter().zip(0..) {
        let part = if row.repair.is_some() { &MEETS } else { &AROUND };
        let expected: BTreeSet<String> = row.class.iter().map(ToString::to_string).collect();
        let seen = classes(observations, period, part);
        let after = classes(observations, period, &RECOVERED);
        if seen != expected || after != BTreeSet::from(["200".to_owned()]) {
            differs.push(format!(
                "{}: {seen:?} instead of {expected:?}, and {after:?} after its repair",
                row.fault
            ));
        }
    }
    assert!(differs.is_empty(), "{differs:#?}");
}

#[test]
fn each_fault_becomes_its_error_in_a_simulation() {
    let table = table();
    let simulated = simulate(&scenario(&table), &rules(), &options(Ground::Simulated)).expect("a run");
    agrees(&table, &simulated.observations);
}

#[tokio::test]
async fn each_fault_becomes_its_error_on_processes() {
    let table = table();
    let scenario = scenario(&table);
    let observations = run(
        &scenario,
        &rules(),
        &options(Ground::Processes),
        CancellationToken::new(),
    )
    .await;
    agrees(&table, &observations.expect("a run"));
}
