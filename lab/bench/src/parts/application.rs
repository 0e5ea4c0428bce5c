//! Whom requests are for: an application that answers `/anything/1024` with 1,024 bytes of JSON, and nothing that it should not.

mod http2;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hallway_host::{Host, Stream};
use serde::{Deserialize, Serialize};

use super::Listening;
use crate::http1::{Connection, MessageError};
use crate::setup::Protocol;

/// The sizes of answers, in bytes.
pub(crate) const SMALL: usize = 1024;
pub(crate) const LARGE: usize = 1024 * 1024;

/// What to serve.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Application {
    pub(crate) listen: SocketAddr,
    /// Whether a request without `x-request-id` is refused: then it has not come through a sidecar that does what it should.
    pub(crate) wants_request_id: bool,
    pub(crate) protocol: Protocol,
}

/// The bodies of answers, by their sizes.
struct Bodies(BTreeMap<usize, Bytes>);

/// Serves until the process is killed.
pub(super) async fn serve(host: Host, application: Application) -> Result<(), String> {
    let mut listener = host
        .listen(application.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", application.listen))?;
    let listening = listener.local_address().map_err(|error| error.to_string())?;
    host.record(&Listening { listening });
    let bodies = Arc::new(Bodies([SMALL, LARGE].map(|size| (size, json(size))).into()));
    loop {
        let (stream, _) = listener.accept().await;
        let (bodies, executor) = (bodies.clone(), host.clone());
        // A client that breaks off, or breaks the protocol, knows what it gets.
        host.spawn(async move {
            match application.protocol {
                Protocol::Http1 => {
                    let _ = converse(stream, &bodies, application.wants_request_id).await;
                }
                Protocol::Http2 | Protocol::Grpc => {
                    let _ = http2::converse(executor, stream, bodies, application).await;
                }
            }
        });
    }
}

const REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
const UNKNOWN: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

async fn converse(stream: Stream, bodies: &Bodies, wants_request_id: bool) -> Result<(), MessageError> {
    let mut connection = Connection::new(stream);
    let mut answer = Vec::new();
    while let Some(request) = connection.request().await? {
        let body = bodies.asked_for(&request.path);
        match body {
            _ if wants_request_id && !request.has_request_id => connection.send(REFUSED).await?,
            None => connection.send(UNKNOWN).await?,
            Some(body) => {
                answer.clear();
                answer.extend_from_slice(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ",
                );
                answer.extend_from_slice(body.len().to_string().as_bytes());
                answer.extend_from_slice(b"\r\n\r\n");
                answer.extend_from_slice(body);
                connection.send(&answer).await?;
            }
        }
    }
    Ok(())
}

impl Bodies {
    /// The last segment of a path is the number of bytes.
    fn asked_for(&self, path: &str) -> Option<&Bytes> {
        let size = path.rsplit('/').next()?.parse().ok()?;
        self.0.get(&size)
    }
}

/// So many bytes of JSON.
fn json(size: usize) -> Bytes {
    let frame = r#"{"padding":""}"#.len();
    format!(r#"{{"padding":"{}"}}"#, "x".repeat(size.saturating_sub(frame))).into()
}
