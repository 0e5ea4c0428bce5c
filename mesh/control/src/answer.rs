//! Failures as HTTP answers.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::api::Failure;
use crate::error::RequestError;

/// The answer to a request that was refused.
pub(crate) fn failure(error: &RequestError) -> Response {
    let status = match error {
        RequestError::UnknownWorkload(_) => StatusCode::NOT_FOUND,
        RequestError::Name { .. }
        | RequestError::Identity(_)
        | RequestError::Credential(_)
        | RequestError::GatewayEndpoint(_) => StatusCode::UNPROCESSABLE_ENTITY,
        RequestError::JoinToken | RequestError::NoCertificate => StatusCode::UNAUTHORIZED,
        RequestError::WrongIdentity { .. }
        | RequestError::HolderGone(_)
        | RequestError::UnregisteredIdentity(_) => StatusCode::FORBIDDEN,
        RequestError::NotAwaited { .. } => StatusCode::CONFLICT,
        RequestError::TooManyWorkloads(_) | RequestError::TooManyStreams(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    with_status(status, error.to_string())
}

/// An answer with `error` as its [`Failure`].
pub(crate) fn with_status(status: StatusCode, error: String) -> Response {
    (status, Json(Failure { error })).into_response()
}
