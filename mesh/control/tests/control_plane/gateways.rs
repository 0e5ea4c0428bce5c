//! Gateways: what their proxies are told, what operators are told of them, and what neither they nor the records show.

use hallway_control::api::{
    ConditionStatus, ConditionType, KnownWorkload, ProxySnapshot, PutRules, RegisterWorkload, Registered,
    RuleFile, RulesInForce, WorkloadEndpoint,
};
use hallway_model::telemetry::ControlRecord;
use http::{Method, StatusCode};

use crate::support::{Plane, TOKEN, bootstrap};

const GATEWAY: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  gatewayClassName: hallway
  listeners: [{ name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: shop-tls }] } }]
";

/// Rules with the certificate `chain` and its `key`.
fn rules(chain: &str, key: &str) -> String {
    let indented = |pem: &str| -> String { pem.lines().map(|line| format!("    {line}\n")).collect() };
    format!(
        "{GATEWAY}---\napiVersion: v1\nkind: Secret\nmetadata: {{ name: shop-tls, namespace: shop }}\n\
         type: kubernetes.io/tls\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
        indented(chain),
        indented(key)
    )
}

fn certified() -> (String, String) {
    let certified = rcgen::generate_simple_self_signed(["shop.test".to_owned()]).expect("a certificate");
    (certified.cert.pem(), certified.signing_key.serialize_pem())
}

/// What stands in a PEM of a key between its first and last line.
fn body(key: &str) -> &str {
    key.lines().nth(1).expect("PEM")
}

fn front() -> RegisterWorkload {
    RegisterWorkload {
        name: "front-1".to_owned(),
        namespace: "shop".to_owned(),
        service: "front".to_owned(),
        service_account: "front".to_owned(),
        gateway: Some("front".to_owned()),
    }
}

fn endpoint() -> WorkloadEndpoint {
    WorkloadEndpoint {
        inbound: ([127, 0, 0, 1], 1000).into(),
        application: ([127, 0, 0, 1], 1001).into(),
        ready: true,
        sidecar: true,
        seen_from: Default::default(),
    }
}

#[tokio::test]
async fn a_gateway_s_proxy_is_told_the_key_and_nobody_else_is() {
    let plane = Plane::start(bootstrap()).await;
    let (chain, key) = certified();
    let (status, answer) = plane.put_rules("rules.yaml", &rules(&chain, &key)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let registered: Registered = plane.operate(Method::POST, "/v1/workloads", front()).await;
    let proxy = plane.proxy("front-1");
    assert_eq!(proxy.join(&registered.join_token.0).await, StatusCode::OK);
    let programmed = async || {
        let status = plane.status().await;
        let conditions = &status.gateways["shop/front"].conditions;
        let programmed = conditions
            .iter()
            .find(|condition| condition.condition_type == ConditionType::Programmed);
        programmed.expect("the condition").status
    };
    assert_eq!(programmed().await, ConditionStatus::False);

    let mut updates = proxy.discover().await.expect("a stream");
    let update = updates.next().await;
    let gateway = update.delta.gateway.expect("it changed").expect("a gateway");
    let certificate = gateway.listeners[0].certificate.as_ref().expect("a certificate");
    assert_eq!((&certificate.chain, &certificate.key.0), (&chain, &key));
    proxy.answer(update.version, None).await;
    assert_eq!(programmed().await, ConditionStatus::True);

    let shown: ProxySnapshot = plane
        .operate(Method::GET, "/v1/proxies/front-1/snapshot", ())
        .await;
    let listener = &shown.snapshot.gateway.expect("a gateway").listeners[0];
    assert_eq!(listener.certificate.as_ref().expect("a certificate").chain, chain);
    let in_force: RulesInForce = plane.operate(Method::GET, "/v1/rules", ()).await;
    assert!(
        in_force.files[0].text.starts_with(GATEWAY),
        "the rest is as it was"
    );
    for path in ["/v1/rules", "/v1/proxies/front-1/snapshot", "/v1/status"] {
        let (_, answer) = plane.admin(Method::GET, path, Some(TOKEN), ()).await;
        let answer = String::from_utf8(answer.to_vec()).expect("text");
        assert!(
            !answer.contains(body(&key)) && !answer.contains("PRIVATE"),
            "{path}: {answer}"
        );
    }
    plane.stop().await;
}

#[tokio::test]
async fn refused_secrets_are_neither_recorded_nor_repeated() {
    let mut plane = Plane::start(bootstrap()).await;
    let (chain, key) = certified();
    let (_, other) = certified();
    let sound = rules(&chain, &other);
    for (text, reason) in [
        (sound.clone(), "not the key of the certificate"),
        (sound.replace("-----END", "-----FIN"), "is no PEM"),
        (sound.replace("  tls.key: |", "  tls.key: \"|"), "not YAML"),
        (sound.replace("tls.key: |", "tls.yek: |"), "unknown field"),
        (sound.replace("tls.key: |", "tls.crt: |"), "given twice"),
        (sound.replace("kind: Secret", "kind: Sceret"), "unknown kind"),
        (rules(&chain, &key).replace("tls.crt: |", "tls.crt: !x |"), "tag"),
    ] {
        let (status, answer) = plane.put_rules("rules.yaml", &text).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let recorded = plane
            .record(|record| match record {
                ControlRecord::Refused { problems, .. } => Some(problems),
                _ => None,
            })
            .await;
        let status = plane.status().await;
        let said = format!("{answer} {recorded:?} {status:?}");
        assert!(said.contains(reason), "{reason}: {said}");
        for hidden in [&key, &other] {
            assert!(!said.contains(body(hidden)), "{reason}: {said}");
        }
    }
    let request = PutRules {
        files: vec![RuleFile {
            name: "rules.yaml".to_owned(),
            text: key.clone(),
        }],
        admission: None,
    };
    assert!(!format!("{request:?}").contains(body(&key)));
    plane.stop().await;
}

#[tokio::test]
async fn a_gateway_is_no_endpoint() {
    let plane = Plane::start(bootstrap()).await;
    plane
        .operate::<Registered>(Method::POST, "/v1/workloads", front())
        .await;
    let (status, error) = plane
        .try_operate(Method::PUT, "/v1/workloads/front-1/endpoint", endpoint())
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(error.contains("`front-1` is a gateway"), "{error}");
    let known = KnownWorkload {
        registration: front(),
        endpoint: Some(endpoint()),
    };
    let (status, _) = plane.try_operate(Method::PUT, "/v1/workloads", [known]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    plane.stop().await;
}
