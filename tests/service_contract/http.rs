//! C4 to C7: the protocol, its limits, and the answer.

use std::sync::Arc;

use futures_util::future::try_join_all;
use hallway_service::contract::{Answer, Behaviour};
use serde_json::Value;
use tokio::sync::Barrier;

use crate::program::is_whole;
use crate::service::{Service, bootstrap, calling};
use crate::subject::Subject;
use crate::upstream::{Response, Upstream};
use crate::wire::{Connection, RawConnection, exchange_raw, send};
use crate::{Verdict, ensure, equal, noise};

pub(crate) async fn protocol(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    let mut connection = Connection::open(&service.application).await?;
    for body in ["", "some", ""] {
        equal(
            "a request on a kept connection",
            connection.send("POST", "/", &[], body).await?.status,
            200,
        )?;
    }
    let mut raw = RawConnection::open(&service.application).await?;
    raw.write(
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
        5\r\nhello\r\n6;note=x\r\n world\r\n0\r\ntrailer: x\r\n\r\n",
    )
    .await?;
    let answer = raw.read_until(|answer| answer.ends_with('}')).await?;
    ensure(answer.starts_with("HTTP/1.1 200 "), || {
        format!("a chunked body got `{answer}`")
    })?;
    raw.write(b"GET /next HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await?;
    let answer = raw.read_to_end().await?;
    ensure(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("/next"),
        || format!("the request after a chunked body got `{answer}`"),
    )?;

    let old = exchange_raw(&service.application, b"GET / HTTP/1.0\r\n\r\n").await?;
    ensure(old.contains(" 200 ") && old.contains("HTTP/1.0"), || {
        format!("HTTP/1.0 got `{old}`")
    })?;
    expectation_is_met(&service).await?;
    a_thousand_at_once(subject).await
}

async fn expectation_is_met(service: &Service) -> Verdict {
    let mut connection = RawConnection::open(&service.application).await?;
    let head =
        "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n";
    connection.write(head.as_bytes()).await?;
    let interim = connection.read_until(|seen| seen.ends_with("\r\n\r\n")).await?;
    ensure(interim.starts_with("HTTP/1.1 100"), || {
        format!("`expect: 100-continue` got `{interim}`")
    })?;
    connection.write(b"body").await?;
    let answer = connection.read_to_end().await?;
    ensure(answer.starts_with("HTTP/1.1 200 "), || {
        format!("the expected body got `{answer}`")
    })
}

/// The upstream answers none of the 1,000 calls before all have come, so all requests must be served at once, on as many connections.
async fn a_thousand_at_once(subject: &Subject) -> Verdict {
    let barrier = Arc::new(Barrier::new(1_000));
    let upstream = Upstream::start(subject, move |_| Response::Together(barrier.clone())).await?;
    let service = Service::start(subject, &calling(subject, upstream.address, &["http://ledger/"])).await?;
    let replies = try_join_all((0..1_000).map(|_| service.get("/", &[]))).await?;
    ensure(replies.iter().all(|reply| reply.status == 200), || {
        let failed = replies.iter().find(|reply| reply.status != 200);
        format!("one of 1,000 concurrent requests got {failed:?}")
    })?;
    equal("calls made for 1,000 requests", upstream.seen().len(), 1_000)
}

pub(crate) async fn limits(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    let is_refused_with = async |what: &str, request: String, status: u16| -> Verdict {
        let answer = exchange_raw(&service.application, request.as_bytes()).await?;
        ensure(answer.starts_with(&format!("HTTP/1.1 {status} ")), || {
            format!("{what} got `{answer}`")
        })
    };
    // Nothing is left unread in these, so that the close cannot become a reset that overtakes the answer.
    let head = "POST / HTTP/1.1\r\nhost: a\r\n";
    let endless = format!("{head}x-filler: {}", "x".repeat(64 * 1024 - head.len() - 10));
    is_refused_with("a head without end", endless, 431).await?;
    let many: String = (0..100).map(|number| format!("x-{number}: x\r\n")).collect();
    is_refused_with("a head with 101 headers", format!("{head}{many}\r\n"), 431).await?;
    let announced = format!("{head}content-length: {}\r\n\r\n", 1024 * 1024 + 1);
    is_refused_with("an announced body of more than 1 MiB", announced, 413).await?;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(64 * 1024));
    let chunked = format!(
        "{head}transfer-encoding: chunked\r\n\r\n{}1\r\nx",
        chunk.repeat(16)
    );
    is_refused_with("a chunked body of more than 1 MiB", chunked, 413).await?;

    let filler = "x".repeat(60 * 1024);
    equal(
        "a head of 60 KiB",
        service.get("/", &[("x-filler", &filler)]).await?.status,
        200,
    )?;
    let body = "x".repeat(1024 * 1024);
    let reply = send(&service.application, "POST", "/", &[], &body).await?;
    equal("a body of 1 MiB", reply.status, 200)
}

pub(crate) async fn malformed_requests(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    for head in [
        "NONSENSE\r\n",
        "GET /\r\nhost: a\r\n",
        "GET / HTTP/7.1\r\nhost: a\r\n",
        "G{}T / HTTP/1.1\r\nhost: a\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nno colon\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nbad name: x\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx-control: \x01\r\n",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: many\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n",
    ] {
        let answer = exchange_raw(&service.application, format!("{head}\r\n").as_bytes()).await?;
        ensure(answer.starts_with("HTTP/1.1 400 "), || {
            format!("{head:?} got `{answer}`")
        })?;
    }
    let head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = exchange_raw(&service.application, format!("{head}zz\r\n").as_bytes()).await?;
    ensure(answer.starts_with("HTTP/1.1 400 "), || {
        format!("a malformed chunk got `{answer}`")
    })?;

    equal(
        "a good request after all that",
        service.get("/", &[]).await?.status,
        200,
    )?;
    let finished = service.finished(2).await?;
    let statuses: Vec<_> = finished.iter().map(|finished| finished.status).collect();
    equal(
        "the ledger after only malformed heads, one malformed body and one request",
        statuses,
        [Some(400), Some(200)],
    )?;
    noise::is_survived(&service, 2).await
}

pub(crate) async fn answer(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    let headers = [("X-Note", "one"), ("x-note", "two")];
    let reply = send(
        &service.application,
        "PROPFIND",
        "/charge?amount=1&x=%20",
        &headers,
        "ignored",
    )
    .await?;
    equal("the status", reply.status, 200)?;
    equal("the type", reply.header("content-type"), Some("application/json"))?;
    ensure(
        reply.header("date").is_some_and(|date| date.ends_with(" GMT")),
        || format!("no date in {reply:?}"),
    )?;
    let echo: Answer = reply.json()?;
    equal(
        "the service",
        (&*echo.service, &*echo.version, &*echo.instance),
        ("payments", "v1", "payments-1"),
    )?;
    equal("the method", &*echo.method, "PROPFIND")?;
    equal("the path", &*echo.path, "/charge?amount=1&x=%20")?;
    equal("the host", echo.host.as_deref(), Some("payments"))?;
    equal("the protocol", &*echo.protocol, "HTTP/1.1")?;
    equal(
        "a repeated header",
        echo.headers.get("x-note").map(String::as_str),
        Some("one, two"),
    )?;
    equal("the calls", echo.calls.len(), 0)?;
    equal("the effect", &echo.effect, &None)?;
    let written: Value = reply.json()?;
    ensure(is_whole(&written, &serde_json::to_value(&echo)?), || {
        format!("a field is missing in {written}")
    })?;

    let mut connection = Connection::open(&service.application).await?;
    let absolute = connection
        .send("GET", "http://ledger:81/entry?x", &[], "")
        .await?;
    let echo: Answer = absolute.json()?;
    equal(
        "an absolute-form target",
        (echo.host.as_deref(), &*echo.path),
        (Some("ledger:81"), "/entry?x"),
    )?;
    let utf8 = b"GET / HTTP/1.1\r\nhost: a\r\nx-raw: \xc3\xa9\xff\r\nconnection: close\r\n\r\n";
    let raw = exchange_raw(&service.application, utf8).await?;
    let body = raw.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let echo: Answer = serde_json::from_str(body)?;
    equal(
        "a header that is not UTF-8",
        echo.headers.get("x-raw").map(String::as_str),
        Some("é\u{fffd}"),
    )?;

    let mut raw = RawConnection::open(&service.application).await?;
    raw.write(b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await?;
    let head = raw.read_to_end().await?;
    ensure(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        || format!("HEAD got `{head}`"),
    )?;
    let connect = exchange_raw(&service.application, b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n").await?;
    ensure(connect.starts_with("HTTP/1.1 405 "), || {
        format!("CONNECT got `{connect}`")
    })?;

    for status in [204, 304] {
        service
            .behave(&Behaviour {
                status: Some(status),
                ..Default::default()
            })
            .await?;
        let mut raw = RawConnection::open(&service.application).await?;
        raw.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await?;
        let bodiless = raw.read_to_end().await?;
        ensure(bodiless.ends_with("\r\n\r\n"), || {
            format!("a {status} has the body `{bodiless}`")
        })?;
    }
    Ok(())
}
