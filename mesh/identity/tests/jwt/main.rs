//! Tokens that are believed, and every way to be believed wrongly that is known (RFC 8725).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hallway_identity::jwt::{Claims, JwtError, LONGEST_TOKEN, verify};
use hallway_model::jwk::parse_set;
use hallway_model::{JsonWebKey, JwtRule, Origin};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

/// Keys, and tokens that OpenSSL 3 signed with them: for `https://issuer.test`, until 2100.
const OPENSSL: &str = include_str!("openssl.json");

/// Seconds since the epoch at which the tests happen: in 2026.
const NOW: u64 = 1_780_000_000;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn rule(keys: Vec<JsonWebKey>) -> JwtRule {
    JwtRule {
        origin: Origin {
            file: "rules.yaml".to_owned(),
            line: 1,
        },
        issuer: "https://issuer.test".to_owned(),
        audiences: vec!["shop".to_owned()],
        keys,
        forward_original_token: false,
        from_headers: Vec::new(),
    }
}

fn believed(token: &str, rule: &JwtRule, now: u64) -> Result<Claims, JwtError> {
    verify(token, [rule], at(now)).map(|(claims, _)| claims)
}

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// An issuer with a key for Ed25519 and one for ES256.
struct Issuer {
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
}

impl Issuer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).expect("entropy");
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("entropy");
        Self {
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).expect("a key"),
            p256: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random)
                .expect("a key"),
        }
    }

    fn rule(&self) -> JwtRule {
        let point = self.p256.public_key().as_ref();
        let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let keys = json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "x": part(self.ed25519.public_key().as_ref()), "kid": "ed" },
            { "kty": "EC", "crv": "P-256", "x": part(&point[1..33]), "y": part(&point[33..]), "kid": "ec" },
        ] });
        rule(parse_set(&keys.to_string()).expect("keys"))
    }

    /// A token signed with Ed25519, whatever its header says.
    fn signed(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let signature = self.ed25519.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    fn token(&self, claims: &Value) -> String {
        self.signed(&json!({ "alg": "EdDSA", "kid": "ed" }), claims)
    }
}

fn good_claims() -> Value {
    json!({ "iss": "https://issuer.test", "sub": "ann", "aud": "shop", "exp": NOW + 600 })
}

/// The good claims, of which `name` is `value`; absent for null.
fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = good_claims();
    match value {
        Value::Null => drop(claims.as_object_mut().and_then(|claims| claims.remove(name))),
        value => claims[name] = value,
    }
    claims
}

#[test]
fn tokens_of_another_implementation_are_believed() {
    let vectors: Value = serde_json::from_str(OPENSSL).expect("JSON");
    let rule = rule(parse_set(OPENSSL).expect("keys"));
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let token = vectors["tokens"][algorithm].as_str().expect("a token");
        let claims = believed(token, &rule, NOW).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!(
            claims.request_principal().as_deref(),
            Some("https://issuer.test/ann")
        );
        // Any other signature, claims or header are not what was signed.
        for position in (0..token.len()).step_by(7) {
            let other = if token.as_bytes()[position] == b'A' {
                "B"
            } else {
                "A"
            };
            let tampered = [&token[..position], other, &token[position + 1..]].concat();
            assert!(
                believed(&tampered, &rule, NOW).is_err(),
                "{algorithm} with another character at {position}"
            );
        }
        for length in 0..token.len() {
            assert!(
                believed(&token[..length], &rule, NOW).is_err(),
                "{algorithm}, {length} characters of it"
            );
        }
    }
}

#[test]
fn each_kind_of_key_goes_with_its_own_algorithm_only() {
    let vectors: Value = serde_json::from_str(OPENSSL).expect("JSON");
    let keys = parse_set(OPENSSL).expect("keys");
    for (index, algorithm) in ["RS256", "ES256", "EdDSA"].into_iter().enumerate() {
        let mut anonymous = keys.clone();
        anonymous.remove(index);
        anonymous.iter_mut().for_each(|key| key.id = None);
        let token = vectors["tokens"][algorithm].as_str().expect("a token");
        assert_eq!(
            believed(token, &rule(anonymous), NOW),
            Err(JwtError::Key),
            "{algorithm}"
        );
    }
}

#[test]
fn no_algorithm_but_that_of_the_key_is_taken() {
    let issuer = Issuer::new();
    let rule = issuer.rule();
    for algorithm in [
        "none", "None", "", "HS256", "HS512", "RS256", "ES256", "PS256", "ES384", "eddsa",
    ] {
        for header in [
            json!({ "alg": algorithm }),
            json!({ "alg": algorithm, "kid": "ed" }),
        ] {
            let token = issuer.signed(&header, &good_claims());
            let error = believed(&token, &rule, NOW).expect_err("it is not what the key does");
            assert!(
                matches!(error, JwtError::Key | JwtError::Signature),
                "{algorithm}: {error}"
            );
        }
    }
    let unsigned = format!(
        "{}.{}.",
        encoded(&json!({ "alg": "none" })),
        encoded(&good_claims())
    );
    assert_eq!(believed(&unsigned, &rule, NOW), Err(JwtError::Key));
    let unsigned = format!(
        "{}.{}.",
        encoded(&json!({ "alg": "EdDSA" })),
        encoded(&good_claims())
    );
    assert_eq!(believed(&unsigned, &rule, NOW), Err(JwtError::Signature));
    assert!(
        believed(
            &issuer.signed(&json!({ "alg": "Ed25519" }), &good_claims()),
            &rule,
            NOW
        )
        .is_ok(),
        "RFC 9864"
    );
}

/// The classical confusion: the public key, which everybody has, as the secret of an HMAC.
#[test]
fn a_public_key_is_no_secret() {
    let set: Value = serde_json::from_str(OPENSSL).expect("JSON");
    let rule = rule(parse_set(OPENSSL).expect("keys"));
    let modulus = set["keys"][0]["n"].as_str().expect("a modulus");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(modulus).expect("base64url");
    for secret in [modulus.as_bytes(), &bytes] {
        for header in [
            json!({ "alg": "HS256", "kid": "rsa" }),
            json!({ "alg": "HS256" }),
            json!({ "alg": "RS256" }),
        ] {
            let signed = format!("{}.{}", encoded(&header), encoded(&good_claims()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
            let token = format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag));
            assert!(believed(&token, &rule, NOW).is_err(), "{header}");
        }
    }
}

#[test]
fn the_key_that_is_named_must_have_signed_it() {
    let issuer = Issuer::new();
    let rule = issuer.rule();
    let with = |header: Value| believed(&issuer.signed(&header, &good_claims()), &rule, NOW).map(|_| ());
    assert_eq!(with(json!({ "alg": "EdDSA", "kid": "ed" })), Ok(()));
    assert_eq!(
        with(json!({ "alg": "EdDSA" })),
        Ok(()),
        "there is only one that it can be"
    );
    assert_eq!(with(json!({ "alg": "EdDSA", "kid": "ec" })), Err(JwtError::Key));
    assert_eq!(
        with(json!({ "alg": "ES256", "kid": "ec" })),
        Err(JwtError::Signature)
    );
    assert_eq!(
        with(json!({ "alg": "EdDSA", "kid": "other" })),
        Err(JwtError::Key)
    );
    // What a token brings itself is no key.
    let thief = Issuer::new();
    let own = serde_json::to_value(&thief.rule().keys[0]).expect("a key");
    let header =
        json!({ "alg": "EdDSA", "jwk": own, "jku": "https://evil.test/keys", "x5u": "https://evil.test/" });
    assert_eq!(
        believed(&thief.signed(&header, &good_claims()), &rule, NOW),
        Err(JwtError::Signature)
    );
    let critical = json!({ "alg": "EdDSA", "kid": "ed", "crit": ["b64"], "b64": false });
    assert_eq!(with(critical), Err(JwtError::Critical));
}

#[test]
fn it_must_be_from_the_issuer_and_for_us() {
    let issuer = Issuer::new();
    let rule = issuer.rule();
    let of = |claims: Value| believed(&issuer.token(&claims), &rule, NOW).map(|_| ());
    assert_eq!(of(good_claims()), Ok(()));
    assert_eq!(of(claims_with("aud", json!(["bank", "shop"]))), Ok(()));
    for other in [
        json!("https://issuer.test/"),
        json!("https://evil.test"),
        Value::Null,
    ] {
        assert_eq!(of(claims_with("iss", other)), Err(JwtError::Issuer));
    }
    for other in [json!("Shop"), json!(["bank"]), json!([]), Value::Null] {
        assert_eq!(of(claims_with("aud", other)), Err(JwtError::Audience));
    }
    let anybody = JwtRule {
        audiences: Vec::new(),
        ..rule.clone()
    };
    let for_the_bank = issuer.token(&claims_with("aud", json!("bank")));
    assert!(believed(&for_the_bank, &anybody, NOW).is_ok());
    // Of several rules for one issuer, one must hold.
    let (_, chosen) = verify(&for_the_bank, [&rule, &anybody], at(NOW)).expect("the second one holds");
    assert_eq!(chosen, &anybody);
    assert_eq!(
        verify(&for_the_bank, [], at(NOW)).map(|_| ()),
        Err(JwtError::Issuer)
    );
}

#[test]
fn it_must_be_valid_now_give_or_take_a_minute() {
    let issuer = Issuer::new();
    let rule = issuer.rule();
    let of = |claims: Value, now: u64| believed(&issuer.token(&claims), &rule, now).map(|_| ());
    assert_eq!(of(good_claims(), NOW + 600 + 59), Ok(()));
    assert_eq!(of(good_claims(), NOW + 600 + 60), Err(JwtError::Expired));
    let later = claims_with("nbf", json!(NOW + 60));
    assert_eq!(of(later.clone(), NOW), Ok(()));
    assert_eq!(of(later, NOW - 1), Err(JwtError::NotYetValid));
    assert_eq!(of(claims_with("exp", Value::Null), NOW), Err(JwtError::NoExpiry));
    assert_eq!(of(claims_with("exp", json!(NOW as f64 + 0.5)), NOW), Ok(()));
    assert_eq!(of(claims_with("exp", json!(-1)), NOW), Err(JwtError::Expired));
    assert_eq!(
        of(claims_with("exp", json!("4102444800")), NOW),
        Err(JwtError::Malformed)
    );
}

#[test]
fn whatever_is_no_token_is_refused() {
    let issuer = Issuer::new();
    let rule = issuer.rule();
    let token = issuer.token(&good_claims());
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token}")
    };
    let twice = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","alg":"EdDSA"}"#);
    for malformed in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        format!("{header}.{claims}"),
        format!("{token}.{signature}"),
        format!("{header}.{claims}.{signature}="),
        format!(" {token}"),
        format!("{twice}.{claims}.{signature}"),
        format!("{header}.{}.{signature}", encoded(&json!(["a list"]))),
    ] {
        assert_eq!(
            believed(&malformed, &rule, NOW),
            Err(JwtError::Malformed),
            "{malformed}"
        );
    }
    let huge = issuer.token(&claims_with("filling", json!("x".repeat(LONGEST_TOKEN))));
    assert_eq!(believed(&huge, &rule, NOW), Err(JwtError::TooLong));
}

#[test]
fn a_principal_has_an_issuer_and_a_subject() {
    let issuer = Issuer::new();
    let principal = |claims: &Value| {
        let claims = believed(&issuer.token(claims), &issuer.rule(), NOW);
        claims.expect("a good token").request_principal()
    };
    assert_eq!(
        principal(&good_claims()).as_deref(),
        Some("https://issuer.test/ann")
    );
    assert_eq!(principal(&claims_with("sub", Value::Null)), None);
    assert_eq!(principal(&claims_with("sub", json!(""))), None);
}
