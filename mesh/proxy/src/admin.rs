//! The admin endpoint, for operators, on loopback and behind a bearer token.
//!
//! - `GET /ready`: 200 once a configuration is in force, 503 before
//! - `GET /metrics`: OpenMetrics text
//! - `GET /config`: the snapshot in force, as JSON, without private keys
//! - `GET /stats`: a summary, as JSON

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use hallway_host::{Listener, Stream};

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::proxy::Proxy;

/// The content type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// At most this many connections are open at once.
const MOST_CONNECTIONS: usize = 64;

/// How long a connection may wait for its next request, and a head may take to arrive.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of a request line and its headers at most.
const HEAD_BYTES: usize = 16 * 1024;

/// Serves operators for ever.
pub(crate) async fn run(proxy: Arc<Proxy>, mut listener: Listener) {
    let host = proxy.host.clone();
    let router = Router::new()
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/config", get(config))
        .route("/stats", get(stats))
        .layer(middleware::from_fn_with_state(Arc::clone(&proxy), authorize))
        .with_state(proxy);
    let service = TowerToHyperService::new(router);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let (stream, _) = listener.accept().await;
        // A connection too many is closed by dropping it.
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            host.spawn(serve(stream, service.clone(), place));
        }
    }
}

/// Serves one connection. How it ends is the operator's affair.
async fn serve(stream: Stream, service: TowerToHyperService<Router>, _place: OwnedSemaphorePermit) {
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .max_header_size(HEAD_BYTES)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn authorize(State(proxy): State<Arc<Proxy>>, request: Request, next: Next) -> Response {
    let presented = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let expected = proxy.bootstrap.admin.token.0.as_bytes();
    if presented.is_some_and(|presented| equal_in_constant_time(presented, expected)) {
        return next.run(request).await;
    }
    let help = "Send `Authorization: Bearer <the admin token of this proxy>`.\n";
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], help).into_response()
}

async fn ready(State(proxy): State<Arc<Proxy>>) -> (StatusCode, &'static str) {
    if proxy.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "waiting for a configuration from the control plane\n",
        )
    }
}

async fn metrics(State(proxy): State<Arc<Proxy>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], proxy.metrics.render())
}

async fn config(State(proxy): State<Arc<Proxy>>) -> Response {
    match proxy.configuration() {
        Some(configuration) => Json(json!({
            "version": configuration.version,
            "snapshot": configuration.snapshot.without_keys(),
        }))
        .into_response(),
        None => ready(State(proxy)).await.into_response(),
    }
}

async fn stats(State(proxy): State<Arc<Proxy>>) -> impl IntoResponse {
    Json(json!({
        "workload": proxy.workload(),
        "identity": proxy.bootstrap.identity,
        "version": proxy.configuration().map_or(0, |configuration| configuration.version),
        "certificate_expires_us": proxy.store.svid().map(|svid| crate::time::epoch_micros(svid.not_after())),
        "requests_in_flight": proxy.requests_in_flight(),
        "control_plane_trouble": proxy.trouble(),
    }))
}

/// Compares without telling, by the time it takes, how much was right. The length is no secret.
fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    let differences = left.iter().zip(right).fold(0, |differences, (left, right)| {
        std::hint::black_box(differences | (left ^ right))
    });
    left.len() == right.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::equal_in_constant_time;

    #[test]
    fn only_the_very_token_is_equal() {
        assert!(equal_in_constant_time(b"secret", b"secret"));
        for wrong in [&b""[..], b"secre", b"secrets", b"secreT", b"Secret"] {
            assert!(!equal_in_constant_time(wrong, b"secret"), "{wrong:?}");
        }
    }
}
