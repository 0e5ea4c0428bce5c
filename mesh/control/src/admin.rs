//! The endpoint for operators: the routes of [`crate::api`], on loopback, each behind the bearer token.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Json, Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use hallway_model::bootstrap::Token;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use crate::answer::{failure, with_status};
use crate::api::{
    KnownWorkload, ProxySnapshot, PutRules, RegisterWorkload, Registered, RulesInForce, Status,
    WorkloadEndpoint,
};
use crate::error::RequestError;
use crate::plane::ControlPlane;
use crate::secret::is_secret;

/// Bytes of a request body at most: a set of rules.
const BODY_BYTES: usize = 8 * 1024 * 1024;

type Plane = State<Arc<ControlPlane>>;

/// The admin endpoint of `plane`, which opens for `token` alone.
pub(crate) fn router(plane: Arc<ControlPlane>, token: Token) -> Router {
    Router::new()
        .route("/v1/workloads", post(register).put(restore))
        .route("/v1/workloads/{name}", axum::routing::delete(remove))
        .route("/v1/workloads/{name}/endpoint", put(set_endpoint))
        .route("/v1/rules", get(rules).put(put_rules))
        .route("/v1/status", get(status))
        .route("/v1/proxies/{name}/snapshot", get(snapshot))
        .fallback(unknown_path)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::new(token), require_token))
        .with_state(plane)
}

async fn register(
    State(plane): Plane,
    Body(request): Body<RegisterWorkload>,
) -> Result<Json<Registered>, RequestError> {
    plane.register(request).map(Json)
}

async fn restore(
    State(plane): Plane,
    Body(workloads): Body<Vec<KnownWorkload>>,
) -> Result<StatusCode, RequestError> {
    plane.restore(workloads).map(|()| StatusCode::NO_CONTENT)
}

async fn set_endpoint(
    State(plane): Plane,
    Path(name): Path<String>,
    Body(endpoint): Body<WorkloadEndpoint>,
) -> Result<StatusCode, RequestError> {
    plane
        .set_endpoint(&name, endpoint)
        .map(|()| StatusCode::NO_CONTENT)
}

async fn remove(State(plane): Plane, Path(name): Path<String>) -> Result<StatusCode, RequestError> {
    plane.remove(&name).map(|()| StatusCode::NO_CONTENT)
}

async fn put_rules(State(plane): Plane, Body(request): Body<PutRules>) -> Response {
    let admission = request.admission.unwrap_or(plane.admission);
    match plane.replace_rules(request.files, admission) {
        Ok(accepted) => Json(accepted).into_response(),
        Err(refused) => (StatusCode::UNPROCESSABLE_ENTITY, Json(refused)).into_response(),
    }
}

async fn rules(State(plane): Plane) -> Json<RulesInForce> {
    Json(plane.rules())
}

async fn status(State(plane): Plane) -> Json<Status> {
    Json(plane.status())
}

async fn snapshot(
    State(plane): Plane,
    Path(name): Path<String>,
) -> Result<Json<ProxySnapshot>, RequestError> {
    plane.snapshot(&name).map(Json)
}

async fn unknown_path() -> Response {
    with_status(
        StatusCode::NOT_FOUND,
        "there is nothing here; try GET /v1/status".to_owned(),
    )
}

async fn require_token(State(token): State<Arc<Token>>, request: Request, next: Next) -> Response {
    match bearer(request.headers()) {
        Some(presented) if is_secret(&token, presented) => next.run(request).await,
        _ => with_status(
            StatusCode::UNAUTHORIZED,
            "this needs the admin token: `authorization: Bearer TOKEN`".to_owned(),
        ),
    }
}

/// Source: RFC 6750, 2.1; the scheme is case-insensitive (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        failure(&self)
    }
}

/// A JSON body. What is wrong with one is answered as JSON too.
struct Body<T>(T);

impl<S: Send + Sync, T> FromRequest<S> for Body<T>
where
    Json<T>: FromRequest<S, Rejection = JsonRejection>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(with_status(rejection.status(), rejection.body_text())),
        }
    }
}
