//! Rules: all or nothing, from the admin API and from a directory.

use std::fs;

use hallway_control::api::{ProxySnapshot, PutRules, RuleFile, RulesAccepted, RulesInForce};
use hallway_model::bootstrap::{Admission, ControlBootstrap};
use hallway_model::route::Target;
use hallway_model::telemetry::{ControlRecord, Problem};
use http::{Method, StatusCode};

use crate::support::{PAYMENTS, Plane, accepted, bootstrap};

const BROKEN: &str = "\
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ prot: 80 }] }
";

const DANGLING: &str = "\
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: checkout, namespace: shop }
spec:
  parentRefs: [{ group: \"\", kind: Service, name: payments }]
  rules: [{ backendRefs: [{ name: gone, port: 80 }] }]
";

fn refused(record: ControlRecord) -> Option<Vec<Problem>> {
    match record {
        ControlRecord::Refused { problems, .. } => Some(problems),
        _ => None,
    }
}

#[tokio::test]
async fn refused_rules_leave_the_old_ones_in_force_and_say_where() {
    let mut plane = Plane::start(bootstrap()).await;
    let orders = plane.joined("orders-1", "orders").await;
    plane.put_rules("rules.yaml", PAYMENTS).await;
    let mut updates = orders.discover().await.expect("a stream");
    let first = updates.next().await;
    orders.answer(first.version, None).await;

    for (name, text, line, message) in [
        ("rules.broken.yaml", BROKEN, 4, "prot"),
        ("rules.dangling.yaml", DANGLING, 11, "no Service shop/gone"),
    ] {
        let (status, answer) = plane.put_rules(name, text).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let problem = &answer["problems"][0];
        assert_eq!(
            (&problem["file"], &problem["line"]),
            (&name.into(), &line.into()),
            "{problem}"
        );
        assert!(
            problem["message"].as_str().expect("text").contains(message),
            "{problem}"
        );
        let rendered = answer["rendered"].as_str().expect("text");
        assert!(rendered.contains(&format!("{name}:{line}:")), "{rendered}");

        let rules = plane.status().await.rules;
        assert_eq!(rules.generation, 1);
        let refusal = rules.last_refusal.expect("the status names the error").refused;
        assert_eq!(
            (refusal.problems[0].file.as_str(), refusal.problems[0].line),
            (name, line)
        );
        let recorded = plane.record(refused).await;
        assert_eq!(recorded, refusal.problems);
    }
    let in_force: RulesInForce = plane.operate(Method::GET, "/v1/rules", ()).await;
    assert_eq!(in_force.files[0].text, PAYMENTS);

    // Discovery goes on.
    plane.register("payments-1", "payments").await;
    plane.place("payments-1", 4000).await;
    assert_eq!(updates.next().await.base, Some(first.version));

    plane.put_rules("rules.yaml", PAYMENTS).await;
    let rules = plane.status().await.rules;
    assert_eq!((rules.generation, rules.last_refusal), (2, None));
    plane.stop().await;
}

#[tokio::test]
async fn relaxed_admission_takes_dangling_references_with_a_warning() {
    let plane = Plane::start(bootstrap()).await;
    plane.register("orders-1", "orders").await;
    let request = PutRules {
        files: vec![RuleFile {
            name: "rules.yaml".to_owned(),
            text: DANGLING.to_owned(),
        }],
        admission: Some(Admission::Warn),
    };
    let answer: RulesAccepted = plane.operate(Method::PUT, "/v1/rules", request).await;
    assert!(
        answer.warnings[0].contains("no Service shop/gone"),
        "{:?}",
        answer.warnings
    );
    let shown: ProxySnapshot = plane
        .operate(Method::GET, "/v1/proxies/orders-1/snapshot", ())
        .await;
    let backend = &shown.snapshot.routes["shop/payments:80"].rules[0].backends[0];
    assert!(matches!(backend.target, Target::Unresolved { .. }), "{backend:?}");
    plane.stop().await;
}

#[tokio::test]
async fn a_directory_of_rules_is_followed() {
    let parent = tempfile::tempdir().expect("a directory");
    let directory = parent.path().join("rules");
    fs::create_dir(&directory).expect("a directory");
    let file = directory.join("rules.yaml");
    fs::write(&file, PAYMENTS).expect("a file");
    fs::write(directory.join("notes.txt"), BROKEN).expect("a file");
    let mut plane = Plane::start(ControlBootstrap {
        rules: Some(directory.clone()),
        ..bootstrap()
    })
    .await;
    assert_eq!(plane.record(accepted).await, 1);

    fs::write(
        directory.join("more.yaml"),
        PAYMENTS.replace("payments", "orders"),
    )
    .expect("a file");
    assert_eq!(plane.record(accepted).await, 2);
    let in_force: RulesInForce = plane.operate(Method::GET, "/v1/rules", ()).await;
    assert_eq!(in_force.files.len(), 2);

    fs::write(&file, BROKEN).expect("a file");
    let problems = plane.record(refused).await;
    assert_eq!(
        (problems[0].file.as_str(), problems[0].line),
        (file.to_str().expect("text"), 4)
    );
    assert_eq!(plane.status().await.rules.generation, 2);

    fs::write(&file, PAYMENTS).expect("a file");
    assert_eq!(plane.record(accepted).await, 3);

    fs::remove_file(&file).expect("it can be removed");
    assert_eq!(plane.record(accepted).await, 4);
    fs::remove_file(directory.join("more.yaml")).expect("it can be removed");
    let problems = plane.record(refused).await;
    assert!(
        problems[0].message.contains("no rule file any more"),
        "{problems:?}"
    );
    fs::write(&file, PAYMENTS).expect("a file");
    assert_eq!(plane.record(accepted).await, 5);

    fs::rename(&directory, parent.path().join("elsewhere")).expect("it can be moved");
    let problems = plane.record(refused).await;
    assert!(
        problems[0].message.contains("cannot read the rules"),
        "{problems:?}"
    );
    assert_eq!(plane.status().await.rules.generation, 5);
    plane.stop().await;
}
