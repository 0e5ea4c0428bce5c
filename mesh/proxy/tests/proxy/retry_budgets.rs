//! Retry budgets: what they refuse, what they outlive, and who shares them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hallway_model::telemetry::{Direction, Judgement, ResponseFlag};
use hallway_model::{RetryConstraint, RetryRate, Snapshot};

use crate::support::application::{Application, answer};
use crate::support::client::get;
use crate::support::meshes::{Alone, host};
use crate::support::snapshots::{outbound, retry, rule};

/// Always answers 503. Counts the requests.
async fn failing() -> (Application, Arc<AtomicUsize>) {
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let application = Application::start(&host(), move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { answer(503, "told to fail") }
    })
    .await;
    (application, handled)
}

/// So many retries in an hour.
fn in_an_hour(count: u32) -> RetryConstraint {
    let interval = Duration::from_secs(3600);
    RetryConstraint {
        percent: 0,
        interval,
        least: RetryRate { count, interval },
    }
}

/// Two retries for everything, within `constraint`.
fn constrained(application: &Application, constraint: RetryConstraint) -> Snapshot {
    let rule = hallway_model::Rule {
        retry: Some(retry(2)),
        ..rule("shop/payments", "/", "payments")
    };
    let endpoints = vec![application.in_the_clear("payments-1")];
    let mut snapshot = outbound("payments", vec![rule], endpoints);
    for cluster in snapshot.clusters.values_mut() {
        cluster.retry_constraint = Some(constraint);
    }
    snapshot
}

#[tokio::test]
async fn when_the_budget_is_spent_the_attempt_s_own_answer_is_returned() {
    let (application, handled) = failing().await;
    let mesh = Alone::start().await;
    let snapshot = constrained(&application, in_an_hour(3));
    mesh.control.put_in_force("orders-1", snapshot).await;
    for (path, attempts, flag) in [
        ("/within", 3, ResponseFlag::URX),
        ("/last", 2, ResponseFlag::UO),
        ("/beyond", 1, ResponseFlag::UO),
    ] {
        let answer = mesh.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (503, "told to fail")
        );
        let access = mesh.orders.records.access(Direction::Outbound, path).await;
        assert_eq!(
            (access.attempts, access.flags.as_slice()),
            (attempts, &[flag][..]),
            "{path}"
        );
    }
    assert_eq!(handled.load(Ordering::SeqCst), 6);

    let access = mesh.orders.records.access(Direction::Outbound, "/beyond").await;
    let span = &mesh.orders.records.spans(&access.request_id)[0];
    let Judgement::Returned { reason: Some(reason) } = &span.judgement else {
        panic!("{:?}", span.judgement)
    };
    assert_eq!(
        reason,
        "the retry budget is spent: retries may be 0% of the requests of the last 3600s, or 3 in 3600s \
         (requests: 3, retries: 3)"
    );
    let authorization = [("authorization", "Bearer admin")];
    let metrics = get(&mesh.host, mesh.orders.admin, "/metrics", &authorization).await;
    let route = "{direction=\"outbound\",route=\"shop/payments\",cluster=\"payments\"}";
    for counted in [
        format!("hallway_retries_total{route} 3"),
        format!("hallway_retries_overflowed_total{route} 2"),
    ] {
        assert!(metrics.text().contains(&counted), "{}", metrics.text());
    }
}

#[tokio::test]
async fn a_budget_outlives_a_configuration_that_does_not_change_it() {
    let (application, handled) = failing().await;
    let mesh = Alone::start().await;
    let attempts = async |constraint| {
        let snapshot = constrained(&application, constraint);
        mesh.control.put_in_force("orders-1", snapshot).await;
        let before = handled.load(Ordering::SeqCst);
        mesh.get("/").await;
        handled.load(Ordering::SeqCst) - before
    };
    assert_eq!(attempts(in_an_hour(1)).await, 2);
    assert_eq!(
        attempts(in_an_hour(1)).await,
        1,
        "the same budget, which is spent"
    );
    assert_eq!(attempts(in_an_hour(2)).await, 3, "another budget");
}

#[tokio::test]
async fn workers_draw_on_one_budget() {
    let (application, handled) = failing().await;
    let mesh = Alone::start_with(|told| told.workers = 3).await;
    let snapshot = constrained(&application, in_an_hour(5));
    mesh.control.put_in_force("orders-1", snapshot).await;
    join_all((0..12).map(|_| mesh.get("/"))).await;
    assert_eq!(handled.load(Ordering::SeqCst), 12 + 5);
}

#[tokio::test]
async fn a_constraint_beyond_its_limits_is_refused() {
    let (application, _) = failing().await;
    let mesh = Alone::start().await;
    let too_much = RetryConstraint {
        percent: 101,
        ..in_an_hour(1)
    };
    let snapshot = constrained(&application, too_much);
    let version = mesh.control.push("orders-1", snapshot);
    let refused = mesh.control.acknowledgement("orders-1", version).await.refused;
    assert_eq!(
        refused.expect("a NACK"),
        "the retry constraint of cluster `payments` is not within its limits: at most 100 percent, intervals from 1s to 1h"
    );
}
