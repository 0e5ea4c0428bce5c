//! The same scenario on both grounds: agreement, disagreement, and verdicts that one ground lacks.

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_evidence::{Incident, Observations};
use hallway_grade::report::Styles;
use hallway_grade::report::comparison::{Comparison, json, table};
use hallway_grade::{Grade, Observed, grade};
use serde_json::json;

use crate::support::{healthy, scenario};

const TOOK: Duration = Duration::from_secs(1);

/// The grade of a scenario with two checks, from its run and from that of its control.
fn graded(run: &Observations, control: &Observations) -> Grade {
    let responses =
        |count: &str| json!({ "responses": { "traffic": "checkout", "status": 200, "count": count } });
    let checks = json!({ "answered": responses("3"), "some-answered": responses(">= 1") });
    let controls = json!({ "busier": { "must_fail": { "answered": "4 of 4" } } });
    let observed = |observations| Observed {
        observations,
        took: TOOK,
    };
    let controls_observed = BTreeMap::from([("busier".to_owned(), observed(control))]);
    grade(
        &scenario(checks, controls),
        observed(run),
        &controls_observed,
        TOOK,
    )
}

#[test]
fn grounds_that_agree_have_no_disagreements() {
    // Also about what is red.
    for run in [healthy(3), healthy(2)] {
        let grade = graded(&run, &healthy(4));
        assert_eq!(Comparison::of(&grade, &grade).disagreements().count(), 0);
    }
}

#[test]
fn each_verdict_that_differs_is_a_disagreement() {
    let processes = graded(&healthy(3), &healthy(4));
    let simulated = graded(&healthy(2), &healthy(3));
    let comparison = Comparison::of(&processes, &simulated);
    let names: Vec<&str> = comparison.disagreements().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["answered", "control busier"]);

    let agreed = Comparison::of(&processes, &processes);
    insta::assert_snapshot!(table(&[comparison, agreed], &Styles::plain()), @r#"
                      processes  simulated
    ≠ two-sidecars
      answered            ✓          ✗      the grounds disagree
          processes: 3 of 3: 200 × 3
          simulated: 2 of 2: 200 × 2
      some-answered       ✓          ✓
      control busier      ✓          ✗      the grounds disagree
          processes: turned red what it should
          simulated: answered must fail, but held: 3 of 3: 200 × 3
    = two-sidecars
      answered            ✓          ✓
      some-answered       ✓          ✓
      control busier      ✓          ✓

    2 scenarios on both grounds · they agree on 4 of 6 verdicts
    "#);
}

#[test]
fn a_run_that_proves_nothing_disagrees_with_nobody() {
    let mut hurt = healthy(2);
    hurt.incidents.push(Incident {
        who: "payments-1".to_owned(),
        what: "ended by itself".to_owned(),
    });
    let comparison = Comparison::of(&graded(&hurt, &healthy(4)), &graded(&healthy(3), &healthy(4)));
    assert_eq!(comparison.disagreements().count(), 0);
    insta::assert_snapshot!(table(&[comparison], &Styles::plain()), @r#"
                      processes  simulated
    = two-sidecars
      answered            –          ✓
      some-answered       –          ✓
      control busier      ✓          ✓

    1 scenario on both grounds · they agree on 1 of 1 verdict
    "#);
}

#[test]
fn comparisons_can_be_read_by_programs() {
    let comparison = Comparison::of(
        &graded(&healthy(3), &healthy(4)),
        &graded(&healthy(2), &healthy(4)),
    );
    let text = json(std::slice::from_ref(&comparison));
    let read: Vec<Comparison> = serde_json::from_str(&text).expect("it can be read back");
    assert_eq!(read, [comparison]);
}
