//! Redirects and rewrites: the examples of Gateway API, and any others against a naive reference.

use hallway_model::route::{HeaderChanges, PathChange, PathMatch, Redirect, Rewrite, Timeouts};
use hallway_model::{RouteMatch, RouteTable, Rule};
use hallway_traffic::redirect::{Asked, location};
use hallway_traffic::rewrite::target;
use hallway_traffic::{CompiledTable, RequestHead, RouteError};
use http::{HeaderMap, Method};
use proptest::prelude::*;

/// A table with a rule for each of `matches`, all of which make the same changes.
fn table(matches: &[PathMatch], redirect: Option<Redirect>, rewrite: Rewrite) -> RouteTable {
    let rule = |path: &PathMatch| Rule {
        name: "rule".to_owned(),
        origin: None,
        matches: vec![RouteMatch {
            path: path.clone(),
            headers: Vec::new(),
            query: Vec::new(),
            method: None,
        }],
        request_headers: HeaderChanges::default(),
        response_headers: HeaderChanges::default(),
        redirect: redirect.clone(),
        rewrite: rewrite.clone(),
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
    };
    RouteTable {
        name: "table".to_owned(),
        authorities: Vec::new(),
        rules: matches.iter().map(rule).collect(),
    }
}

fn rewrite(change: PathChange) -> Rewrite {
    Rewrite {
        hostname: None,
        path: Some(change),
    }
}

/// What a request for `path` asks for after the prefix `prefix` was replaced, by a compiled table.
fn rewritten(path: &str, prefix: &str, replacement: &str) -> String {
    let change = PathChange::ReplacePrefixMatch(replacement.to_owned());
    let matches = [PathMatch::Prefix(prefix.to_owned())];
    let table =
        CompiledTable::compile(table(&matches, None, rewrite(change.clone()))).expect("a valid table");
    let request = RequestHead {
        method: &Method::GET,
        path,
        query: None,
        headers: &HeaderMap::new(),
    };
    let selection = table.select(&request).expect("the prefix matches");
    target(&change, path, None, selection.matched_prefix)
}

/// The table in the description of `HTTPPathModifier.replacePrefixMatch`.
#[test]
fn prefixes_are_replaced_as_the_specification_says() {
    for (path, prefix, replacement, expected) in [
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
        // Beyond the table: everything, and nothing.
        ("/foo", "/", "/xyz", "/xyz/foo"),
        ("/", "/", "/xyz", "/xyz/"),
        ("/", "/", "", "/"),
    ] {
        assert_eq!(
            rewritten(path, prefix, replacement),
            expected,
            "{path} with {prefix} replaced by {replacement:?}"
        );
    }
}

#[test]
fn the_query_is_kept_and_a_full_path_is_replaced() {
    let full = PathChange::ReplaceFullPath("/new".to_owned());
    assert_eq!(target(&full, "/old/path", Some("a=1&b"), 0), "/new?a=1&b");
    assert_eq!(target(&full, "/old/path", Some(""), 4), "/new?");
    assert_eq!(target(&full, "/", None, 0), "/new");
}

fn unchanged() -> Redirect {
    Redirect {
        scheme: None,
        hostname: None,
        path: None,
        port: None,
        status: 302,
    }
}

fn asked<'a>(scheme: &'a str, host: &'a str, port: u16) -> Asked<'a> {
    Asked {
        scheme,
        host,
        port,
        path: "/a/b",
        query: Some("q=1"),
        matched_prefix: 2,
    }
}

#[test]
fn a_redirect_changes_what_it_names_and_leaves_default_ports_out() {
    let to = |scheme: Option<&str>, hostname: Option<&str>, port: Option<u16>| Redirect {
        scheme: scheme.map(str::to_owned),
        hostname: hostname.map(|name| name.parse().expect("a host name")),
        port,
        ..unchanged()
    };
    for (redirect, asked, expected) in [
        (
            to(Some("https"), None, None),
            asked("http", "shop.test", 8080),
            "https://shop.test/a/b?q=1",
        ),
        (
            to(Some("http"), None, None),
            asked("https", "shop.test", 8443),
            "http://shop.test/a/b?q=1",
        ),
        (
            to(Some("https"), None, Some(443)),
            asked("http", "shop.test", 80),
            "https://shop.test/a/b?q=1",
        ),
        (
            to(Some("https"), None, Some(80)),
            asked("http", "shop.test", 80),
            "https://shop.test:80/a/b?q=1",
        ),
        (
            to(None, Some("new.test"), None),
            asked("http", "shop.test", 80),
            "http://new.test/a/b?q=1",
        ),
        (
            to(None, Some("new.test"), None),
            asked("http", "shop.test", 8080),
            "http://new.test:8080/a/b?q=1",
        ),
        (
            to(None, None, None),
            asked("https", "shop.test", 443),
            "https://shop.test/a/b?q=1",
        ),
        (
            to(None, None, Some(81)),
            asked("https", "[::1]", 443),
            "https://[::1]:81/a/b?q=1",
        ),
    ] {
        assert_eq!(location(&redirect, &asked), expected);
    }
}

#[test]
fn a_redirect_changes_the_path_as_a_rewrite_does_and_stays_plain_ascii() {
    let with = |path| Redirect {
        path: Some(path),
        ..unchanged()
    };
    let full = with(PathChange::ReplaceFullPath("/new".to_owned()));
    assert_eq!(
        location(&full, &asked("http", "a.test", 80)),
        "http://a.test/new?q=1"
    );
    let prefix = with(PathChange::ReplacePrefixMatch("/x/".to_owned()));
    assert_eq!(
        location(&prefix, &asked("http", "a.test", 80)),
        "http://a.test/x/b?q=1"
    );
    let strange = Asked {
        path: "/é\u{7f}",
        query: None,
        ..asked("http", "a.test", 80)
    };
    assert_eq!(location(&unchanged(), &strange), "http://a.test/%C3%A9%7F");
}

#[test]
fn what_could_not_be_done_to_every_request_is_refused_with_its_rule() {
    let prefix = [PathMatch::Prefix("/a".to_owned())];
    let exact = [PathMatch::Exact("/a".to_owned())];
    let replace = |path: &str| PathChange::ReplacePrefixMatch(path.to_owned());
    let full = |path: &str| PathChange::ReplaceFullPath(path.to_owned());
    let redirect = |change| Redirect {
        path: Some(change),
        ..unchanged()
    };
    for (matches, change) in [
        (&exact, replace("/b")),
        (&prefix, replace("b")),
        (&prefix, full("")),
        (&prefix, full("/a b")),
        (&prefix, full("/a?b")),
    ] {
        let tables = [
            table(matches, None, rewrite(change.clone())),
            table(matches, Some(redirect(change)), Rewrite::default()),
        ];
        for table in tables {
            let refused = CompiledTable::compile(table).expect_err("not for every request");
            assert!(
                matches!(&refused, RouteError::PathChange { rule, .. } if rule == "rule"),
                "{refused}"
            );
        }
    }
    for (matches, change) in [(&prefix, replace("")), (&exact, full("/b"))] {
        CompiledTable::compile(table(matches, None, rewrite(change))).expect("for every request");
    }
}

#[test]
fn the_prefix_that_is_replaced_is_the_one_that_matched() {
    let change = PathChange::ReplacePrefixMatch("/x".to_owned());
    let matches = ["/", "/a", "/a/b/"].map(|prefix| PathMatch::Prefix(prefix.to_owned()));
    let table =
        CompiledTable::compile(table(&matches, None, rewrite(change.clone()))).expect("a valid table");
    for (path, expected) in [
        ("/c/d", "/x/c/d"),
        ("/a/c", "/x/c"),
        ("/a/b", "/x"),
        ("/a/b/c", "/x/c"),
        ("/ab", "/x/ab"),
    ] {
        let request = RequestHead {
            method: &Method::GET,
            path,
            query: None,
            headers: &HeaderMap::new(),
        };
        let selection = table.select(&request).expect("one of the prefixes matches");
        assert_eq!(target(&change, path, None, selection.matched_prefix), expected);
    }
}

/// Element by element: the elements of the prefix are taken off, and those of the replacement put in their place.
fn naive(path: &str, prefix: &str, replacement: &str) -> Option<String> {
    let elements = |text: &str| -> Vec<String> {
        text.split('/')
            .filter(|element| !element.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (path_elements, prefix) = (elements(path), elements(prefix));
    let rest = path_elements.strip_prefix(prefix.as_slice())?;
    let mut all = elements(replacement);
    all.extend(rest.iter().cloned());
    let trailing = path.ends_with('/') && !all.is_empty();
    Some(format!("/{}{}", all.join("/"), if trailing { "/" } else { "" }))
}

proptest! {
    #[test]
    fn replacing_agrees_with_the_naive_reference(
        path in "(/[ab]{1,2}){0,3}/?",
        prefix in "(/[ab]{1,2}){0,2}/?",
        replacement in "(/[xy]){0,2}/?",
    ) {
        let (path, prefix) = (if path.is_empty() { "/" } else { &path }, if prefix.is_empty() { "/" } else { &prefix });
        if let Some(expected) = naive(path, prefix, &replacement) {
            prop_assert_eq!(rewritten(path, prefix, &replacement), expected);
        }
    }
}
