//! Leaving: what is in flight ends in order, what does not end in time is cut off.

use std::sync::Arc;
use std::time::Duration;

use hallway_model::telemetry::{Direction, ResponseFlag};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::support::application::{Application, answer};
use crate::support::client::{Client, request};
use crate::support::meshes::{LONG, Pair, host};
use crate::support::soon;

/// Answers a request when it is told to, and tells when one has come.
struct Gate {
    arrived: Arc<Notify>,
    open: Arc<Notify>,
    application: Application,
}

async fn gate() -> Gate {
    let (arrived, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tells, waits) = (Arc::clone(&arrived), Arc::clone(&open));
    let application = Application::start(&host(), move |_| {
        let (tells, waits) = (Arc::clone(&tells), Arc::clone(&waits));
        async move {
            tells.notify_one();
            waits.notified().await;
            answer(200, "done")
        }
    })
    .await;
    Gate {
        arrived,
        open,
        application,
    }
}

#[tokio::test]
async fn what_is_in_flight_ends_and_nothing_new_begins() {
    let Gate {
        arrived,
        open,
        application,
    } = gate().await;
    let mesh = Pair::start(host(), application).await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let calling = async {
        let answer = client
            .send(request("GET", "http://payments/slow", &[], ""))
            .await
            .expect("an answer");
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "done"));
        assert_eq!(answer.header("connection"), Some("close"));
    };
    let stopping = async {
        soon("the request at the application", arrived.notified()).await;
        mesh.payments.stop();
        mesh.orders.stop();
        soon("the refusal of new connections", async {
            while mesh.host.connect(mesh.orders.outbound).await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        open.notify_one();
    };
    tokio::join!(calling, stopping);
    mesh.orders.ended().await.expect("an orderly end");
    mesh.payments.ended().await.expect("an orderly end");
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off_and_recorded() {
    let Gate {
        arrived, application, ..
    } = gate().await;
    let mesh = Pair::start_with(host(), application, LONG, |payments| {
        payments.drain = Duration::from_millis(100);
    })
    .await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let calling = async {
        let answer = client
            .send(request("GET", "http://payments/slow", &[], ""))
            .await
            .expect("an answer");
        assert_eq!(answer.status, 503);
    };
    let stopping = async {
        soon("the request at the application", arrived.notified()).await;
        mesh.payments.stop();
    };
    let began = Instant::now();
    tokio::join!(calling, stopping);
    assert!(began.elapsed() >= Duration::from_millis(100));
    let sent = mesh.orders.records.access(Direction::Outbound, "/slow").await;
    assert_eq!(sent.flags, [ResponseFlag::UC]);
    let received = mesh.payments.records.access(Direction::Inbound, "/slow").await;
    assert_eq!(received.flags, [ResponseFlag::DC]);
    mesh.payments.ended().await.expect("an orderly end");
}

#[tokio::test]
async fn an_idle_proxy_leaves_at_once() {
    let Gate { application, .. } = gate().await;
    let mesh = Pair::start(host(), application).await;
    let _idle = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let began = Instant::now();
    mesh.orders.stop();
    mesh.orders.ended().await.expect("an orderly end");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
