//! C25 to C28: the control endpoint.

use std::collections::BTreeMap;

use hallway_service::contract::{Behaviour, Bootstrap, CallResult, FailFirst};
use serde_json::{Value, json};

use crate::service::{Service, TOKEN, bootstrap};
use crate::subject::Subject;
use crate::upstream::{Upstream, answer};
use crate::wire::{exchange_raw, send};
use crate::{Verdict, ensure, equal};

pub(crate) async fn authentication(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    let wrong = [
        format!("Bearer {TOKEN}x"),
        format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]),
        format!("Bearer {}", TOKEN.replace('t', "d")),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
        "Bearer ".to_owned(),
    ];
    for (method, path) in [
        ("GET", "/ready"),
        ("PUT", "/behaviour"),
        ("POST", "/call"),
        ("GET", "/elsewhere"),
    ] {
        let reply = send(&service.control, method, path, &[], r#"{"status":418}"#).await?;
        equal(&format!("{method} {path} without a token"), reply.status, 401)?;
        for authorization in &wrong {
            let headers = [("authorization", &**authorization)];
            let reply = send(&service.control, method, path, &headers, r#"{"status":418}"#).await?;
            equal(
                &format!("{method} {path} with `{authorization}`"),
                reply.status,
                401,
            )?;
        }
    }
    equal(
        "the application after refused commands",
        service.get("/", &[]).await?.status,
        200,
    )?;
    let arrived = service.received(1).await?;
    equal("requests in the ledger", arrived.len(), 1)?;
    let head = "GET /ready HTTP/1.1\r\nx-filler: ";
    let endless = head.to_owned() + &"x".repeat(64 * 1024 - head.len());
    let answer = exchange_raw(&service.control, endless.as_bytes()).await?;
    ensure(answer.starts_with("HTTP/1.1 431 "), || {
        format!("a head without end got `{answer}`")
    })
}

pub(crate) async fn ready(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    equal(
        "GET /ready",
        service.command("GET", "/ready", "").await?.status,
        200,
    )?;
    equal("another path", service.command("GET", "/", "").await?.status, 404)?;
    for (method, path) in [
        ("POST", "/ready"),
        ("GET", "/behaviour"),
        ("GET", "/call"),
        ("PUT", "/call"),
    ] {
        let reply = service.command(method, path, "{}").await?;
        equal(&format!("{method} {path}"), reply.status, 405)?;
    }
    equal("the ledger", service.records_when(|_| true).await?.len(), 1)
}

pub(crate) async fn changing_the_behaviour(subject: &Subject) -> Verdict {
    let first = Behaviour {
        status: Some(418),
        ..Default::default()
    };
    let service = Service::behaving(subject, first).await?;
    for refused in [
        "",
        "teapot",
        "[]",
        r#"{"colour": "red"}"#,
        r#"{"status": 199}"#,
        r#"{"status": "200"}"#,
        r#"{"status": 200.5}"#,
        r#"{"status": true}"#,
        r#"{"hang": null}"#,
        r#"{"hang": 1}"#,
        r#"{"reset_before": 1.5}"#,
        r#"{"reset_after": NaN}"#,
        r#"{"latency": {}}"#,
        r#"{"latency": {"fixed": {"ms": -1}}}"#,
        r#"{"latency": {"fixed": {"ms": 1e9}}}"#,
        r#"{"latency": {"fixed": {"ms": 1}, "percentiles": {"p50_ms": 1, "p90_ms": 2, "p99_ms": 3}}}"#,
        r#"{"latency": {"percentiles": {"p50_ms": 3, "p90_ms": 2, "p99_ms": 1}}}"#,
        r#"{"latency": {"percentiles": {"p50_ms": 1}}}"#,
        r#"{"fail_first": {"attempts": -1, "status": 503}}"#,
        r#"{"fail_first": {"attempts": 1}}"#,
        r#"{"fail_first": {"attempts": true, "status": 503}}"#,
        r#"{"fail_first": [1, 503]}"#,
        r#"{"fail_share": {"share": 2, "status": 503}}"#,
        r#"{"slow_body": {"pieces": 0, "over_ms": 1}}"#,
        r#"{"fail_pattern": {"pattern": "", "status": 503}}"#,
        r#"{"fail_pattern": {"pattern": ".X", "status": 503}}"#,
        r#"{"fail_pattern": {"pattern": ".x"}}"#,
        r#"{"fail_pattern": {"pattern": ".x", "status": 600}}"#,
        r#"{"truncate": -0.1}"#,
        r#"{"truncate": "1"}"#,
        r#"{"ticks": {"count": 0, "every_ms": 1}}"#,
        r#"{"ticks": {"count": 1000001, "every_ms": 1}}"#,
        r#"{"ticks": {"count": 1}}"#,
        r#"{"ticks": {"count": 1, "every_ms": -1}}"#,
        r#"{"capacity": {"at_once": 0, "queue": 0, "status": 503}}"#,
        r#"{"capacity": {"at_once": 1, "queue": -1, "status": 503}}"#,
        r#"{"capacity": {"at_once": 1, "queue": 0}}"#,
        r#"{"capacity": {"at_once": 1, "queue": 0, "status": 100}}"#,
        r#"{"effect": {}}"#,
        r#"{"effect": {"once_per_key": null}}"#,
        r#"{"effect": true}"#,
        r#"{"idle_close": {"ms": 3600001}}"#,
        r#"{"idle_close": 5}"#,
        r#"{"drop_trace": null}"#,
        r#"{"drop_trace": "yes"}"#,
    ] {
        let reply = service.command("PUT", "/behaviour", refused).await?;
        equal(&format!("the behaviour `{refused}`"), reply.status, 400)?;
        let message = reply.json::<BTreeMap<String, String>>()?;
        ensure(
            message.get("error").is_some_and(|error| !error.is_empty()),
            || format!("no message about `{refused}` in {message:?}"),
        )?;
    }
    equal(
        "the behaviour after refusals",
        service.get("/", &[]).await?.status,
        418,
    )?;

    let failing = Behaviour {
        fail_first: Some(FailFirst {
            attempts: 1,
            status: 503,
        }),
        ..Default::default()
    };
    for _ in 0..2 {
        service.behave(&failing).await?;
        let id = [("x-request-id", "id")];
        let statuses = [
            service.get("/", &id).await?.status,
            service.get("/", &id).await?.status,
        ];
        equal(
            "attempts after a change, which counts anew and keeps nothing",
            statuses,
            [503, 200],
        )?;
    }
    let all = json!({
        "status": null, "latency": { "fixed": { "ms": 0 } }, "fail_first": null, "fail_share": null,
        "reset_before": 0, "reset_after": 0.0, "hang": false, "slow_body": null, "fail_pattern": null, "truncate": 0,
        "ticks": null, "capacity": { "at_once": 4294967295u32, "queue": 0, "status": 200 },
        "effect": { "once_per_key": false }, "idle_close": { "ms": 3600000 }, "drop_trace": false,
    });
    let reply = service.command("PUT", "/behaviour", &all.to_string()).await?;
    equal("a behaviour with every field", reply.status, 204)?;
    equal("its answer", service.get("/", &[]).await?.status, 200)
}

pub(crate) async fn calling_on_demand(subject: &Subject) -> Verdict {
    let proxy = Upstream::start(subject, |_| answer(503, r#"{"sorry": true}"#)).await?;
    let through = Bootstrap {
        proxy: Some(proxy.address),
        ..bootstrap(subject)
    };
    let service = Service::start(subject, &through).await?;
    let call = json!({
        "method": "POST", "url": "http://payments/charge", "body": "1",
        "headers": { "x-hallway-request": "load-1" },
    });
    let authorization = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", &*authorization),
        ("x-request-id", "of the command"),
        ("traceparent", "x"),
    ];
    let reply = send(&service.control, "POST", "/call", &headers, &call.to_string()).await?;
    equal("the answer to a command that was carried out", reply.status, 200)?;
    let result: CallResult = reply.json()?;
    equal("the status of the call", result.status, Some(503))?;
    equal("its body", result.body, json!({ "sorry": true }))?;
    let seen = proxy.seen();
    equal("the call", &*seen[0].line, "POST http://payments/charge HTTP/1.1")?;
    equal("its header", seen[0].header("x-hallway-request"), ["load-1"])?;
    for name in ["authorization", "x-request-id", "traceparent"] {
        equal("a header of the command", seen[0].header(name), [""; 0])?;
    }

    let alone = Service::start(subject, &bootstrap(subject)).await?;
    let result: CallResult = alone.command("POST", "/call", &call.to_string()).await?.json()?;
    ensure(result.status.is_none() && result.error.is_some(), || {
        format!("a call to nobody gave {result:?}")
    })?;
    for (field, value) in [
        ("method", json!("CONNECT")),
        ("method", json!("G T")),
        ("url", json!("/relative")),
        ("url", json!("https://payments/")),
        ("url", json!("http://me@payments/")),
        ("headers", json!({ "host": "a" })),
        ("headers", json!({ "bad name": "a" })),
        ("headers", json!({ "x-note": "a\r\nb: c" })),
        ("body", json!(7)),
        ("colour", json!("red")),
        ("method", Value::Null),
    ] {
        let mut wrong = call.clone();
        wrong[field] = value;
        let reply = alone.command("POST", "/call", &wrong.to_string()).await?;
        equal(&format!("the call {wrong}"), reply.status, 400)?;
    }
    equal("the ledger", alone.records_when(|_| true).await?.len(), 1)
}
