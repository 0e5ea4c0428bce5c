//! The proxy's own SVID: asked for with the join token, renewed at about half of its life.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use hallway_identity::{Bundle, CredentialError, KeyPair, Svid};
use hallway_model::SpiffeId;
use hallway_model::discovery::{JoinRequest, RenewRequest, SvidResponse};
use hallway_model::telemetry::{Identity, ProxyRecord};
use rand::RngExt;
use thiserror::Error;

use crate::backoff::Backoff;
use crate::control_plane::{ControlPlane, ControlPlaneError};
use crate::proxy::Proxy;
use crate::time::epoch_micros;

/// Why no SVID was obtained.
#[derive(Debug, Error)]
pub(crate) enum SvidError {
    #[error(transparent)]
    ControlPlane(#[from] ControlPlaneError),
    #[error("it issued what this proxy cannot use: {0}")]
    Credential(#[from] CredentialError),
    #[error("it issued a certificate for `{issued}`, where this proxy is `{expected}`")]
    AnotherIdentity {
        issued: Box<SpiffeId>,
        expected: Box<SpiffeId>,
    },
}

/// Joins the mesh. While the control plane cannot be reached, it is tried again.
///
/// # Errors
/// When the control plane refuses the token, which is good for one start only, or issues something unusable.
pub(crate) async fn join(proxy: &Proxy, control_plane: &ControlPlane) -> Result<(), SvidError> {
    let mut backoff = Backoff::new();
    loop {
        let key = KeyPair::generate();
        let message = JoinRequest {
            token: proxy.bootstrap.join_token.0.clone(),
            csr: key.signing_request(),
        };
        match control_plane.post("/v1/join", &message).await {
            Ok(response) => return install(proxy, &key, &response),
            Err(error) if error.is_final() => return Err(error.into()),
            Err(_) => backoff.pause(&proxy.reconnect).await,
        }
    }
}

/// Renews the SVID for ever. It does not end while there is time left, and goes on trying when there is none.
pub(crate) async fn keep_renewed(proxy: &Proxy, control_plane: &ControlPlane) -> Infallible {
    loop {
        tokio::time::sleep(time_to_renewal(proxy)).await;
        let mut backoff = Backoff::new();
        while renew(proxy, control_plane).await.is_err() {
            backoff.pause(&proxy.reconnect).await;
        }
    }
}

async fn renew(proxy: &Proxy, control_plane: &ControlPlane) -> Result<(), SvidError> {
    let key = KeyPair::generate();
    let message = RenewRequest {
        csr: key.signing_request(),
    };
    let response = control_plane.post("/v1/svid", &message).await?;
    install(proxy, &key, &response)
}

fn install(proxy: &Proxy, key: &KeyPair, response: &SvidResponse) -> Result<(), SvidError> {
    let svid = Svid::new(&response.chain, key)?;
    let bundle = Bundle::from_pem(&response.bundle)?;
    let expected = &proxy.bootstrap.identity;
    if svid.identity() != expected {
        return Err(SvidError::AnotherIdentity {
            issued: Box::new(svid.identity().clone()),
            expected: Box::new(expected.clone()),
        });
    }
    let expires_us = epoch_micros(svid.not_after());
    let record = ProxyRecord::Identity(Identity {
        proxy: proxy.workload().to_owned(),
        at_us: epoch_micros(proxy.host.wall_clock()),
        identity: svid.identity().clone(),
        expires_us,
        serial: svid.serial().to_owned(),
    });
    proxy.store.rotate(svid, &bundle);
    proxy.metrics.certified(expires_us);
    proxy.record(record);
    Ok(())
}

/// Between 45% and 55% of what is left of the SVID.
fn time_to_renewal(proxy: &Proxy) -> Duration {
    let now = proxy.host.wall_clock();
    let expires = proxy
        .store
        .svid()
        .map_or(SystemTime::UNIX_EPOCH, |svid| svid.not_after());
    let left = expires.duration_since(now).unwrap_or_default();
    let share = proxy.renewals.with(|random| random.random_range(0.45..0.55));
    left.mul_f64(share)
}
