//! One scenario whose middle service is written in one language after the other.

use std::fs;

use hallway_scenario::topology::Language;
use hallway_world::Languages;
use hallway_world::languages::{Environment, LanguageError};
use serde_json::{Value, json};

use crate::program::{hallway, repository};
use crate::scratch::Scratch;

#[tokio::test]
async fn it_grades_the_same_whoever_is_in_the_middle() {
    let rust = graded(Language::Rust).await;
    let count = |of: &str| rust[of].as_array().map(Vec::len);
    assert_eq!(
        (count("checks"), count("controls")),
        (Some(4), Some(4)),
        "{rust:#}"
    );
    for language in [Language::Python, Language::Node, Language::Go, Language::Java] {
        if is_here(language).await {
            let other = graded(language).await;
            assert_eq!(other, rust, "{language} in the middle, and Rust in the middle");
        }
    }
}

/// Whether the runtime of `language` is here. In continuous integration it has to be.
async fn is_here(language: Language) -> bool {
    let environment = Environment::of_this_process();
    let languages = Languages::new("hallway".into(), repository().join("services"), environment);
    match languages.starter(language).await {
        Ok(_) => true,
        Err(LanguageError::Absent(absence)) => {
            let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!in_ci, "{absence}; {}", absence.next_step());
            eprintln!("{language} was not tried: {absence}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// What was graded with `language` in the middle: the verdicts, and what was seen where it was as it should be.
async fn graded(language: Language) -> Value {
    let scratch = Scratch::in_the_middle();
    let named = format!("language: {}", language.to_string().to_lowercase());
    scratch.replace("scenario.yaml", "language: rust", &named);
    let report = scratch.root().join("report");
    let words = [
        "grade".as_ref(),
        "--on".as_ref(),
        "processes".as_ref(),
        "--scenarios".as_ref(),
        scratch.root().as_os_str(),
        "--report".as_ref(),
        report.as_os_str(),
    ];
    let ended = hallway(words).run().await;
    assert_eq!(ended.code, Some(0), "{language}: {ended:#?}");
    let text = fs::read_to_string(report.join("report.json")).expect("the report was written");
    let report: Value = serde_json::from_str(&text).expect("it is JSON");
    let scenario = &report["scenarios"][0];
    assert_eq!(scenario["stand_ins"], json!([]), "{language} plays itself");
    let verdicts = |of: &Value, seen: bool| -> Value {
        let checks = of["checks"].as_array().expect("there are checks").iter();
        checks
            .map(|check| {
                let saw = if seen { &check["saw"] } else { &Value::Null };
                json!([check["name"], check["held"], saw])
            })
            .collect()
    };
    let controls = scenario["controls"]
        .as_array()
        .expect("there are controls")
        .iter();
    json!({
        "outcome": scenario["outcome"],
        "checks": verdicts(scenario, true),
        "controls": controls
            .map(|control| json!([control["name"], control["held"], verdicts(control, false)]))
            .collect::<Value>(),
    })
}
