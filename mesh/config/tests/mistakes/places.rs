//! A mistake as data: its place, for tools.

use hallway_config::{Admission, load};
use hallway_yaml::Style;
use proptest::prelude::*;

use crate::{ROUTE, SERVICES, refused, rule_files};

#[test]
fn a_mistake_as_data_names_its_place() {
    let text = format!("{SERVICES}{ROUTE}    - backendRefs: [{{ name: paiments, port: 80 }}]\n");
    insta::assert_snapshot!(serde_json::to_string_pretty(&refused(&text)).expect("JSON"), @r#"
    [
      {
        "severity": "error",
        "message": "there is no Service shop/paiments",
        "file": "rules.yaml",
        "line": 12,
        "column": 29,
        "label": "refers to nothing",
        "context": "HTTPRoute shop/checkout, rule 1",
        "help": "did you mean `shop/payments`? otherwise add a Service shop/paiments"
      }
    ]
    "#);
}

proptest! {
    /// Whatever is cut out of a sound file, or put into it, it is read or refused with a place.
    #[test]
    fn no_damage_makes_the_loader_panic(at in 0usize..3000, length in 0usize..40, insert in "[-a-z0-9:{}\\[\\]'\" \n]{0,6}") {
        let sound = include_str!("../files/shop.yaml");
        let at = at.min(sound.len());
        let end = (at + length).min(sound.len());
        let text = format!("{}{insert}{}", &sound[..at], &sound[end..]);
        if let Err(diagnostics) = load(rule_files(&[("rules.yaml", &text)]), Admission::Enforce) {
            prop_assert!(diagnostics.has_errors());
            prop_assert!(diagnostics.records().iter().all(|record| record.file == "rules.yaml" && record.line > 0));
            prop_assert!(!diagnostics.render(Style::Coloured).is_empty());
        }
    }
}
