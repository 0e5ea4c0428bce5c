//! Route tables found by authority.

use std::collections::BTreeMap;

use hallway_model::RouteTable;
use hallway_traffic::Routes;

fn tables(entries: &[(&str, &[&str])]) -> BTreeMap<String, RouteTable> {
    entries
        .iter()
        .map(|(name, authorities)| {
            let table = RouteTable {
                name: (*name).to_owned(),
                authorities: authorities
                    .iter()
                    .map(|&authority| authority.to_owned())
                    .collect(),
                rules: Vec::new(),
            };
            ((*name).to_owned(), table)
        })
        .collect()
}

#[test]
fn an_authority_is_found_without_regard_to_case() {
    let tables = tables(&[("shop/payments:80", &["payments", "payments:80"])]);
    let routes = Routes::compile(&tables, &Routes::default()).expect("valid tables");
    for authority in ["payments", "Payments:80"] {
        let found = routes.table(authority).map(|table| table.name());
        assert_eq!(found, Some("shop/payments:80"), "{authority}");
    }
    assert!(routes.table("payments.shop").is_none());
}

#[test]
fn a_table_that_did_not_change_is_not_compiled_again() {
    let first = tables(&[("a", &["a"]), ("b", &["b"])]);
    let before = Routes::compile(&first, &Routes::default()).expect("valid tables");
    let second = tables(&[("a", &["a"]), ("b", &["b", "b.shop"])]);
    let after = Routes::compile(&second, &before).expect("valid tables");
    let same = |authority| {
        let pair = (before.table(authority), after.table(authority));
        matches!(pair, (Some(before), Some(after)) if std::ptr::eq(before, after))
    };
    assert!(same("a"));
    assert!(!same("b"));
}

#[test]
fn two_tables_cannot_share_an_authority() {
    let tables = tables(&[("a", &["payments"]), ("b", &["PAYMENTS"])]);
    let refused = Routes::compile(&tables, &Routes::default()).expect_err("an ambiguous authority");
    assert_eq!(
        refused.to_string(),
        "`a` and `b` both claim the authority `PAYMENTS`; one of them must give it up"
    );
}
