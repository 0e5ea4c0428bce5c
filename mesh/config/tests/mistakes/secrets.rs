//! Secrets: whatever is wrong with one, nobody is shown what it holds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hallway_config::{Admission, RuleFile, load, redacted};
use hallway_yaml::Style;
use proptest::prelude::*;

use crate::{mistakes, refused, rule_files};

/// What must not be seen anywhere.
const MARKER: &str = "Zm9yYmlkZGVuTUFSS0VS";

/// A certificate with its key, PEM.
fn certified() -> (String, String) {
    let certified = rcgen::generate_simple_self_signed(["shop.test".to_owned()]).expect("a certificate");
    (certified.cert.pem(), certified.signing_key.serialize_pem())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// A Secret with these lines after its type.
fn secret(rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: shop-tls, namespace: shop }}\ntype: kubernetes.io/tls\n{rest}"
    )
}

fn in_the_clear(chain: &str, key: &str) -> String {
    secret(&format!(
        "stringData:\n  tls.key: |\n{}  tls.crt: |\n{}",
        indented(key),
        indented(chain)
    ))
}

/// All that is said about `text`, in all forms.
fn everything_said(text: &str) -> String {
    let files = rule_files(&[("rules.yaml", text)]);
    let debug = format!("{files:?}");
    match load(files, Admission::Enforce) {
        Ok(loaded) => format!("{debug} {:?} {}", loaded.resources, loaded.warnings),
        Err(diagnostics) => format!(
            "{debug} {} {diagnostics:?} {}",
            diagnostics.render(Style::Coloured),
            serde_json::to_string(&diagnostics).expect("JSON")
        ),
    }
}

#[test]
fn both_forms_are_read_and_neither_is_shown() {
    let (chain, key) = certified();
    let encoded = |text: &str| STANDARD.encode(text);
    let in_base64 = secret(&format!(
        "data:\n  tls.crt: {}\n  tls.key: {}\n",
        encoded(&chain),
        encoded(&key)
    ));
    for text in [in_the_clear(&chain, &key), in_base64] {
        let loaded = load(rule_files(&[("rules.yaml", &text)]), Admission::Enforce)
            .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let secret = loaded.resources.secrets.values().next().expect("a secret");
        let certificate = secret.value.certificate().expect("they belong together");
        assert_eq!(
            (certificate.chain.as_str(), certificate.key.reveal()),
            (chain.as_str(), key.as_str())
        );
        let second_line = key.lines().nth(1).expect("PEM");
        for hidden in [second_line, &encoded(&key), "BEGIN"] {
            assert!(!everything_said(&text).contains(hidden), "{hidden}");
            let file = RuleFile {
                name: "rules.yaml".to_owned(),
                text: text.clone(),
            };
            assert!(!redacted(&file).text.contains(hidden), "{hidden}");
        }
    }
}

#[test]
fn what_is_no_certificate_with_its_key() {
    let (chain, key) = certified();
    let (_, other) = certified();
    let damaged = chain.replace("MII", "AAA");
    insta::assert_snapshot!(mistakes(&in_the_clear(&chain, &other)), @r"
    error: `tls.key` is not the key of the certificate in `tls.crt`
      ╭▸ rules.yaml:6:3
      │
    6 │   tls.key: |
      │   ━━━━━━━
      │
      ╰ in Secret shop/shop-tls
    help: write the key that the first certificate was issued for
    ");
    for (text, expected) in [
        (
            in_the_clear(&chain, &chain),
            "`tls.key` is no PEM of a private key",
        ),
        (
            in_the_clear(&key, &key),
            "`tls.crt` is no PEM of a certificate chain",
        ),
        (in_the_clear(&damaged, &key), "`tls.crt` cannot be used"),
        (
            in_the_clear(&chain, &key.replace("MI", "AA").replace("MC", "AA")),
            "`tls.key` cannot be used",
        ),
        (
            secret(&format!("data:\n  tls.crt: {MARKER}!\n  tls.key: {MARKER}\n")),
            "`tls.crt` is not text in base64",
        ),
        (
            secret(&format!("stringData: {{ tls.crt: {MARKER} }}\n")),
            "the Secret has no `tls.key`",
        ),
        (secret(""), "the Secret has no `tls.crt`"),
        (
            secret(&format!(
                "stringData: {{ tls.crt: {MARKER}, tls.key: {MARKER} }}\ndata: {{ tls.key: {MARKER} }}\n"
            )),
            "`tls.key` is given in `data` and in `stringData`",
        ),
    ] {
        let said = everything_said(&text);
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!said.contains(MARKER), "{said}");
    }
}

#[test]
fn a_mistake_in_a_secret_has_its_place_and_a_masked_line() {
    let text = secret(&format!(
        "stringData:\n  tls.crt: &anchor {MARKER}\n  tls.key: {MARKER}\n"
    ));
    insta::assert_snapshot!(mistakes(&text), @r"
    error: an anchor is not supported
      ╭▸ rules.yaml:6:12
      │
    6 │   tls.crt: &xxxxxx xxxxxxxxxxxxxxxxxxxx
      │            ━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      ╰╴
    help: write the value out in each place
    ");
    let text = secret(&format!(
        "stringData:\n  tls.kye: {MARKER}\n  tls.crt: [{MARKER}]\n"
    ));
    insta::assert_snapshot!(mistakes(&text), @r"
    error: unknown field `…`
      ╭▸ rules.yaml:6:3
      │
    6 │   xxxxxxx: xxxxxxxxxxxxxxxxxxxx
      │   ━━━━━━━ `stringData` has `tls.crt` and `tls.key`
      │
      ╰ in Secret shop/shop-tls

    error: `tls.crt` must be text, not a list
      ╭▸ rules.yaml:7:12
      │
    7 │   tls.crt: [xxxxxxxxxxxxxxxxxxxx]
      │            ━━━━━━━━━━━━━━━━━━━━━━ expected text
      │
      ╰ in Secret shop/shop-tls
    ");
}

/// Ways to go wrong, with the marker where the secret would be.
const WRONG: [&str; 18] = [
    "stringData:\n  tls.key: MARKER\n tls.crt: x\n",
    "stringData:\n  tls.key: \"MARKER\n",
    "stringData:\n  tls.key: 'MARKER\n",
    "stringData:\n  tls.key: \"MARKER\\q\"\n",
    "stringData:\n  tls.key: !tag MARKER\n",
    "stringData:\n  tls.key: !MARKER x\n",
    "stringData:\n  tls.key: *MARKER\n",
    "stringData:\n  tls.key: &MARKER x\n",
    "stringData:\n  tls.key: MARKER\n  tls.key: MARKER\n",
    "stringData:\n  MARKER: x\n  MARKER: y\n",
    "stringData:\n  tls.key: { MARKER: x }\n",
    "stringData:\n  ? [MARKER]\n  : x\n",
    "stringData: MARKER\n",
    "MARKER: x\n",
    "stringData:\n  tls.key: |\n  MARKER\nMARKER\n",
    "stringData: {}\n# MARKER\nunknown: MARKER\n",
    "data:\n  tls.key: \"say \\\"MARKER\\\" twice\\\\\"\nunknown: 'it''s MARKER'\n",
    "stringData: { <<: MARKER, tls.key: MARKER, }, }\n",
];

#[test]
fn whatever_is_wrong_nothing_is_shown() {
    for wrong in WRONG {
        let text = secret(&wrong.replace("MARKER", MARKER));
        let neighbour = "---\napiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { prots: [] }\n";
        for text in [text.clone(), text.replace("Secret", "Secrte"), text + neighbour] {
            let said = everything_said(&text);
            assert!(said.contains("error") && said.contains("rules.yaml"), "{said}");
            assert!(!said.contains(MARKER), "{wrong}: {said}");
        }
    }
    for metadata in [
        "name: MARKER x",
        "[MARKER]",
        "{ name: [MARKER] }",
        "{ nmae: x, labels: { MARKER: [] } }",
        "{ labels: { a: [MARKER, 1] } }",
    ] {
        let text = secret("")
            .replace("{ name: shop-tls, namespace: shop }", metadata)
            .replace("MARKER", MARKER);
        assert!(!everything_said(&text).contains(MARKER), "{metadata}");
    }
    let number = secret("stringData: { tls.key: 4815162342, tls.crt: 0x4815162342 }\n");
    assert!(!everything_said(&number).contains("4815162342"));
}

#[test]
fn two_secrets_of_one_name_are_told_without_their_lines() {
    let one = secret(&format!("stringData: {{ tls.key: {MARKER} }}\n"));
    let text = format!("{one}---\n{one}");
    assert!(
        refused(&text)
            .records()
            .iter()
            .any(|record| record.message.contains("two Secrets"))
    );
    assert!(!everything_said(&text).contains(MARKER));
}

#[test]
fn a_comment_can_hold_a_key_too_and_so_can_what_is_no_secret() {
    let text = format!("# -----BEGIN PRIVATE KEY-----\n# {MARKER}\n---\n{}", secret(""));
    let file = RuleFile {
        name: "rules.yaml".to_owned(),
        text: text.clone(),
    };
    assert!(!redacted(&file).text.contains(MARKER));
    // What was meant to be a Secret, and is one folded text.
    let folded = RuleFile {
        text: format!(">\n{}", secret(&format!("stringData: {{ tls.key: {MARKER} }}\n"))),
        ..file
    };
    assert!(!redacted(&folded).text.contains(MARKER));
    let service = format!("# -----BEGIN PRIVATE KEY-----\nspec: {{ ports: [] }} # {MARKER}\nkind: Service\n");
    assert!(!everything_said(&service).contains(MARKER));
}

#[test]
fn what_is_beside_a_secret_is_shown_as_it_is() {
    let text = format!(
        "{}---\napiVersion: v1\nkind: Service\nmetadata: {{ name: visible }}\nspec: {{ prots: [] }}\n",
        secret("")
    );
    assert!(mistakes(&text).contains("spec: { prots: [] }"));
}

proptest! {
    /// Whatever is cut out of a sound Secret, or put into it: the line with the marker is never shown.
    #[test]
    fn no_damage_lets_a_secret_out(at in 0usize..200, length in 0usize..12, insert in "[-a-z0-9:{}\\[\\]'\"&*!#|> \n]{0,6}") {
        let sound = format!("{}stringData:\n  tls.key: |\n    {MARKER}\n    ", secret(""));
        let at = at.min(sound.len());
        let end = (at + length).min(sound.len());
        // The marker itself stays whole, and so do the words by which a Secret is known.
        let text = format!("{}{insert}{}", &sound[..at], &sound[end..]);
        prop_assume!(text.contains("stringData") || text.contains("kind: Secret"));
        let file = RuleFile { name: "rules.yaml".to_owned(), text: text.clone() };
        prop_assert!(!everything_said(&text).contains(MARKER));
        prop_assert!(!redacted(&file).text.contains(MARKER));
        prop_assert_eq!(redacted(&file).text.len(), text.len());
    }
}
