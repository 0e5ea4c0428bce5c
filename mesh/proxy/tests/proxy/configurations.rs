//! Configurations: put in force, refused, and kept while the control plane is away.

use hallway_model::bootstrap::Token;
use hallway_model::route::PathMatch;
use hallway_model::telemetry::{Direction, ProxyRecord, ResponseFlag};
use hallway_model::{Rule, Snapshot};

use crate::support::application::{Application, answer};
use crate::support::client::{Client, get, request};
use crate::support::meshes::{Alone, host};
use crate::support::sidecar::{Sidecar, bootstrap};
use crate::support::snapshots::{outbound, rule};
use crate::support::soon;

async fn greeting(text: &'static str) -> Application {
    Application::start(&host(), move |_| async move { answer(200, text) }).await
}

fn to(application: &Application) -> Snapshot {
    let endpoints = vec![application.in_the_clear("payments-1")];
    outbound(
        "payments",
        vec![rule("shop/payments", "/", "payments")],
        endpoints,
    )
}

#[tokio::test]
async fn what_cannot_be_put_in_force_is_refused_and_changes_nothing() {
    let (good, better) = (greeting("good").await, greeting("better").await);
    let mesh = Alone::start_with(|bootstrap| bootstrap.limits.route_rules = 2).await;
    mesh.control.put_in_force("orders-1", to(&good)).await;

    let mut too_long = to(&better);
    let table = too_long.routes.get_mut("payments").expect("its table");
    table.rules = (0..3)
        .map(|number| rule(&number.to_string(), "/", "payments"))
        .collect();
    let version = mesh.control.push("orders-1", too_long);
    let refused = mesh.control.acknowledgement("orders-1", version).await.refused;
    assert!(
        refused
            .expect("a NACK")
            .starts_with("3 route rules are more than this proxy's limit of 2")
    );
    assert_eq!(mesh.get("/").await.text(), "good");

    let mut bad_pattern = to(&better);
    let broken: &mut Rule = &mut bad_pattern.routes.get_mut("payments").expect("its table").rules[0];
    broken.matches[0].path = PathMatch::RegularExpression("(".to_owned());
    let version = mesh.control.push("orders-1", bad_pattern);
    let refused = mesh
        .control
        .acknowledgement("orders-1", version)
        .await
        .refused
        .expect("a NACK");
    assert!(
        refused.starts_with("rule `shop/payments`: `(` is no regular expression"),
        "{refused}"
    );
    assert_eq!(mesh.get("/").await.text(), "good");
    mesh.orders
        .records
        .first("the record of the NACK", |record| match record {
            ProxyRecord::Configuration(configuration) if configuration.version == version => {
                configuration.refused.clone()
            }
            _ => None,
        })
        .await;

    mesh.control.put_in_force("orders-1", to(&better)).await;
    assert_eq!(mesh.get("/").await.text(), "better");
}

#[tokio::test]
async fn what_comes_before_the_first_configuration_is_held_until_it_is_there() {
    let application = greeting("served").await;
    let mesh = Alone::start().await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let early = client.send(request("GET", "http://payments/", &[], ""));
    let configured = async {
        let joined = |record: &ProxyRecord| matches!(record, ProxyRecord::Identity(_)).then_some(());
        mesh.orders.records.first("its SVID", joined).await;
        mesh.control.put_in_force("orders-1", to(&application)).await;
    };
    let (early, ()) = tokio::join!(early, configured);
    assert_eq!(early.expect("an answer").text(), "served");
}

#[tokio::test]
async fn without_a_configuration_for_long_the_proxy_says_so() {
    let mesh = Alone::start().await;
    let answer = mesh.get("/early").await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("no configuration yet"),
        "{}",
        answer.text()
    );
    let access = mesh.orders.records.access(Direction::Outbound, "/early").await;
    assert_eq!(access.flags, [ResponseFlag::NC]);
}

#[tokio::test]
async fn a_proxy_serves_on_while_the_control_plane_is_away_and_catches_up_after() {
    let (before, after) = (greeting("before").await, greeting("after").await);
    let mesh = Alone::start().await;
    mesh.control.put_in_force("orders-1", to(&before)).await;
    mesh.control.go_away();
    for number in 0..20 {
        assert_eq!(mesh.get(&format!("/{number}")).await.text(), "before");
    }
    let version = mesh.control.push("orders-1", to(&after));
    mesh.control.come_back().await;
    assert_eq!(
        mesh.control.acknowledgement("orders-1", version).await.refused,
        None
    );
    assert_eq!(mesh.get("/").await.text(), "after");
}

#[tokio::test]
async fn a_push_loses_no_request() {
    let (one, other) = (greeting("one").await, greeting("other").await);
    let mesh = Alone::start().await;
    mesh.control.put_in_force("orders-1", to(&one)).await;
    let (host, proxy) = (mesh.host.clone(), mesh.orders.outbound);
    let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let calling = mesh.host.spawn(async move {
        let mut client = Client::connect(&host, proxy).await;
        loop {
            let answer = client.send(request("GET", "http://payments/", &[], "")).await;
            if sender
                .send(
                    answer
                        .map(|answer| answer.text())
                        .map_err(|error| error.to_string()),
                )
                .is_err()
            {
                return;
            }
        }
    });
    for push in 0..20 {
        let next = if push % 2 == 0 { &other } else { &one };
        mesh.control.put_in_force("orders-1", to(next)).await;
    }
    mesh.control.put_in_force("orders-1", to(&other)).await;
    soon("an answer by the last push", async {
        while answers.recv().await.expect("it goes on calling") != Ok("other".to_owned()) {}
    })
    .await;
    calling.abort();
    while let Ok(answer) = answers.try_recv() {
        assert!(matches!(answer.as_deref(), Ok("one" | "other")), "{answer:?}");
    }
}

#[tokio::test]
async fn a_token_that_was_used_ends_the_proxy_with_its_reason() {
    let mesh = Alone::start().await;
    mesh.control.put_in_force("orders-1", Snapshot::default()).await;
    let mut told = bootstrap(&mesh.control, "orders-2", "orders");
    told.join_token = Token("stolen".to_owned());
    let refused = Sidecar::start(told).await.ended().await;
    let message = refused.expect_err("it must not join").to_string();
    assert!(
        message.starts_with("the control plane does not let `orders-2` join"),
        "{message}"
    );
    assert!(!message.contains("stolen"), "{message}");
}

#[tokio::test]
async fn an_unknown_authority_is_answered_with_the_known_ones() {
    let application = greeting("served").await;
    let mesh = Alone::start().await;
    mesh.control.put_in_force("orders-1", to(&application)).await;
    let answer = get(&mesh.host, mesh.orders.outbound, "http://paymets/charge", &[]).await;
    assert_eq!(answer.status, 404);
    assert!(
        answer
            .text()
            .contains("no service is called `paymets`; there are: payments, payments:80")
    );
    assert_eq!(answer.header("x-hallway-answered-by"), Some("orders-1 outbound"));
    let access = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    assert_eq!(
        (access.authority.as_str(), access.flags),
        ("paymets", vec![ResponseFlag::NR])
    );
}
