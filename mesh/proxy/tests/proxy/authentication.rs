//! Tokens: believed, refused, and hidden from the application.

use std::time::UNIX_EPOCH;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hallway_model::authentication::TokenHeader;
use hallway_model::authorization::{AuthorizationAction, AuthorizationRule, Source, TextMatch};
use hallway_model::jwk::parse_set;
use hallway_model::telemetry::{Denial, Direction};
use hallway_model::{AuthorizationPolicy, Inbound, JwtRule, MtlsMode, Origin, Protocol};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::support::application::{Application, answer};
use crate::support::client::{Answer, get, request};
use crate::support::http2::{self, Client as Http2Client};
use crate::support::meshes::{Pair, host};

/// Somebody who issues tokens.
struct Issuer(Ed25519KeyPair);

impl Issuer {
    fn new() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("entropy");
        Self(Ed25519KeyPair::from_pkcs8(key.as_ref()).expect("a key"))
    }

    fn rule(&self, from: &[(&str, &str)]) -> JwtRule {
        let point = BASE64_URL_SAFE_NO_PAD.encode(self.0.public_key());
        let keys = format!(r#"{{ "keys": [{{ "kty": "OKP", "crv": "Ed25519", "x": "{point}" }}] }}"#);
        let header = |(name, prefix): &(&str, &str)| TokenHeader {
            name: (*name).to_owned(),
            prefix: (*prefix).to_owned(),
        };
        JwtRule {
            origin: origin(),
            issuer: "https://issuer.test".to_owned(),
            audiences: Vec::new(),
            keys: parse_set(&keys).expect("a key"),
            forward_original_token: false,
            from_headers: from.iter().map(header).collect(),
        }
    }

    /// A token for `subject` that expires `seconds` from now.
    fn token(&self, subject: &str, seconds: i64) -> String {
        let now = host()
            .wall_clock()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        let expires = i64::try_from(now.as_secs()).expect("before the end of time") + seconds;
        let claims = format!(r#"{{"iss":"https://issuer.test","sub":"{subject}","exp":{expires}}}"#);
        let parts = [r#"{"alg":"EdDSA"}"#, &claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        let signed = parts.join(".");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

fn origin() -> Origin {
    Origin {
        file: "rules.yaml".to_owned(),
        line: 7,
    }
}

/// Lets only Ann pass.
fn only_ann() -> AuthorizationPolicy {
    let source = Source {
        request_principals: vec![TextMatch::Exact("https://issuer.test/ann".to_owned())],
        ..Source::default()
    };
    AuthorizationPolicy {
        action: AuthorizationAction::Allow,
        rules: vec![AuthorizationRule {
            name: "shop/ann#1".to_owned(),
            origin: origin(),
            from: vec![source],
            to: Vec::new(),
        }],
    }
}

/// An application that answers with the headers in which tokens come.
async fn pair(change: impl FnOnce(&mut Inbound)) -> Pair {
    let host = host();
    let application = Application::start(&host, |request| async move {
        let seen = ["authorization", "x-token"].map(|name| match request.headers().get(name) {
            Some(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
            None => "-".to_owned(),
        });
        answer(200, seen.join(" "))
    });
    let mesh = Pair::start(host.clone(), application.await).await;
    mesh.accept_with(MtlsMode::Strict, change).await;
    mesh
}

async fn ask(mesh: &Pair, path: &str, headers: &[(&str, &str)]) -> Answer {
    get(
        &mesh.host,
        mesh.orders.outbound,
        &format!("http://payments{path}"),
        headers,
    )
    .await
}

const BEARER: &[(&str, &str)] = &[("authorization", "Bearer ")];

#[tokio::test]
async fn a_good_token_stays_with_the_sidecar_unless_the_rule_forwards_it() {
    let issuer = Issuer::new();
    let mesh = pair(|inbound| inbound.authentication = vec![issuer.rule(BEARER)]).await;
    let bearer = format!("Bearer {}", issuer.token("ann", 600));
    let answer = ask(&mesh, "/", &[("authorization", &bearer)]).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "- -"));
    let answer = ask(&mesh, "/", &[]).await;
    assert_eq!(answer.status, 200, "a request without a token passes, as nobody");
    let answer = ask(&mesh, "/", &[("authorization", "Basic YW5uOmFubg==")]).await;
    assert_eq!(answer.text(), "Basic YW5uOmFubg== -", "that is no token");

    let forwarded = JwtRule {
        forward_original_token: true,
        ..issuer.rule(BEARER)
    };
    mesh.accept_with(MtlsMode::Strict, |inbound| {
        inbound.authentication = vec![forwarded]
    })
    .await;
    let answer = ask(&mesh, "/", &[("authorization", &bearer)]).await;
    assert_eq!(answer.text(), format!("{bearer} -"));
}

#[tokio::test]
async fn a_bad_token_is_refused_and_not_logged() {
    let issuer = Issuer::new();
    let mesh = pair(|inbound| inbound.authentication = vec![issuer.rule(BEARER)]).await;
    let token = issuer.token("ann", -600);
    let refused = ask(
        &mesh,
        "/expired",
        &[("authorization", &format!("Bearer {token}"))],
    )
    .await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    assert!(
        refused
            .text()
            .contains("the token of the request is refused: it has expired"),
        "{}",
        refused.text()
    );

    let access = mesh.payments.records.access(Direction::Inbound, "/expired").await;
    assert_eq!((access.status, access.attempts), (Some(401), 0));
    let reason = "it has expired".to_owned();
    assert_eq!(access.denial, Some(Denial::BadToken { reason }));
    let logged = serde_json::to_string(&access).expect("plain data");
    assert!(!logged.contains(&token[..20]), "{logged}");

    for header in [
        format!("bearer {token}"),
        format!("BEARER  {token}"),
        format!("Bearer {}", Issuer::new().token("ann", 600)),
        "Bearer".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Bearer {}", "x".repeat(20_000)),
    ] {
        let refused = ask(&mesh, "/bad", &[("authorization", &header)]).await;
        assert_eq!(refused.status, 401, "{header}");
    }
}

#[tokio::test]
async fn of_several_tokens_none_is_believed() {
    let issuer = Issuer::new();
    let rule = issuer.rule(&[("authorization", "Bearer "), ("x-token", "")]);
    let mesh = pair(|inbound| inbound.authentication = vec![rule]).await;
    let token = issuer.token("ann", 600);
    let bearer = format!("Bearer {token}");
    let answer = ask(&mesh, "/", &[("x-token", &token)]).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "- -"));
    for headers in [
        [("authorization", bearer.as_str()), ("x-token", &token)],
        [("authorization", &bearer), ("authorization", &bearer)],
    ] {
        let refused = ask(&mesh, "/several", &headers).await;
        assert_eq!(refused.status, 401);
        assert!(refused.text().contains("there are several"), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_policy_demands_the_principal_of_a_token() {
    let issuer = Issuer::new();
    let mesh = pair(|inbound| {
        inbound.authentication = vec![issuer.rule(BEARER)];
        inbound.authorization = vec![only_ann()];
    })
    .await;
    let status = async |token: Option<String>| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = bearer
            .iter()
            .map(|bearer| ("authorization", bearer.as_str()))
            .collect();
        ask(&mesh, "/", &headers).await.status.as_u16()
    };
    assert_eq!(status(Some(issuer.token("ann", 600))).await, 200);
    assert_eq!(status(Some(issuer.token("bob", 600))).await, 403);
    assert_eq!(status(None).await, 403);
    assert_eq!(
        status(Some(issuer.token("ann", -600))).await,
        401,
        "before the policies are asked"
    );
    let metrics = get(
        &mesh.host,
        mesh.payments.admin,
        "/metrics",
        &[("authorization", "Bearer admin")],
    )
    .await
    .text();
    for counted in [
        r#"because="not_allowed",rule="none"} 2"#,
        r#"because="bad_token",rule="none"} 1"#,
    ] {
        assert!(metrics.contains(counted), "{metrics}");
    }
}

#[tokio::test]
async fn grpc_is_told_in_its_own_words() {
    let host = host();
    let issuer = Issuer::new();
    let application = http2::application(&host, |_| async { answer(200, "served") }).await;
    let mesh = http2::pair(host, application).await;
    let rule = issuer.rule(BEARER);
    mesh.accept_with(MtlsMode::Strict, |inbound| {
        inbound.protocol = Protocol::Http2;
        inbound.authentication = vec![rule];
    })
    .await;
    let mut client = Http2Client::connect(&mesh.host, mesh.orders.outbound).await;
    let call = |token: &str| {
        let headers = [("content-type", "application/grpc"), ("authorization", token)];
        request("POST", "http://payments/shop.Payments/Charge", &headers, "")
    };
    let (refused, _) = client.send(call("Bearer nonsense")).await.expect("an answer");
    assert_eq!(
        (refused.status.as_u16(), refused.header("grpc-status")),
        (200, Some("16"))
    );
    let good = format!("Bearer {}", issuer.token("ann", 600));
    let (served, _) = client.send(call(&good)).await.expect("an answer");
    assert_eq!(served.text(), "served");
}
