//! C6 for bytes that nobody chose: a service survives whatever comes, and its ledger stays in order.

use hallway_host::Random;
use rand::RngExt;
use tokio::io::AsyncWriteExt;

use crate::service::{Service, finished, received};
use crate::wire::{RawConnection, is_reset};
use crate::{Failure, Verdict, ensure, equal};

/// How many connections bring noise of each kind.
const CONNECTIONS: usize = 100;

/// Requests that would be answered, were no byte of them changed.
const REQUESTS: [&[u8]; 3] = [
    b"GET /charge?amount=1 HTTP/1.1\r\nhost: a\r\nx-request-id: id-1\r\nconnection: close\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody",
    b"PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
];

/// What comes of random bytes, and of requests with random bytes in them, at `service`, which has received `before` requests.
pub(crate) async fn is_survived(service: &Service, before: usize) -> Verdict {
    let mut random = Random::derive(1, "noise");
    for _ in 0..CONNECTIONS {
        // A line of random bytes is no request line: its end makes it a whole one.
        let length = random.random_range(1..2000);
        let mut noise: Vec<u8> = (0..length).map(|_| random.random()).collect();
        noise.extend(b"\r\n\r\n");
        let answer = exchange(service, &noise).await?;
        ensure(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), || {
            format!("{noise:?} got `{answer}`")
        })?;
    }
    let known = service.records_when(|_| true).await?;
    equal(
        "requests received of random bytes",
        received(&known).len(),
        before,
    )?;

    for number in 0..CONNECTIONS {
        let mut noise = REQUESTS[number % REQUESTS.len()].to_vec();
        for _ in 0..random.random_range(1..4) {
            let place = random.random_range(0..noise.len());
            noise[place] = random.random();
        }
        let answer = exchange(service, &noise).await?;
        ensure(answer.is_empty() || answer.starts_with("HTTP/1."), || {
            format!("{:?} got `{answer}`", String::from_utf8_lossy(&noise))
        })?;
    }
    equal(
        "a request after the noise",
        service.get("/last", &[]).await?.status,
        200,
    )?;
    let records = service
        .records_when(|records| received(records).len() == finished(records).len())
        .await?;
    let mut handlings: Vec<_> = finished(&records).iter().map(|end| end.handling).collect();
    handlings.sort_unstable();
    let expected: Vec<_> = (1..=handlings.len() as u64).collect();
    equal("the requests that ended, each once", handlings, expected)
}

/// Sends the bytes and nothing after them. A connection that is reset with bytes unread gives no answer.
async fn exchange(service: &Service, bytes: &[u8]) -> Result<String, Failure> {
    let mut connection = RawConnection::open(&service.application).await?;
    let sent = async {
        connection.write(bytes).await?;
        connection.0.shutdown().await?;
        connection.read_to_end().await
    };
    match sent.await {
        Err(failure) if is_reset(&failure) || is_broken_pipe(&failure) => Ok(String::new()),
        answer => answer,
    }
}

/// Whether the other side was gone before all was written.
fn is_broken_pipe(failure: &Failure) -> bool {
    let error = failure.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| {
        matches!(
            error.kind(),
            std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::NotConnected
        )
    })
}
