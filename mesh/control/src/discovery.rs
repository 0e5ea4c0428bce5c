//! The endpoint for proxies: certificates and discovery streams, over TLS. The peer's certificate says who asks.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Json, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use hallway_identity::PeerCertificate;
use hallway_model::discovery::{Acknowledgement, JoinRequest, RenewRequest, SvidResponse};
use hallway_model::telemetry::ControlRecord;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use rand::RngExt;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::answer::failure;
use crate::clock::now_us;
use crate::error::RequestError;
use crate::plane::ControlPlane;
use crate::server::ConnectionInfo;
use crate::stream::{DiscoveryStream, StreamEnd};

/// Bytes of a request body at most: a signing request, or a proxy's reason for a refusal.
const BODY_BYTES: usize = 64 * 1024;

/// The discovery endpoint of `plane`.
pub(crate) fn router(plane: Arc<ControlPlane>) -> Router {
    Router::new()
        .route("/v1/join", post(join))
        .route("/v1/svid", post(renew))
        .route("/v1/discovery", get(discover))
        .route("/v1/discovery/acknowledgements", post(acknowledge))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(plane)
}

async fn join(
    State(plane): State<Arc<ControlPlane>>,
    Json(request): Json<JoinRequest>,
) -> Result<Json<SvidResponse>, Denied> {
    let outcome = plane.join(&request);
    outcome.map(Json).map_err(|error| Denied::note(&plane, error))
}

async fn renew(
    State(plane): State<Arc<ControlPlane>>,
    Extension(connection): Extension<ConnectionInfo>,
    Json(request): Json<RenewRequest>,
) -> Result<Json<SvidResponse>, Denied> {
    let outcome = peer(&connection).and_then(|peer| plane.renew(&peer, &request));
    outcome.map(Json).map_err(|error| Denied::note(&plane, error))
}

#[derive(Deserialize)]
struct Discover {
    proxy: String,
}

async fn discover(
    State(plane): State<Arc<ControlPlane>>,
    Extension(connection): Extension<ConnectionInfo>,
    Query(Discover { proxy }): Query<Discover>,
) -> Result<Response, Denied> {
    let opened = peer(&connection).and_then(|peer| DiscoveryStream::open(&plane, &proxy, peer));
    let stream = opened.map_err(|error| Denied::note(&plane, error))?;
    let end = StreamEnd {
        at: last_moment(&plane, &proxy, connection.expires),
        cut: connection.cut,
    };
    // One line is enough: the next update waits for the answer to this one.
    let (lines, received) = mpsc::channel(1);
    plane.host.spawn(stream.feed(lines, end));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body(received)).into_response())
}

async fn acknowledge(
    State(plane): State<Arc<ControlPlane>>,
    Extension(connection): Extension<ConnectionInfo>,
    Json(answer): Json<Acknowledgement>,
) -> Result<StatusCode, Denied> {
    let outcome = peer(&connection).and_then(|peer| plane.acknowledge(&peer, answer));
    outcome
        .map(|()| StatusCode::NO_CONTENT)
        .map_err(|error| Denied::note(&plane, error))
}

fn peer(connection: &ConnectionInfo) -> Result<PeerCertificate, RequestError> {
    connection.peer.clone().ok_or(RequestError::NoCertificate)
}

fn body(mut lines: mpsc::Receiver<Bytes>) -> Body {
    Body::from_stream(futures_util::stream::poll_fn(move |context| {
        lines.poll_recv(context).map(|line| line.map(Ok::<_, Infallible>))
    }))
}

/// A stream ends in good order some time before its certificates expire, and not at the same moment as all others: between
/// 80 and 95% of the time that is left. By then the proxy has renewed its certificate, and comes back with it.
fn last_moment(plane: &ControlPlane, proxy: &str, expires: Instant) -> Instant {
    let now = Instant::now();
    let share = plane
        .host
        .random(&format!("end of the discovery stream of {proxy}"))
        .random_range(0.80..0.95);
    now + expires.duration_since(now).mul_f64(share)
}

/// A refusal, noted in the records.
struct Denied(RequestError);

impl Denied {
    fn note(plane: &ControlPlane, error: RequestError) -> Self {
        plane.host.record(&ControlRecord::Denied {
            at_us: now_us(&plane.host),
            reason: error.to_string(),
        });
        Self(error)
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        failure(&self.0)
    }
}
