//! Keys that are taken, and keys that are not, with the reason.

use hallway_model::JsonWebKey;
use hallway_model::jwk::{JwkError, JwtAlgorithm, parse_set};
use serde_json::{Value, json};

fn part(length: usize) -> String {
    // `_` is six bits that are set, so that no number begins with a zero.
    let mut text = "_".repeat(length * 8 / 6);
    match length % 3 {
        1 => text.push('w'),
        2 => text.push('8'),
        _ => {}
    }
    text
}

fn rsa() -> Value {
    json!({ "kty": "RSA", "n": part(256), "e": "AQAB" })
}

fn p256() -> Value {
    json!({ "kty": "EC", "crv": "P-256", "x": part(32), "y": part(32) })
}

fn ed25519() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": part(32) })
}

/// `key`, of which `name` is `value`.
fn with(mut key: Value, name: &str, value: impl Into<Value>) -> Value {
    key[name] = value.into();
    key
}

fn without(mut key: Value, name: &str) -> Value {
    key.as_object_mut().expect("a key").remove(name);
    key
}

fn set(keys: &[Value]) -> Result<Vec<JsonWebKey>, JwkError> {
    parse_set(&json!({ "keys": keys }).to_string())
}

fn mistake(key: Value) -> String {
    set(&[key]).expect_err("a mistake").to_string()
}

#[test]
fn each_kind_of_key_has_one_algorithm_and_survives_being_written() {
    for (key, algorithm, names) in [
        (rsa(), JwtAlgorithm::Rs256, &["RS256"][..]),
        (p256(), JwtAlgorithm::Es256, &["ES256"]),
        (ed25519(), JwtAlgorithm::EdDsa, &["EdDSA", "Ed25519"]),
    ] {
        for name in names {
            let key = with(with(key.clone(), "alg", *name), "use", "sig");
            let keys = set(&[with(key, "kid", "one")]).expect("a key");
            assert_eq!(keys[0].public.algorithm(), algorithm);
            let written = serde_json::to_string(&keys[0]).expect("plain data");
            assert_eq!(
                serde_json::from_str::<JsonWebKey>(&written).expect("a key"),
                keys[0]
            );
        }
    }
}

#[test]
fn secrets_and_private_keys_are_refused() {
    let shared = json!({ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256" });
    assert!(mistake(shared).contains("shared secret"));
    assert!(mistake(with(ed25519(), "d", part(32))).contains("private half (`d`)"));
    assert!(mistake(with(rsa(), "p", part(128))).contains("private half (`p`)"));
}

#[test]
fn keys_that_are_weak_or_of_other_kinds_are_refused() {
    let weak = with(rsa(), "n", part(128));
    assert!(mistake(weak).contains("1024 bits"));
    // 2,047 bits: the first one is not set.
    let weak = with(rsa(), "n", part(256).replacen('_', "f", 1));
    assert!(mistake(weak).contains("2047 bits"));
    assert!(mistake(with(rsa(), "n", part(1027))).contains("8216 bits"));
    assert!(mistake(with(rsa(), "n", format!("AAAA{}", part(256)))).contains("zeros"));
    for exponent in ["AQ", "Ag", "AQABAQAB"] {
        assert!(
            mistake(with(rsa(), "e", exponent)).contains("exponent"),
            "{exponent}"
        );
    }
    assert!(mistake(with(p256(), "crv", "P-384")).contains("`P-384`"));
    assert!(mistake(with(ed25519(), "crv", "X25519")).contains("`X25519`"));
    assert!(mistake(with(rsa(), "kty", "AKP")).contains("`AKP`"));
    assert!(mistake(with(rsa(), "alg", "RS512")).contains("`RS512`"));
    assert!(mistake(with(rsa(), "alg", "HS256")).contains("`HS256`"));
    assert!(mistake(with(p256(), "alg", "RS256")).contains("ES256 is supported"));
    assert!(mistake(with(p256(), "use", "enc")).contains("`enc`"));
}

#[test]
fn keys_that_lack_something_are_refused() {
    assert_eq!(mistake(without(p256(), "y")), "key 1: it has no `y`");
    assert_eq!(
        mistake(with(p256(), "y", part(31))),
        "key 1: its `y` has 31 bytes, not 32"
    );
    assert!(
        mistake(with(with(p256(), "x", "+/+="), "kid", "a")).starts_with("key `a`: its `x` is no base64url")
    );
    assert_eq!(mistake(with(ed25519(), "kid", 1)), "key 1: its `kid` is no text");
}

#[test]
fn sets_that_are_none() {
    assert!(matches!(parse_set("keys"), Err(JwkError::Set(_))));
    assert!(matches!(parse_set("{}"), Err(JwkError::Set(_))));
    assert_eq!(set(&[]), Err(JwkError::Count(0)));
    assert_eq!(set(&vec![ed25519(); 17]), Err(JwkError::Count(17)));
    let named = || with(ed25519(), "kid", "a");
    assert_eq!(set(&[named(), named()]), Err(JwkError::Duplicate("a".to_owned())));
    assert!(set(&[ed25519(), ed25519(), named()]).is_ok());
}
