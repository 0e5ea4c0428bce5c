//! Whether everybody does the same work: what the two of a pair agree on, and that neither takes a stranger for the other.
//!
//! A relay between the two reads the one message of TLS 1.3 that is in the clear and says what was agreed on, the ServerHello (RFC 8446 §4.1.3). Then it
//! becomes an impostor, whose certificate another authority has issued: the first sidecar must not send it anything. And at the door
//! of the second, strangers knock: one without a certificate, one with such a foreign one.

mod relay;
mod server_hello;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub use server_hello::Agreement;

use crate::child::LOOK_EVERY;
use crate::credentials::Credentials;
use crate::error::BenchError;
use crate::http1::Connection;
use crate::pairs::{Door, Pair, Workshop};
use crate::parts::load::{Request, exchange_http1, probe};
use crate::parts::tls::Files;
use crate::setup::Setup;
use crate::subject::Subject;
pub(crate) use relay::Relay;

/// How long a stranger waits for an answer that should not come.
const STRANGERS_WAIT: Duration = Duration::from_secs(5);

/// What one pair was seen to do.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Whose.
    pub subject: Subject,
    /// What its two sidecars agreed on.
    pub agreement: Agreement,
}

/// Inspects a pair, if it encrypts at all.
///
/// # Errors
/// When it encrypts otherwise than it should, or takes a stranger for the other.
pub(crate) async fn inspect(workshop: &Workshop, subject: Subject) -> Result<Option<Inspection>, BenchError> {
    if matches!(subject, Subject::Direct | Subject::Splice) {
        return Ok(None);
    }
    let wrong = |reason: String| BenchError::WrongAnswer {
        subject: subject.name().to_owned(),
        reason,
    };
    let foreign = tempfile::tempdir_in(&workshop.directory)
        .map_err(BenchError::machine("make a temporary directory"))?;
    let strangers = Credentials::create(&workshop.host, foreign.path())?;
    let relay = Relay::listen(&workshop.host)
        .await
        .map_err(BenchError::machine("listen for a relay"))?;
    let pair = Pair::start_with(workshop, subject, Setup::STANDARD, Some(&relay)).await?;
    let agreement = relay
        .agreement()
        .ok_or_else(|| wrong("nothing between its sidecars was TLS".to_owned()))?
        .map_err(&wrong)?;
    if let Some(door) = pair.door() {
        let request = Request {
            target: door.address,
            request_id: true,
            ..pair.request()
        };
        for (stranger, config) in strangers_at(door, &strangers.outbound.files).map_err(&wrong)? {
            if knock(workshop, &request, config).await.is_ok() {
                return Err(wrong(format!("its second sidecar answers {stranger}")));
            }
        }
    }
    let impostor = strangers.inbound.files.server().map_err(&wrong)?;
    relay.impersonate(TlsAcceptor::from(Arc::new(impostor))).await;
    if !refuses_impostor(workshop, &pair, &relay).await {
        return Err(wrong(
            "its first sidecar does not refuse an impostor of the second".to_owned(),
        ));
    }
    Ok(Some(Inspection { subject, agreement }))
}

/// Sends requests until the first sidecar has met the impostor; a connection that it takes for open may have to fail first. Whether it told the impostor
/// nothing, and its client no lie.
async fn refuses_impostor(workshop: &Workshop, pair: &Pair, relay: &Relay) -> bool {
    let request = pair.request();
    let deadline = Instant::now() + STRANGERS_WAIT;
    while Instant::now() < deadline {
        let probed = timeout(STRANGERS_WAIT, probe(&workshop.host, &request)).await;
        match (probed, relay.was_believed()) {
            (Ok(Ok(())), _) | (_, Some(true)) => return false,
            (_, Some(false)) => return true,
            (_, None) => sleep(LOOK_EVERY).await,
        }
    }
    false
}

/// Clients that must not be served.
fn strangers_at(door: &Door, foreign: &Files) -> Result<[(&'static str, ClientConfig); 2], String> {
    let forged = Files {
        authority: door.credentials.authority.clone(),
        ..foreign.clone()
    };
    Ok([
        (
            "a client without a certificate",
            forged.client_without_certificate()?,
        ),
        (
            "a client that another authority has certified",
            forged.client_of_anybody()?,
        ),
    ])
}

/// Sends a request over a connection of a stranger.
async fn knock(workshop: &Workshop, request: &Request, config: ClientConfig) -> Result<(), String> {
    let exchange = async {
        let stream = workshop.host.connect(request.target).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let name = ServerName::try_from("server.bench.test").expect("a well-formed name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = stream.map_err(|error| error.to_string())?;
        exchange_http1(&mut Connection::new(stream), &request.http1(), request.answer).await
    };
    let exchanged = timeout(STRANGERS_WAIT, exchange).await;
    exchanged.unwrap_or_else(|_| Err("no answer".to_owned()))
}
