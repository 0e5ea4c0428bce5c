//! Whom requests are for: an application that answers `/anything/1024` with 1,024 bytes of JSON, and nothing that it should not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use hallway_host::Host;
use serde::{Deserialize, Serialize};

use super::Listening;
use crate::http1::{Connection, MessageError, Request};

/// The sizes of answers, in bytes.
pub(crate) const SMALL: usize = 1024;

/// What to serve.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Application {
    pub(crate) listen: SocketAddr,
    /// Whether a request without `x-request-id` is refused: then it has not come through a sidecar that does what it should.
    pub(crate) wants_request_id: bool,
}

/// Whole answers, by the size of their bodies.
struct Answers(BTreeMap<usize, Vec<u8>>);

/// Serves until the process is killed.
pub(super) async fn serve(host: Host, application: Application) -> Result<(), String> {
    let mut listener = host
        .listen(application.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", application.listen))?;
    let listening = listener.local_address().map_err(|error| error.to_string())?;
    host.record(&Listening { listening });
    let answers = Arc::new(Answers::new([SMALL]));
    loop {
        let (stream, _) = listener.accept().await;
        let answers = answers.clone();
        let wants_request_id = application.wants_request_id;
        host.spawn(async move {
            // A client that breaks off, or breaks the protocol, knows what it gets.
            let _ = converse(Connection::new(stream), &answers, wants_request_id).await;
        });
    }
}

async fn converse(
    mut connection: Connection,
    answers: &Answers,
    wants_request_id: bool,
) -> Result<(), MessageError> {
    while let Some(request) = connection.request().await? {
        let answer = match request.has_request_id || !wants_request_id {
            true => answers.to(&request),
            false => REFUSED,
        };
        connection.send(answer).await?;
    }
    Ok(())
}

const REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
const UNKNOWN: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

impl Answers {
    fn new(sizes: impl IntoIterator<Item = usize>) -> Self {
        Self(sizes.into_iter().map(|size| (size, whole(size))).collect())
    }

    fn to(&self, request: &Request) -> &[u8] {
        let size = request.path.rsplit('/').next().and_then(|size| size.parse().ok());
        size.and_then(|size: usize| self.0.get(&size))
            .map_or(UNKNOWN, Vec::as_slice)
    }
}

/// An answer whose body has `size` bytes.
fn whole(size: usize) -> Vec<u8> {
    let frame = r#"{"padding":""}"#.len();
    let body = format!(r#"{{"padding":"{}"}}"#, "x".repeat(size.saturating_sub(frame)));
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
