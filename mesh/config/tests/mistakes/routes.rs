//! Deadlines, paths, expressions and limits that cannot hold.

use hallway_config::{Admission, load};

use crate::{ROUTE, SERVICES, mistakes_in_rule, rule_files, summary};

#[test]
fn deadlines_that_cannot_hold() {
    let rule = "      timeouts: { request: 1s, backendRequest: 1500ms }\n";
    insta::assert_snapshot!(mistakes_in_rule(rule), @r"
    error: backendRequest 1s500ms is longer than request 1s
       ╭▸ rules.yaml:13:48
       │
    13 │       timeouts: { request: 1s, backendRequest: 1500ms }
       │                            ┬─                  ━━━━━━ one attempt
       │                            │
       │                            all attempts together
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: make `backendRequest` at most as long as `request`
    ");
    let endless = format!(
        "{SERVICES}{ROUTE}    - backendRefs: [{{ name: payments, port: 80 }}]\n      timeouts: {{ request: 0s, backendRequest: 1s }}\n"
    );
    assert!(load(rule_files(&[("rules.yaml", &endless)]), Admission::Enforce).is_ok());
}

#[test]
fn paths_and_regular_expressions() {
    let rule = "      matches:
        - path: { value: charge }
        - path: { value: /a//b }
        - path: { value: /a/../b }
        - path: { value: /a%2Fb }
        - path: { type: Exact, value: '/a?b' }
        - path: { type: RegularExpression, value: '/(a' }
        - headers: [{ type: RegularExpression, name: x, value: '(?=a)' }]
        - queryParams: [{ type: RegularExpression, name: x, value: '[a-z]{9999}{9}' }]
";
    insta::assert_snapshot!(mistakes_in_rule(rule), @r"
    error: the path `charge` must begin with `/`
       ╭▸ rules.yaml:14:26
       │
    14 │         - path: { value: charge }
       │                          ━━━━━━ must begin with `/`
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the path `/a//b` must not have empty elements (`//`)
       ╭▸ rules.yaml:15:26
       │
    15 │         - path: { value: /a//b }
       │                          ━━━━━ must not have empty elements (`//`)
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the path `/a/../b` must not have the elements `.` and `..`
       ╭▸ rules.yaml:16:26
       │
    16 │         - path: { value: /a/../b }
       │                          ━━━━━━━ must not have the elements `.` and `..`
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the path `/a%2Fb` must not have an encoded slash (`%2f`)
       ╭▸ rules.yaml:17:26
       │
    17 │         - path: { value: /a%2Fb }
       │                          ━━━━━━ must not have an encoded slash (`%2f`)
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the path `/a?b` has a character that a path cannot have
       ╭▸ rules.yaml:18:39
       │
    18 │         - path: { type: Exact, value: '/a?b' }
       │                                       ━━━━━━ has a character that a path cannot have
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the regular expression `/(a` cannot be used: unclosed group
       ╭▸ rules.yaml:19:51
       │
    19 │         - path: { type: RegularExpression, value: '/(a' }
       │                                                   ━━━━━ unclosed group
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: use RE2 syntax, without look-around and back-references

    error: the regular expression `(?=a)` cannot be used: look-around, including look-ahead and look-behind, is not supported
       ╭▸ rules.yaml:20:64
       │
    20 │         - headers: [{ type: RegularExpression, name: x, value: '(?=a)' }]
       │                                                                ━━━━━━━ look-around, including look-ahead and look-behind, is not supported
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: use RE2 syntax, without look-around and back-references

    error: the regular expression `[a-z]{9999}{9}` cannot be used: it takes more than 64 KiB
       ╭▸ rules.yaml:21:68
       │
    21 │         - queryParams: [{ type: RegularExpression, name: x, value: '[a-z]{9999}{9}' }]
       │                                                                    ━━━━━━━━━━━━━━━━ it takes more than 64 KiB
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: use RE2 syntax, without look-around and back-references
    ");
}

#[test]
fn limits() {
    let matches = "{ method: GET }, ".repeat(65);
    let rules = format!(
        "    - {{ matches: [{}], backendRefs: [{{ name: payments, port: 80, weight: 1000001 }}] }}\n",
        matches
    );
    let many = "    - { backendRefs: [{ name: payments, port: 80 }] }\n".repeat(16);
    insta::assert_snapshot!(summary(&format!("{SERVICES}{ROUTE}{rules}{many}")), @r"
    rules.yaml:12:5: `rules` must have at most 16 items, not 17
    rules.yaml:12:18: `matches` must have at most 64 items, not 65
    rules.yaml:12:1177: `weight` must be a whole number from 0 to 1000000, not the number `1000001`
    ");
    let rule = format!(
        "    - {{ matches: [{}], backendRefs: [{{ name: payments, port: 80 }}] }}\n",
        "{ method: GET }, ".repeat(60)
    );
    insta::assert_snapshot!(summary(&format!("{SERVICES}{ROUTE}{}", rule.repeat(3))), @"rules.yaml:12:5: a route can have 128 matches in all, not 180 (split the route in two)");
}
