//! Every kind of mistake, as it is shown.

use super::{BASE, edited, read_text};

/// Compares all that is wrong with the base scenario after these edits with the snapshot `name`.
pub(super) fn assert_mistakes(name: &str, edits: &[(&str, &str)]) {
    assert_refused(name, &edited(edits));
}

pub(super) fn assert_refused(name: &str, text: &str) {
    let mistakes = read_text(text).expect_err("something is wrong").to_string();
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, mistakes) });
}

#[test]
fn kinds_of_fields_and_values() {
    assert_mistakes(
        "kinds",
        &[
            ("grounds: [processes, simulated]", "grounds: []"),
            ("replicas: 2", "replica: 2"),
            ("share: 1 in 10, status: 503", "share: often, status: 99"),
            ("rate: 500/s, for: 6s", "rate: fast, for: 6"),
            ("because: expired", "because: old"),
            ("payments inbound]", "payments sideways]"),
            ("{ hops: {", "{ jumps: {"),
            ("change_request_ids: 1", "change_request_ids: 0"),
        ],
    );
    assert_mistakes(
        "kinds-of-proxies",
        &[
            ("payments inbound]", "payments sideways]"),
            ("by: payments sidecar", "by: payments"),
        ],
    );
}

#[test]
fn names() {
    assert_mistakes(
        "names",
        &[
            ("scenario: base", "scenario: other"),
            (
                "    canary: { version: v2 }",
                "    canary: { version: v2 }\n    Big_One: {}\n    intruder: {}",
            ),
            ("rules: rules.yaml", "rules: ../rules.yaml"),
            ("push: rules.bad.yaml", "push: rules.missing.yaml"),
            ("  broken:", "  Broken!:"),
        ],
    );
}

#[test]
fn services() {
    assert_mistakes(
        "services",
        &[
            ("calls: [payments, {", "calls: [payments, not a name, {"),
            (
                "http://ledger/entry\", method: POST",
                "https://ledger/entry\", method: p st",
            ),
            ("p90: 5ms, p99: 20ms", "p90: 5s, p99: 2s"),
            ("payments-2:", "payments-3:"),
            ("resolves_to: canary", "resolves_to: canry, replicas: 3"),
        ],
    );
    assert_mistakes(
        "services-that-call-each-other",
        &[
            (
                "canary: { version: v2 }",
                "canary: { version: v2, calls: [orders, payments], behaviour: { latency: 2h } }",
            ),
            ("calls: [payments,", "calls: [canary,"),
            (
                "rules: rules.yaml",
                "  trust_domain: Hallway\n  svid_lifetime: 0s\nrules: rules.yaml",
            ),
        ],
    );
}

#[test]
fn first_calls() {
    assert_mistakes(
        "first-calls",
        &[
            (
                "canary: { version: v2 }",
                "canary: { version: v2, first_calls: [not a name, { url: ftp://orders/, method: get }] }\n    early: { starts: before_sidecar }",
            ),
            (
                "  hops: {",
                "  unknown: { first_calls: { service: canry, status: 200 } }
  silent: { first_calls: { service: payments, status: 200 } }
  hops: {",
            ),
        ],
    );
    assert_mistakes(
        "first-calls-of-no-kind",
        &[(
            "canary: { version: v2 }",
            "canary: { version: v2, first_calls: orders, starts: later }",
        )],
    );
}

#[test]
fn first_calls_may_go_round() {
    let text = edited(&[(
        "canary: { version: v2 }",
        "canary: { version: v2, first_calls: [dawn] }\n    dawn: { first_calls: [canary], starts: socket_activated }",
    )]);
    let contents = read_text(&text).unwrap_or_else(|error| panic!("{error}"));
    let dawn = &contents.scenario.topology.services["dawn"];
    assert_eq!(dawn.first_calls[0].url(), "http://canary/");
}

#[test]
fn nobody_stands_in_for_rust() {
    assert_mistakes(
        "fallback-of-rust",
        &[(
            "canary: { version: v2 }",
            "canary: { version: v2, fallback: rust }",
        )],
    );
}

#[test]
fn traffic() {
    assert_mistakes(
        "traffic",
        &[
            (
                "from: orders, to: http://payments/charge, rate: 500/s, for: 6s",
                "from: order, to: payments/charge, rate: 500/s, for: 6s, count: 3000",
            ),
            ("via: orders", "via: ledger"),
            (
                "method: POST\n    headers: { x-user: ada }\n    count: 20",
                "method: post\n    headers: { x user: \"a\\nb\" }\n    present: plaintext",
            ),
            (
                "present: { identity: orders, expired_for: 1h }, count: 20",
                "for: 0s, patience: 0s",
            ),
        ],
    );
    assert_mistakes(
        "traffic-of-nobody",
        &[
            (
                "from: orders, to: http://payments/charge, rate: 500/s, for: 6s",
                "to: http://payments/charge, rate: 1000/s, for: 1h",
            ),
            ("via: orders", "via: orders\n    from: orders"),
            (
                "present: { identity: orders,",
                "present: { trust_domain: \"evil!\", identity: \"\",",
            ),
            ("from: intruder, to: payments,", "from: intruder, to: payment,"),
        ],
    );
}

#[test]
fn timeline() {
    assert_mistakes(
        "timeline",
        &[(
            "  - { at: 3s, push: rules.half.yaml, expect: accepted }",
            "  - { at: 3s, push: rules.half.yaml, expect: accepted }\n  - { at: 2s, push: rules.v2.yaml, expect: accepted }\n  - { at: 6s, push: rules.half.yaml, expect: accepted }",
        )],
    );
}

#[test]
fn checks() {
    assert_mistakes(
        "checks",
        &[
            (
                "{ responses: { traffic: steady, status: 200, share: \">= 99%\" }",
                "{ responses: { traffic: stedy, status: 200, during: { after: rules.bad.yaml } }",
            ),
            (
                "propagation: { push: rules.half.yaml, acknowledged_by: all,",
                "propagation: { push: rules.haf.yaml, acknowledged_by: everyone,",
            ),
            ("count: 1, each_names", "count: 2, each_names"),
            (
                "[orders outbound, payments inbound]",
                "[orders outbound, ledger inbound]",
            ),
            ("by: payments sidecar", "by: payment sidecar"),
            ("caller: orders", "caller: order"),
        ],
    );
    assert_mistakes(
        "checks-of-every-kind",
        &[(
            "  hops: {",
            "  slow: { latency: { traffic: post, percentile: p99, at_least: 1s, at_most: 500ms } }
  quick: { latency: { traffic: post, percentile: p99 } }
  twice: { responses: { traffic: post, status: 200, share: 100%, count: \"20\" } }
  load: { load: { traffic: post, instance: payments-9, below: 15% } }
  attempts: { attempts: { traffic: post, service: ledger, each: 1 } }
  never: { never_handled: { traffic: [rude, nobody] } }
  once: { at_most_once: { service: payment, by: idempotency-key } }
  just-once: { exactly_once: { service: payments, by: idempotency-key, where: caller saw 2xx } }
  sealed: { encrypted: { from: order, to: payment } }
  trace: { trace_complete: { traffic: posts } }
  cancelled: { cancelled: { traffic: post, service: payment, within: 1s } }
  flag: { response_flag: { traffic: post, proxy: order, flag: UT, share: 100% } }
  nacked: { nacked: { push: rules.bad.yaml, by: order, because: limit } }
  books: { telemetry_agrees: { service: payment } }
  hops: {",
        )],
    );
}

#[test]
fn amplifications() {
    let storm = |check| format!("  storm: {{ amplification: {{ {check} }} }}\n  hops: {{");
    let names = storm("traffic: posts, service: ledger, at_most: 2.5");
    assert_mistakes("amplification-of-nothing", &[("  hops: {", &names)]);
    let too_small = storm("traffic: post, service: payments, at_most: 0.5");
    assert_mistakes("amplification-below-one", &[("  hops: {", &too_small)]);
}

#[test]
fn samples() {
    let tells_apart = "tells_apart: { payments: 80, canary: 20 }";
    let before = "before: rules.half.yaml";
    assert_mistakes("sample-too-small", &[("sample: 1200", "sample: 1153")]);
    assert_mistakes(
        "sample-after",
        &[
            (before, "after: rules.half.yaml"),
            ("sample: 1200", "sample: 1501"),
        ],
    );
    assert_mistakes("sample-before", &[("at: 3s", "at: 2s")]);
    assert_mistakes(
        "split-the-same",
        &[(tells_apart, "tells_apart: { payments: 9, canary: 1 }")],
    );
    assert_mistakes(
        "split-too-near",
        &[(tells_apart, "tells_apart: { payments: 899, canary: 101 }")],
    );
    assert_mistakes(
        "split-of-others",
        &[(
            tells_apart,
            "tells_apart: { paymets: 80, ledger: 0, canary: 2000000 }",
        )],
    );
    assert_mistakes(
        "split-of-nothing",
        &[("{ payments: 90, canary: 10 }", "{ payments: 0, canary: 0 }")],
    );
}

#[test]
fn controls() {
    assert_mistakes(
        "controls",
        &[
            (
                "    must_fail: { answered: \"500\" }",
                "    must_fail: { answerd: \"500\" }",
            ),
            (
                "    timeline: { remove: [rules.half.yaml] }",
                "    timeline: { remove: [rules.haf.yaml] }",
            ),
            (
                "    may_fail: [split]",
                "    may_fail: [in-time, split, split, splits]",
            ),
            ("must_fail: { caller: mallory }", "must_fail: {}"),
            (
                "must_fail: { hops: request id }",
                "must_fail: { hops: \" \", caller: ledger }",
            ),
            ("rules: rules.other.yaml", "may_fail: []"),
        ],
    );
}

#[test]
fn patches_of_controls() {
    assert_mistakes(
        "patches",
        &[
            (
                "payments: { behaviour: { status: 500 }, instances: null }",
                "payments: { behavior: { status: 500 } }",
            ),
            ("rules: rules.other.yaml", "rules: rules.yaml"),
            ("orders: { identity: mallory }", "orders: { identity: Mallory }"),
            ("present: { expired_for: null }", "present: { expired_for: 1h }"),
            (
                "  lost:",
                "  gone:
    traffic: { rude: null }
    must_fail: { rejected: evidence }
  too-slow:
    traffic: { post: { rate: 1/h } }
    must_fail: { hops: evidence }
  alone:
    topology: { services: { payments: { replicas: 1 } } }
    must_fail: { answered: \"404\" }
  lost:",
            ),
        ],
    );
}

#[test]
fn a_broken_scenario_does_not_hide_a_broken_control() {
    assert_mistakes(
        "both",
        &[
            ("expect: accepted", "expect: acepted"),
            (
                "traffic: { rude: { present: { expired_for: null } } }",
                "traffic: { rude: { presents: plaintext } }",
            ),
        ],
    );
}

#[test]
fn what_is_missing_altogether() {
    let lines = BASE
        .lines()
        .filter(|line| !line.starts_with("rules:") && !line.starts_with("title:"));
    assert_refused("fields-missing", &lines.collect::<Vec<_>>().join("\n"));
    let empty = "scenario: base\ntitle: nothing\nteaches: Nothing\ngrounds: { processes: the reason }\n\
                 topology: { services: {} }\nrules: rules.yaml\ntraffic: {}\nchecks: {}\ncontrols: {}\n";
    assert_refused("parts-empty", empty);
    assert_refused("file-empty", "");
}

#[test]
fn protocols() {
    assert_mistakes(
        "protocols",
        &[
            (
                "orders: { language: python,",
                "orders: { language: python, protocol: h2c,",
            ),
            (
                "from: orders, to: http://payments/charge, rate: 500/s, for: 6s",
                "from: orders, to: http://payments/charge, rate: 500/s, for: 6s, connections: 2",
            ),
            ("via: orders", "via: orders\n    protocol: h2"),
            (
                "from: intruder, to: payments, present",
                "from: intruder, to: http://payment/charge, protocol: grpc, method: GET, headers: { TE: gzip }, present",
            ),
            ("share: \">= 99%\"", "grpc: { status: 0 }, share: \">= 99%\""),
            (
                "  hops: {",
                "  rude: { responses: { traffic: rude, status: 200, count: \"0\" } }
  pipes: { connections: { traffic: stedy, count: 1 } }
  even: { spread: { traffic: steady, service: payments, each_above: 50% } }
  near: { spread: { traffic: steady, service: payments, each_above: 46% } }
  odd: { spread: { traffic: steady, service: ledger, each_above: 10% } }
  hops: {",
            ),
        ],
    );
}
