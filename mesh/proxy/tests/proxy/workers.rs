//! Several workers: they serve together, keep the limits together, and are counted together.

use futures_util::future::join_all;
use hallway_model::telemetry::{Direction, ProxyRecord};

use crate::support::application::{Application, answer};
use crate::support::client::{Client, get, request};
use crate::support::meshes::{Alone, LONG, Pair, host};
use crate::support::snapshots::rule;
use crate::support::soon;

#[tokio::test]
async fn workers_serve_and_count_together() {
    let host = host();
    let application = Application::start(&host, |_| async { answer(200, "paid") }).await;
    let mesh = Pair::start_with(host, application, LONG, |told| told.workers = 3).await;
    let answers = join_all((0..30).map(|_| mesh.get("/"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let all = || {
        mesh.payments.records.all(|record| match record {
            ProxyRecord::Access(access) if access.direction == Direction::Inbound => Some(()),
            _ => None,
        })
    };
    soon("all records", async {
        while all().len() < 30 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let authorization = [("authorization", "Bearer admin")];
    let metrics = get(&mesh.host, mesh.payments.admin, "/metrics", &authorization)
        .await
        .text();
    let counted: u64 = metrics
        .lines()
        .filter(|line| line.starts_with("hallway_requests_total{direction=\"inbound\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(counted, 30, "{metrics}");
    mesh.payments.stop();
    mesh.payments.ended().await.expect("a drain");
}

#[tokio::test]
async fn a_limit_is_that_of_all_workers_together() {
    let (release, held) = tokio::sync::watch::channel(false);
    let application = Application::start(&host(), move |_| {
        let mut held = held.clone();
        async move {
            held.wait_for(|released| *released).await.expect("the test lives");
            answer(200, "")
        }
    })
    .await;
    let mesh = Alone::start_with(|told| {
        told.workers = 4;
        told.limits.requests = 5;
    })
    .await;
    let endpoints = vec![application.in_the_clear("payments-1")];
    mesh.route(vec![rule("shop/payments", "/", "payments")], endpoints)
        .await;
    let (refused, mut refusals) = tokio::sync::mpsc::unbounded_channel();
    let all = (0..12).map(|_| {
        let (mesh, refused) = (&mesh, refused.clone());
        async move {
            let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
            let get = request("GET", "http://payments/", &[], "");
            let status = client.send(get).await.expect("an answer").status.as_u16();
            if status == 503 {
                refused.send(()).expect("the test lives");
            }
            status
        }
    });
    let releasing = async {
        for _ in 0..7 {
            refusals.recv().await.expect("a refusal");
        }
        release.send_replace(true);
    };
    let (mut statuses, ()) = soon("all answers", async { tokio::join!(join_all(all), releasing) }).await;
    statuses.sort_unstable();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        5,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 503).count(),
        7,
        "{statuses:?}"
    );
}
