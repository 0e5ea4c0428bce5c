//! Redirects, and rewrites of what is asked for.

use hallway_model::Rule;
use hallway_model::route::{PathChange, Redirect, Rewrite};
use hallway_model::telemetry::Direction;

use crate::support::application::{Application, answer};
use crate::support::client::get;
use crate::support::meshes::{Alone, host};
use crate::support::snapshots::rule;

/// An application that answers with what it was asked for, behind `rules`.
async fn mirror(rules: Vec<Rule>) -> (Alone, Application) {
    let application = Application::start(&host(), |request| async move {
        let asked = request.headers()["host"].to_str().expect("ASCII");
        answer(200, format!("{} at {asked}", request.uri()))
    })
    .await;
    let mesh = Alone::start().await;
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    (mesh, application)
}

#[tokio::test]
async fn a_redirect_is_answered_without_asking_the_service() {
    let moved = Rule {
        redirect: Some(Redirect {
            scheme: Some("https".to_owned()),
            hostname: Some("new.test".parse().expect("a host name")),
            path: Some(PathChange::ReplacePrefixMatch("/v2".to_owned())),
            port: None,
            status: 308,
        }),
        backends: Vec::new(),
        ..rule("shop/moved", "/v1", "payments")
    };
    let (mesh, _application) = mirror(vec![moved, rule("shop/rest", "/", "payments")]).await;
    let answer = mesh.get("/v1/charge?order=7").await;
    assert_eq!(answer.status, 308);
    assert_eq!(
        answer.header("location"),
        Some("https://new.test/v2/charge?order=7")
    );
    assert_eq!(answer.header("x-hallway-answered-by"), Some("orders-1 outbound"));

    let access = mesh
        .orders
        .records
        .access(Direction::Outbound, "/v1/charge?order=7")
        .await;
    assert_eq!((access.status, access.flags.len()), (Some(308), 0));
    assert_eq!(access.rule.as_deref(), Some("shop/moved"));
    assert_eq!(
        mesh.get("/v1x").await.text(),
        "/v1x at payments",
        "other paths go on"
    );
}

#[tokio::test]
async fn a_redirect_that_names_nothing_leads_where_the_caller_was() {
    let here = Rule {
        redirect: Some(Redirect {
            scheme: None,
            hostname: None,
            path: Some(PathChange::ReplaceFullPath("/here".to_owned())),
            port: None,
            status: 302,
        }),
        ..rule("shop/here", "/", "payments")
    };
    let (mesh, _application) = mirror(vec![here]).await;
    for authority in ["payments", "payments:80"] {
        let url = format!("http://{authority}/there");
        let answer = get(&mesh.host, mesh.orders.outbound, &url, &[]).await;
        assert_eq!(answer.header("location"), Some("http://payments/here"));
    }
}

#[tokio::test]
async fn a_rewrite_changes_what_the_service_is_asked_for() {
    let prefix = Rule {
        rewrite: Rewrite {
            hostname: Some("inner.test".parse().expect("a host name")),
            path: Some(PathChange::ReplacePrefixMatch(String::new())),
        },
        ..rule("shop/prefix", "/api/", "payments")
    };
    let full = Rule {
        rewrite: Rewrite {
            hostname: None,
            path: Some(PathChange::ReplaceFullPath("/one".to_owned())),
        },
        ..rule("shop/full", "/all", "payments")
    };
    let (mesh, _application) = mirror(vec![prefix, full, rule("shop/rest", "/", "payments")]).await;
    for (path, asked) in [
        ("/api/charge?a=1", "/charge?a=1 at inner.test"),
        ("/api", "/ at inner.test"),
        ("/all/of/them?b", "/one?b at payments"),
        ("/rest", "/rest at payments"),
    ] {
        assert_eq!(mesh.get(path).await.text(), asked);
    }
    let access = mesh
        .orders
        .records
        .access(Direction::Outbound, "/api/charge?a=1")
        .await;
    assert_eq!(
        access.rule.as_deref(),
        Some("shop/prefix"),
        "it names what the caller asked for"
    );
}

#[tokio::test]
async fn a_path_that_grows_too_long_is_answered_for() {
    let longer = Rule {
        rewrite: Rewrite {
            hostname: None,
            path: Some(PathChange::ReplacePrefixMatch(format!("/{}", "x".repeat(1000)))),
        },
        ..rule("shop/longer", "/", "payments")
    };
    let (mesh, _application) = mirror(vec![longer]).await;
    let path = format!("/{}", "y".repeat(65_000));
    assert_eq!(mesh.get(&path).await.status, 414);
    assert_eq!(mesh.get("/short").await.status, 200);
}
