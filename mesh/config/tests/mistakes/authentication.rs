//! `RequestAuthentication`.

use crate::{SERVICES, mistakes};

/// Sound services, and a policy of namespace `shop` with this `spec`.
fn policy(spec: &str) -> String {
    format!(
        "{SERVICES}apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{ name: customers, namespace: shop }}
spec:
{spec}"
    )
}

#[test]
fn fields_and_values_that_cannot_be() {
    let text = policy(
        "  targetRefs: []
  jwtRules:
    - issuer: ''
      audiences: []
      jwksUri: https://issuer.test/keys
      fromHeaders: [{ name: 'x token', prefix: ' Bearer' }]
      outputPayloadToHeader: x-claims
      fromParams: [token]
",
    );
    insta::assert_snapshot!(mistakes(&text));
}

#[test]
fn keys_that_cannot_be_used() {
    let text = policy(
        r#"  jwtRules:
    - issuer: https://secret.test
      jwks: '{ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] }'
    - issuer: https://private.test
      jwks: '{ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "mine", "d": "AA", "x": "AA" }] }'
    - issuer: https://nothing.test
      jwks: https://nothing.test/keys
"#,
    );
    insta::assert_snapshot!(mistakes(&text));
}

#[test]
fn what_is_there_twice_or_chooses_nothing() {
    let key = r#"'{ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "rymdJNFXPWbjsCmey6O67CHeAQRMuCuqDENWHcpxDfI" }] }'"#;
    let text = policy(&format!(
        "  selector: {{ matchLabels: {{ app: paymints }} }}
  jwtRules:
    - issuer: https://issuer.test
      jwks: {key}
      fromHeaders: [{{ name: x-token }}, {{ name: X-Token, prefix: JWT }}]
    - issuer: https://issuer.test
      jwks: {key}
"
    ));
    insta::assert_snapshot!(mistakes(&text));
}
