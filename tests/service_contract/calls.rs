//! C8 to C11, and C13: the calls that a service makes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_service::contract::{Answer, Bootstrap, Call, CallOrder, CallResult};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::service::{Service, bootstrap, calling, get};
use crate::subject::{OfProcesses, Subject};
use crate::upstream::{Event, OK, Response, Upstream, answer};
use crate::wire::Reply;
use crate::{Failure, Verdict, ensure, equal};

fn results(reply: &Reply) -> Result<Vec<CallResult>, Failure> {
    Ok(reply.json::<Answer>()?.calls)
}

pub(crate) async fn through_the_proxy(subject: &Subject) -> Verdict {
    let proxy = Upstream::start(subject, |_| answer(200, "fine")).await?;
    let charge = Call {
        method: "POST".to_owned(),
        url: "http://payments:8080/charge?amount=1".to_owned(),
        headers: [("X-Note".to_owned(), "from the bootstrap".to_owned())].into(),
        body: Some("a body".to_owned()),
    };
    let calls = vec![charge, get("http://ledger")];
    let service = Service::start(
        subject,
        &Bootstrap {
            proxy: Some(proxy.address),
            calls,
            ..bootstrap(subject)
        },
    )
    .await?;
    for _ in 0..2 {
        equal("the answer", service.get("/", &[]).await?.status, 200)?;
    }
    let seen = proxy.seen();
    equal("calls for two requests", seen.len(), 4)?;
    equal(
        "an absolute-form call",
        &*seen[0].line,
        "POST http://payments:8080/charge?amount=1 HTTP/1.1",
    )?;
    equal("its host", seen[0].header("host"), ["payments:8080"])?;
    equal("its own header", seen[0].header("x-note"), ["from the bootstrap"])?;
    equal("its body", &*seen[0].body, "a body")?;
    equal(
        "a URL without a path",
        &*seen[1].line,
        "GET http://ledger/ HTTP/1.1",
    )?;
    let connections: Vec<_> = seen.iter().map(|seen| seen.connection).collect();
    equal("the connections of calls in sequence", connections, [1, 1, 1, 1])
}

pub(crate) async fn without_a_proxy(subject: &Subject) -> Verdict {
    let payments = Upstream::start(subject, |_| answer(200, "payments")).await?;
    let ledger = Upstream::start(subject, |_| answer(200, "ledger")).await?;
    let addresses = [("payments", &payments), ("ledger", &ledger)]
        .map(|(name, upstream)| (name.to_owned(), upstream.address))
        .into();
    let calls = [
        "http://payments:8080/charge?x=1",
        "http://ledger",
        "http://stranger/",
    ]
    .map(get)
    .into();
    let service = Service::start(
        subject,
        &Bootstrap {
            addresses,
            calls,
            ..bootstrap(subject)
        },
    )
    .await?;
    let reply = service.get("/", &[]).await?;
    let results = results(&reply)?;
    equal(
        "bodies",
        (&results[0].body, &results[1].body),
        (&json!("payments"), &json!("ledger")),
    )?;
    equal(
        "an origin-form call",
        &*payments.seen()[0].line,
        "GET /charge?x=1 HTTP/1.1",
    )?;
    equal("its host", payments.seen()[0].header("host"), ["payments:8080"])?;
    equal("a URL without a path", &*ledger.seen()[0].line, "GET / HTTP/1.1")?;
    ensure(results[2].status.is_none() && results[2].error.is_some(), || {
        format!("a host without an address gave {:?}", results[2])
    })
}

pub(crate) async fn one_attempt(subject: &Subject) -> Verdict {
    subject.concerns(OfProcesses::Environment);
    let upstream = Upstream::start(subject, |seen| match seen.target() {
        "http://a/close" => Response::Close,
        "http://a/moved" => {
            let moved = "HTTP/1.1 302 Found\r\nlocation: http://a/elsewhere\r\ncontent-length: 0\r\n\r\n";
            Response::Bytes(moved.into())
        }
        "http://a/last" => Response::LastBytes(OK.to_vec()),
        _ => answer(503, ""),
    })
    .await?;
    let urls = ["http://a/close", "http://a/moved", "http://a/503"];
    let service = Service::start(subject, &calling(subject, upstream.address, &urls)).await?;
    let results = results(&service.get("/", &[]).await?)?;
    let statuses: Vec<_> = results.iter().map(|result| result.status).collect();
    equal(
        "the statuses of calls that fail",
        statuses,
        [None, Some(302), Some(503)],
    )?;
    let targets: Vec<_> = upstream
        .seen()
        .iter()
        .map(|seen| seen.target().to_owned())
        .collect();
    equal("the attempts", targets, urls)?;

    // The idle connection is closed before the next call: the service has had to notice when it has answered /ready.
    for _ in 0..2 {
        let call = serde_json::to_string(&get("http://a/last"))?;
        let result: CallResult = service.command("POST", "/call", &call).await?.json()?;
        equal(
            "a call after the other side has closed an idle connection",
            result.status,
            Some(200),
        )?;
        upstream
            .events_when(|events| matches!(events.last(), Some(Event::Answered(_))))
            .await?;
        service.command("GET", "/ready", "").await?;
    }
    Ok(())
}

pub(crate) async fn order(subject: &Subject) -> Verdict {
    let urls = ["http://a/1", "http://nowhere/2", "http://a/3"];
    // Late enough for the next call to come first, were it not to wait for the answer.
    let upstream = Upstream::start(subject, |_| Response::Late(Duration::from_millis(300))).await?;
    let addresses = [("a".to_owned(), upstream.address)].into();
    let calls = urls.map(get).into();
    let service = Service::start(
        subject,
        &Bootstrap {
            addresses,
            calls,
            ..bootstrap(subject)
        },
    )
    .await?;
    let sequential = results(&service.get("/", &[]).await?)?;
    equal(
        "results of a sequence",
        sequential.iter().map(|result| &*result.url).collect::<Vec<_>>(),
        urls,
    )?;
    let events = upstream.events_when(|events| events.len() == 4).await?;
    let in_turn = matches!(
        &events[..],
        [Event::Arrived(first), Event::Answered(_), Event::Arrived(third), Event::Answered(_)]
            if first.target() == "/1" && third.target() == "/3"
    );
    ensure(in_turn, || format!("a sequence of calls came as {events:?}"))?;

    let barrier = Arc::new(Barrier::new(3));
    let upstream = Upstream::start(subject, move |_| Response::Together(barrier.clone())).await?;
    let urls = ["http://a/1", "http://a/2", "http://a/3"];
    let parallel = Bootstrap {
        call_order: CallOrder::Parallel,
        ..calling(subject, upstream.address, &urls)
    };
    let service = Service::start(subject, &parallel).await?;
    let parallel = results(&service.get("/", &[]).await?)?;
    equal(
        "results in parallel",
        parallel.iter().map(|result| &*result.url).collect::<Vec<_>>(),
        urls,
    )
}

pub(crate) async fn results_and_relaying(subject: &Subject) -> Verdict {
    let upstream = Upstream::start(subject, |seen| match seen.target() {
        "/json" => answer(200, r#"{"amount": 1}"#),
        "/broken" => Response::LastBytes(b"who knows\r\n\r\n".to_vec()),
        "/short" => Response::LastBytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec()),
        "/large" => Response::LastBytes(b"HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n".to_vec()),
        "/chunked" => Response::Bytes(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nin\r\n7\r\n pieces\r\n0\r\n\r\n"
                .to_vec(),
        ),
        "/to-the-end" => Response::LastBytes(b"HTTP/1.1 200 OK\r\n\r\nto the end".to_vec()),
        target => answer(target[1..].parse().unwrap_or(200), "plain"),
    })
    .await?;
    let nobody = {
        let listener = subject.host().listen(subject.beside()).await?;
        listener.local_address()?
    };
    let call = async |urls: &[&str]| -> Result<(u16, Vec<CallResult>), Failure> {
        let addresses = [("a".to_owned(), upstream.address), ("nobody".to_owned(), nobody)].into();
        let calls = urls.iter().map(|url| get(url)).collect();
        let service = Service::start(
            subject,
            &Bootstrap {
                addresses,
                calls,
                ..bootstrap(subject)
            },
        )
        .await?;
        let reply = service.get("/", &[]).await?;
        Ok((reply.status, results(&reply)?))
    };

    let (status, results) = call(&[
        "http://a/json",
        "http://a/404",
        "http://a/chunked",
        "http://a/to-the-end",
    ])
    .await?;
    equal("the status when no call failed", status, 200)?;
    let bodies: Vec<_> = results
        .iter()
        .map(|result| (result.status, &result.body))
        .collect();
    let [amount, plain, pieces, end] = [
        json!({ "amount": 1 }),
        json!("plain"),
        json!("in pieces"),
        json!("to the end"),
    ];
    equal(
        "the results",
        bodies,
        [
            (Some(200), &amount),
            (Some(404), &plain),
            (Some(200), &pieces),
            (Some(200), &end),
        ],
    )?;
    equal(
        "a header of an answer",
        results[0].headers.get("x-note").map(String::as_str),
        Some("seen"),
    )?;

    let failures = [
        "http://a/broken",
        "http://a/short",
        "http://a/large",
        "http://nobody/",
    ];
    let (status, results) = call(&failures).await?;
    equal("the status when calls get no answer", status, 502)?;
    for result in results {
        let is_error = result.status.is_none() && result.error.is_some() && result.body == Value::Null;
        ensure(is_error, || format!("a call without an answer gave {result:?}"))?;
    }
    let relayed = [
        (vec!["http://a/500"], 500),
        (vec!["http://a/503", "http://a/500"], 503),
        (vec!["http://a/504", "http://nobody/"], 504),
        (vec!["http://a/500", "http://nobody/", "http://a/404"], 502),
    ];
    try_join_all(relayed.iter().map(async |(urls, expected)| {
        equal(
            &format!("the status relayed from {urls:?}"),
            call(urls).await?.0,
            *expected,
        )
    }))
    .await?;
    Ok(())
}
