//! What a gateway does not let in, or sends elsewhere.

use std::num::NonZeroU32;
use std::time::Duration;

use hallway_identity::Versions;
use hallway_model::RateLimit;
use hallway_model::route::{PathChange, Redirect};
use hallway_model::telemetry::{Direction, ResponseFlag};

use super::{Front, named};
use crate::support::client::{Client, get, raw, request};
use crate::support::snapshots::rule;

fn hourly(requests: u32) -> RateLimit {
    RateLimit {
        origin: None,
        clients: "0.0.0.0/0".parse().expect("all addresses"),
        requests: NonZeroU32::new(requests).expect("not zero"),
        interval: Duration::from_secs(3600),
    }
}

#[tokio::test]
async fn a_client_makes_as_many_requests_as_it_may() {
    let front = Front::start().await;
    front
        .change(|gateway| gateway.limits.rates = vec![hourly(2)])
        .await;
    let uri = "https://shop.test/charge";
    assert_eq!(front.get("shop.test", uri).await.status, 200);
    // What it has drawn on stays when something else changes.
    front
        .change(|gateway| {
            gateway.limits.rates = vec![hourly(2)];
            gateway.limits.body_bytes = Some(1);
        })
        .await;
    assert_eq!(front.get("shop.test", uri).await.status, 200);
    // Whatever it says of where it comes from.
    let elsewhere = [("x-forwarded-for", "203.0.113.9"), ("host", "shop.test")];
    let stream = front
        .connect("shop.test", Versions::Http1)
        .await
        .expect("a proven name");
    let mut other = Client::over(&front.host, stream).await;
    let asked = other.send(request("GET", "/other", &elsewhere, "")).await;
    assert_eq!(asked.expect("an answer").status, 429);
    let refused = front.get("shop.test", "https://shop.test/third").await;
    assert_eq!(refused.status, 429);
    let seconds: u64 = refused
        .header("retry-after")
        .and_then(|seconds| seconds.parse().ok())
        .expect("a number of seconds");
    assert!(
        (1700..=1800).contains(&seconds),
        "half an hour for one of two: {seconds}"
    );
    let access = front.gateway.records.access(Direction::Gateway, "/third").await;
    assert_eq!(access.flags, [ResponseFlag::RL]);
    assert_eq!(access.attempts, 0, "nobody inside hears of it");
    // Another route has a bucket of its own.
    let partners = front.get("eu.shop.test", "https://eu.shop.test/").await;
    assert_eq!(partners.status, 200);
}

#[tokio::test]
async fn a_body_is_taken_up_to_its_limit_however_it_is_framed() {
    let front = Front::start().await;
    front.change(|gateway| gateway.limits.body_bytes = Some(4)).await;
    let mut client = Client::connect(&front.host, front.gateway.http).await;
    let uri = "http://shop.test/public";
    let just = client.send(request("POST", uri, &[], "four")).await;
    assert_eq!(just.expect("an answer").status, 200);
    let announced = client.send(request("POST", uri, &[], "fives")).await;
    assert_eq!(announced.expect("an answer").status, 413);
    let chunked = "POST /public HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let answer = raw(&front.host, front.gateway.http, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn from_port_80_to_https() {
    let front = Front::start().await;
    front
        .change(|gateway| {
            let mut redirecting = rule("shop/upgrade#1", "/", "payments");
            redirecting.backends = Vec::new();
            redirecting.redirect = Some(Redirect {
                scheme: Some("https".to_owned()),
                hostname: None,
                path: None,
                port: None,
                status: 301,
            });
            let mut moved = redirecting.clone();
            moved.matches = rule("shop/upgrade#2", "/old", "payments").matches;
            moved.redirect = Some(Redirect {
                scheme: None,
                hostname: Some(named("new.test")),
                path: Some(PathChange::ReplacePrefixMatch("/new".to_owned())),
                port: None,
                status: 302,
            });
            gateway.listeners[2].hosts[0].table.rules = vec![redirecting, moved];
        })
        .await;
    let address = front.gateway.http;
    let asked = async |uri: &str| get(&front.host, address, uri, &[]).await;
    let upgraded = asked("http://shop.test/charge?card=1").await;
    assert_eq!(upgraded.status, 301);
    assert_eq!(
        upgraded.header("location"),
        Some("https://shop.test/charge?card=1")
    );
    let moved = asked("http://shop.test/old/page").await;
    assert_eq!(moved.status, 302);
    assert_eq!(moved.header("location"), Some("http://new.test/new/page"));
    // Such a path is no text of a header.
    let odd = "GET /\u{e9} HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n";
    let encoded = raw(&front.host, address, odd.as_bytes()).await;
    assert!(
        encoded.contains("location: https://shop.test/%C3%A9\r\n"),
        "{encoded}"
    );
}
