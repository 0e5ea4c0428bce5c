//! C12, C38 and C39: what calls carry on, and those that nobody asked for.

use std::time::Duration;

use hallway_service::contract::{Behaviour, Bootstrap, Call, Record};
use tokio::time::sleep;

use crate::program::Ending;
use crate::service::{Service, bootstrap, calling, first_calls as first_calls_of, get};
use crate::subject::Subject;
use crate::upstream::{Event, Response, Upstream, answer};
use crate::{Verdict, ensure, equal};

pub(crate) async fn propagation(subject: &Subject) -> Verdict {
    let proxy = Upstream::start(subject, |_| answer(200, "")).await?;
    let own = Call {
        headers: [("X-Request-Id".to_owned(), "its own".to_owned())].into(),
        ..get("http://b/")
    };
    let calls = vec![get("http://a/"), own];
    let service = Service::start(
        subject,
        &Bootstrap {
            proxy: Some(proxy.address),
            calls,
            ..bootstrap(subject)
        },
    )
    .await?;
    let headers = [
        ("x-request-id", "id-1"),
        ("x-hallway-request", "load-1"),
        ("idempotency-key", "key-1"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("tracestate", "vendor=1"),
        ("authorization", "Bearer of the caller"),
        ("x-note", "private"),
    ];
    service.get("/", &headers).await?;
    service.get("/", &[]).await?;
    let seen = proxy.seen();
    for (name, value) in &headers[..5] {
        equal("a propagated header", seen[0].header(name), [*value])?;
        equal("a header that nobody sent", seen[2].header(name), [""; 0])?;
    }
    for (name, _) in &headers[5..] {
        equal("a header that is the caller's own", seen[0].header(name), [""; 0])?;
    }
    equal(
        "a header of the call",
        seen[1].header("x-request-id"),
        ["its own"],
    )
}

pub(crate) async fn dropped_trace(subject: &Subject) -> Verdict {
    let proxy = Upstream::start(subject, |_| answer(200, "")).await?;
    let service = Service::start(subject, &calling(subject, proxy.address, &["http://a/"])).await?;
    let forgetful = Behaviour {
        drop_trace: true,
        ..Default::default()
    };
    service.behave(&forgetful).await?;
    let headers = [
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("tracestate", "vendor=1"),
        ("x-request-id", "id-1"),
        ("x-hallway-request", "load-1"),
        ("idempotency-key", "key-1"),
    ];
    service.get("/", &headers).await?;
    service.behave(&Behaviour::default()).await?;
    service.get("/", &headers).await?;
    let seen = proxy.seen();
    for (name, value) in headers {
        let forgotten: &[&str] = if name.starts_with("trace") { &[] } else { &[value] };
        equal(
            &format!("{name} of a call that drops its trace"),
            seen[0].header(name),
            forgotten,
        )?;
        equal(&format!("{name} of the next call"), seen[1].header(name), [value])?;
    }
    let received = service.received(1).await?;
    equal(
        "the traceparent in the ledger",
        received[0].traceparent.as_deref(),
        Some(headers[0].1),
    )
}

pub(crate) async fn first_calls(subject: &Subject) -> Verdict {
    are_made_and_recorded(subject).await?;
    are_given_up(subject).await
}

async fn are_made_and_recorded(subject: &Subject) -> Verdict {
    let proxy = Upstream::start(subject, |seen| match seen.target() {
        "http://a/late" => Response::Late(Duration::from_millis(300)),
        "http://a/close" => Response::Close,
        _ => answer(503, ""),
    })
    .await?;
    let late = Call {
        method: "POST".to_owned(),
        headers: [("x-note".to_owned(), "first".to_owned())].into(),
        body: Some("a body".to_owned()),
        ..get("http://a/late")
    };
    let first_calls = vec![late, get("http://a/close"), get("http://a/503")];
    let through = Bootstrap {
        proxy: Some(proxy.address),
        first_calls,
        ..bootstrap(subject)
    };
    let service = Service::start(subject, &through).await?;
    equal("a request meanwhile", service.get("/", &[]).await?.status, 200)?;
    let records = service
        .records_when(|records| first_calls_of(records).len() >= 3)
        .await?;
    let made: Vec<_> = first_calls_of(&records)
        .into_iter()
        .map(|call| (call.number, call.url, call.status, call.error.is_some()))
        .collect();
    let url = |path: &str| format!("http://a/{path}");
    equal(
        "the first calls",
        made,
        [
            (1, url("late"), Some(200), false),
            (2, url("close"), None, true),
            (3, url("503"), Some(503), false),
        ],
    )?;
    ensure(matches!(records[0], Record::Listening { .. }), || {
        format!("the first record is {:?}", records[0])
    })?;
    let events = proxy.events_when(|events| events.len() >= 5).await?;
    let in_turn = matches!(
        &events[..],
        [Event::Arrived(first), Event::Answered(_), Event::Arrived(second), Event::Arrived(third), Event::Answered(_)]
            if first.target() == "http://a/late" && second.target() == "http://a/close" && third.target() == "http://a/503"
    );
    ensure(in_turn, || format!("the first calls came as {events:?}"))?;
    let seen = proxy.seen();
    equal(
        "the first one",
        (&*seen[0].line, &*seen[0].body),
        ("POST http://a/late HTTP/1.1", "a body"),
    )?;
    equal("its header", seen[0].header("x-note"), ["first"])?;
    equal("requests in the ledger", service.received(1).await?.len(), 1)
}

/// What is under way when the service is told to stop is no reason to wait.
async fn are_given_up(subject: &Subject) -> Verdict {
    let proxy = Upstream::start(subject, |_| Response::Silence).await?;
    let endless = Bootstrap {
        proxy: Some(proxy.address),
        first_calls: vec![get("http://a/1"), get("http://a/2")],
        ..bootstrap(subject)
    };
    let mut service = Service::start(subject, &endless).await?;
    proxy.events_when(|events| events.len() == 1).await?;
    equal("a request meanwhile", service.get("/", &[]).await?.status, 200)?;
    sleep(Duration::from_millis(200)).await;
    service.tell_to_stop();
    let (ending, records) = service.ended(Duration::from_secs(4)).await?;
    equal("its end", ending, Ending::Success)?;
    equal("first calls recorded", first_calls_of(&records).len(), 0)?;
    equal("first calls made", proxy.seen().len(), 1)
}
