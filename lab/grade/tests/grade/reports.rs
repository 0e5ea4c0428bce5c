//! What people and programs read: one snapshot each that shows every line there is.

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_evidence::{Incident, Observations};
use hallway_grade::report::terminal::Heading;
use hallway_grade::report::{Styles, Terminal, json, junit};
use hallway_grade::{Grade, Observed, grade};
use hallway_scenario::Scenario;
use serde_json::json;

use crate::support::{Call, START, accepted, call, healthy, nothing, scenario};

const TOOK: Duration = Duration::from_millis(2_345);

/// A scenario and two runs for each thing that can come of it.
fn every_grade() -> Vec<Grade> {
    let mut failed = healthy(3);
    failed.incidents.push(Incident {
        who: "payments-1 sidecar".to_owned(),
        what: "ended by itself, killed by signal 9; run again, and see its log with --keep".to_owned(),
    });
    let skipped = Grade::skipped(
        &named("no-python", "a service in Python"),
        "no Python 3.9 or newer was found",
    );
    let mut played = healthy(3);
    played.run.stand_ins = vec!["orders-1: Rust stands in for Python".to_owned()];
    vec![
        graded(
            &named("first-hop", "a call crosses two sidecars"),
            &played,
            &split(900, 100),
        ),
        graded(&red_scenario(), &split(859, 241), &healthy(3)),
        skipped,
        graded(
            &named("killed-sidecar", "the lab itself is hurt"),
            &failed,
            &healthy(3),
        ),
    ]
}

fn named(name: &str, title: &str) -> Scenario {
    let checks =
        json!({ "answered": { "responses": { "traffic": "checkout", "status": 200, "count": "3" } } });
    let controls = json!({
        "busier": { "must_fail": { "answered": "1,000 of 1,000" } },
    });
    Scenario {
        scenario: name.to_owned(),
        title: title.to_owned(),
        ..scenario(checks, controls)
    }
}

/// A red check of each layout, a broken timeline, and a control with each shortcoming.
fn red_scenario() -> Scenario {
    let split = json!({ "split": {
        "traffic": "checkout",
        "expect": { "payments-v1": 90, "payments-v2": 10 },
        "tells_apart": { "payments-v1": 80, "payments-v2": 20 },
        "sample": 3,
    } });
    let checks = json!({
        "answered": { "responses": { "traffic": "checkout", "status": 200, "share": "100%" } },
        "split-before": split,
        "sealed": { "encrypted": { "from": "orders", "to": "ledger" } },
    });
    let controls = json!({
        "no-effect": { "must_fail": { "answered": "500", "sealed": "plaintext" } },
        "as-it-should": { "must_fail": { "sealed": "no evidence", "split-before": "0 first attempts" } },
    });
    let mut scenario = scenario(checks, controls);
    scenario.scenario = "canary-weights".to_owned();
    scenario.title = "nine to one, then half and half".to_owned();
    let steps = json!([{ "at": "3s", "push": "rules.half.yaml", "expect": "refused" }]);
    scenario.timeline = serde_json::from_value(steps).expect("well-formed steps");
    scenario
}

/// Calls to two versions.
fn split(one: u64, two: u64) -> Observations {
    let mut observations = nothing();
    for (replica, count) in [("payments-v1-1", one), ("payments-v2-1", two)] {
        for _ in 0..count {
            call(
                &mut observations,
                &Call {
                    attempts: &[(200, replica)],
                    ..Call::default()
                },
            );
        }
    }
    observations
        .pushes
        .push(accepted("rules.half.yaml", START + 3_000_000, 2));
    observations
}

fn graded(scenario: &Scenario, run: &Observations, control: &Observations) -> Grade {
    let observed = |observations| Observed {
        observations,
        took: TOOK,
    };
    let left_out = if scenario.scenario == "killed-sidecar" {
        1
    } else {
        0
    };
    let ran = scenario.controls.keys().skip(left_out);
    let controls: BTreeMap<String, Observed<'_>> =
        ran.map(|name| (name.clone(), observed(control))).collect();
    grade(scenario, observed(run), &controls, 3 * TOOK)
}

fn table(grades: &[Grade], width: usize, styles: Styles) -> String {
    let names = grades
        .iter()
        .map(|grade| (grade.scenario.as_str(), grade.title.as_str()));
    let terminal = Terminal::new(styles, Some(width), names);
    let mut text = terminal.heading(&Heading {
        version: "0.1.0",
        ground: "real processes",
        seed: 1,
    });
    for grade in grades {
        text += &terminal.scenario(grade);
    }
    text + &terminal.totals(grades, 10 * TOOK)
}

#[test]
fn the_table_shows_every_status_line() {
    insta::assert_snapshot!(table(&every_grade(), 120, Styles::plain()));
}

#[test]
fn a_narrow_table_wraps_and_shortens() {
    let text = table(&every_grade(), 80, Styles::plain());
    for line in text.lines().filter(|line| line.starts_with("      ")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = table(&every_grade(), 120, Styles::coloured());
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain += before;
        rest = after.split_once('m').expect("an escape ends with m").1;
    }
    assert_eq!(plain + rest, table(&every_grade(), 120, Styles::plain()));
}

#[test]
fn all_green_needs_few_words() {
    let grades = &every_grade()[..1];
    insta::assert_snapshot!(table(grades, 100, Styles::plain()), @r#"
    Hallway 0.1.0 · a service-mesh lab · real processes, seed 1
     ✓ first-hop  a call crosses two sidecars  1 check     1 control        7.0 s
         orders-1: Rust stands in for Python
     1 scenario · 1 check held · 1 control turned red as they should · 23.4 s
    "#);
}

/// `hallway run` shows no journey of a run that the lab spoilt, so none is offered, whether or not a check is red already.
#[test]
fn a_broken_lab_is_replayed_without_a_journey() {
    let mut run = healthy(2);
    let refused = Call {
        attempts: &[(503, "payments-1")],
        ..Call::default()
    };
    call(&mut run, &refused);
    run.incidents.push(Incident {
        who: "payments-1 sidecar".to_owned(),
        what: "ended by itself".to_owned(),
    });
    let scenario = named("killed-sidecar", "the lab itself is hurt");
    let grade = graded(&scenario, &run, &healthy(3));
    assert!(!grade.verdicts[0].samples.is_empty(), "{:?}", grade.verdicts);
    let text = table(&[grade], 100, Styles::plain());
    let replays: Vec<&str> = text.lines().filter(|line| line.contains("replay:")).collect();
    assert_eq!(
        replays,
        ["     replay: hallway run killed-sidecar --on processes --seed 1"]
    );
}

#[test]
fn the_checks_of_one_run() {
    let terminal = Terminal::new(Styles::plain(), Some(80), []);
    insta::assert_snapshot!(terminal.checks(&every_grade()[1].verdicts), @r#"
    ✓ answered      expected 200 for 100% of checkout
                    saw 1,100 of 1,100: 200 × 1,100
                    witness: the client
    ✗ split-before  expected payments-v1 90%, payments-v2 10% of checkout
                    saw 1,100 first attempts: payments-v1 78.1% (859) instead of
                    90%, payments-v2 21.9% (241) instead of 10%
                    p = 4×10⁻³¹ < 10⁻⁶
                    witness: the ledgers of payments-v1 and payments-v2
                    rule: rules.yaml:9
    ✗ sealed        expected nothing readable from orders to ledger
                    saw no evidence: no connection from orders to ledger carried a
                    request
                    witness: the wire between orders and ledger
    "#);
}

#[test]
fn the_json_is_stable() {
    let grades = every_grade();
    let text = json::text(&grades, "0.1.0", 10 * TOOK);
    let read: json::Report = serde_json::from_str(&text).expect("it can be read back");
    assert_eq!(read, json::report(&grades, "0.1.0", 10 * TOOK));
    insta::assert_snapshot!(text);
}

#[test]
fn the_junit_xml_is_stable() {
    insta::assert_snapshot!(junit::text(&every_grade(), 10 * TOOK));
}
