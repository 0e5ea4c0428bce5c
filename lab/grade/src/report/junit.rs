//! Grades as JUnit XML: a test suite per scenario, with a test case per check, per control, and one for the timeline
//! where a push was not answered as expected. What is red is a failure; what the lab failed to show is an error.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::control::{ControlGrade, Shortcoming};
use crate::grade::{Grade, Outcome};
use crate::text;
use crate::verdict::Verdict;

/// The grades as XML.
pub fn text(grades: &[Grade], took: Duration) -> String {
    let mut report = Report::new("hallway");
    report.set_time(took);
    report.add_test_suites(grades.iter().map(suite));
    report.to_string().expect("XML can be written to memory")
}

fn suite(grade: &Grade) -> TestSuite {
    let mut suite = TestSuite::new(grade.scenario.as_str());
    suite.set_time(grade.took);
    if let Some(run) = &grade.run {
        suite.add_property(("ground", run.ground.as_str()));
        suite.add_property(("seed", run.seed.to_string().as_str()));
        for words in &run.stand_ins {
            suite.add_property(("stand-in", words.as_str()));
        }
    }
    match &grade.outcome {
        Outcome::Skipped { reason } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.as_str());
            suite.add_test_case(case(grade, "run".to_owned(), status));
        }
        Outcome::LabFailed { incidents } => {
            for incident in incidents {
                let message = format!("{}: {}", incident.who, incident.what);
                let status = failed(NonSuccessKind::Error, "lab", &message, &message);
                suite.add_test_case(case(grade, "lab".to_owned(), status));
            }
        }
        Outcome::Green | Outcome::Red => {}
    }
    suite.add_test_cases(grade.verdicts.iter().map(|verdict| check(grade, verdict)));
    for failure in &grade.failures {
        let status = failed(NonSuccessKind::Failure, "timeline", failure, failure);
        suite.add_test_case(case(grade, "timeline".to_owned(), status));
    }
    suite.add_test_cases(grade.controls.iter().map(|graded| control(grade, graded)));
    suite.add_test_cases(
        grade
            .controls_left_out
            .iter()
            .map(|name| case(grade, format!("control {name}"), TestCaseStatus::skipped())),
    );
    suite
}

fn check(grade: &Grade, verdict: &Verdict) -> TestCase {
    let status = if verdict.held {
        TestCaseStatus::success()
    } else {
        failed(
            NonSuccessKind::Failure,
            "check",
            &verdict.saw,
            &description(verdict),
        )
    };
    case(grade, verdict.check.clone(), status)
}

fn control(grade: &Grade, control: &ControlGrade) -> TestCase {
    let words: Vec<String> = control.shortcomings.iter().map(Shortcoming::to_string).collect();
    let status = match words.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let kind = if control.lab_failed() {
                NonSuccessKind::Error
            } else {
                NonSuccessKind::Failure
            };
            failed(kind, "control", first, &words.join("\n"))
        }
    };
    let mut case = case(grade, format!("control {}", control.control), status);
    case.set_time(control.took);
    case
}

fn case(grade: &Grade, name: String, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(grade.scenario.as_str());
    case
}

fn failed(kind: NonSuccessKind, what: &str, message: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(what)
        .set_message(message)
        .set_description(description);
    status
}

fn description(verdict: &Verdict) -> String {
    let mut lines = vec![
        format!("expected {}", verdict.expected),
        format!("saw {}", verdict.saw),
    ];
    lines.extend(verdict.p_value.map(text::p_value));
    lines.extend(verdict.detail.iter().cloned());
    lines.push(format!("witness: {}", verdict.witness));
    lines.extend(verdict.rule.as_ref().map(|rule| format!("rule: {rule}")));
    lines.join("\n")
}
