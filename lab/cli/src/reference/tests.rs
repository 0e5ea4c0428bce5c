use hallway_config::Kind;

use super::{Topic, page};
use crate::failure::Failure;

#[test]
fn a_page_fits_into_eighty_columns_and_says_what_each_field_means() {
    for (topic, path) in everything() {
        let page = shown(topic, path.as_deref(), true);
        for line in page.lines() {
            let width = line.chars().count();
            assert!(
                width <= 80 || !line.trim().contains(' '),
                "{width} columns: {line}"
            );
            assert!(!line.ends_with(' '), "a blank at the end: `{line}`");
        }
    }
}

#[test]
fn a_page_about_a_field_of_a_rule() {
    insta::assert_snapshot!(shown(Topic::Rules, Some("HTTPRoute.spec.rules.retry"), false), @"
    HTTPRoute.spec.rules.retry: fields
        When and how to try again.

    codes: a list, each a response code from 400 to 599
        The response codes that are tried again, beside failures to connect.
    attempts: a whole number
        How many times to try again, beside the first attempt. The default is 1, as
        in Envoy.
    backoff: a duration (GEP-2257) such as `250ms`
        The least pause before trying again. The default is 25 ms, as in Envoy.
    ");
}

#[test]
fn a_page_about_a_kind_shows_its_specification() {
    insta::assert_snapshot!(shown(Topic::Rules, Some("PeerAuthentication"), false), @"
    PeerAuthentication: security.istio.io/v1
        Whether the workloads of a namespace, or some of them, demand that their
        callers prove who they are (mutual TLS).

    metadata: fields; required
        What the resource is called.

    Refused on purpose:
    `status` is reported, not written; remove it

    PeerAuthentication.spec: fields

    selector: fields
        The workloads that it applies to; when absent, all of the namespace.
    mtls: fields
        What they demand.

    Refused on purpose:
    `portLevelMtls` is not supported: the mode applies to all ports of a workload

    There is more to say of `spec.selector`, `spec.mtls` and `metadata`:
        hallway show rules PeerAuthentication.spec.selector
    ");
}

#[test]
fn a_page_about_a_check_names_its_witness() {
    insta::assert_snapshot!(shown(Topic::Checks, Some("attempts"), false), @"
    attempts: fields
        How often every single request reached a service. Witness: the ledger.

    traffic: text; required
        Which traffic, by its name.
    service: text; required
        Which service, by its name.
    each: a whole number; required
        Exactly so often.
    ");
}

#[test]
fn a_page_about_several_shapes_tells_them_apart() {
    insta::assert_snapshot!(shown(Topic::ScenarioFormat, Some("grounds"), false), @"
    grounds: a list of one item or more, each `processes` or `simulated`; or one of
        the fields `processes` and `simulated`
        Where it can run.
        Where a scenario can run: both grounds, or one with the reason.

    Either one of these words:
    processes
        Real processes, real sockets, real time.
    simulated
        The deterministic simulator.

    Or exactly one of these fields:
    processes: text that is not empty
        Real processes only, because of this.
    simulated: text that is not empty
        The simulator only, because of this.
    ");
}

#[test]
fn with_all_a_type_is_told_once() {
    let page = shown(Topic::Checks, None, true);
    assert!(page.contains("\nlatency.during: as responses.during\n"), "{page}");
    assert_eq!(
        page.matches("Requests that ended before this push was sent.")
            .count(),
        1
    );
}

#[test]
fn every_kind_is_listed() {
    let kinds = shown(Topic::Rules, None, false);
    for kind in Kind::ALL {
        assert!(
            kinds.contains(&format!("{}: {}\n", kind.name(), kind.api_version())),
            "{kind}"
        );
    }
}

#[test]
fn places_are_taken_as_diagnostics_write_them() {
    let with_index = shown(Topic::Rules, Some("HTTPRoute.spec.rules[0].retry"), false);
    assert_eq!(
        with_index,
        shown(Topic::Rules, Some("HTTPRoute.spec.rules.retry"), false)
    );
}

#[test]
fn what_is_not_there_gets_a_suggestion() {
    let refused = |topic, path| match page(topic, Some(path), false) {
        Err(Failure::Input(said)) => said,
        other => panic!("{other:?}"),
    };
    insta::assert_snapshot!(refused(Topic::Rules, "HTTPRoute.spec.rules.retries"), @"
    error: HTTPRoute.spec.rules has no field `retries`: did you mean `retry`?
    `hallway show rules HTTPRoute.spec.rules` shows what it has
    ");
    insta::assert_snapshot!(refused(Topic::Rules, "httproute"), @"
    error: there is no kind `httproute`: did you mean `HTTPRoute`?
    `hallway show rules` lists all kinds that Hallway understands
    ");
    insta::assert_snapshot!(refused(Topic::Checks, "response"), @"
    error: checks has no field `response`: did you mean `responses`?
    `hallway show checks` shows what it has
    ");
    insta::assert_snapshot!(refused(Topic::ScenarioFormat, "tropology"), @"
    error: scenario.yaml has no field `tropology`: did you mean `topology`?
    `hallway show scenario-format` shows what it has
    ");
}

/// The topics as a whole; of rules, the kinds.
fn everything() -> Vec<(Topic, Option<String>)> {
    let kinds = Kind::ALL.map(|kind| (Topic::Rules, Some(kind.name().to_owned())));
    let topics = [Topic::Rules, Topic::Checks, Topic::ScenarioFormat].map(|topic| (topic, None));
    kinds.into_iter().chain(topics).collect()
}

fn shown(topic: Topic, path: Option<&str>, all: bool) -> String {
    page(topic, path, all).expect("there is such a page")
}
