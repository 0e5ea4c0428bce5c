//! Passes bytes between two connections, each direction at the pace of its receiver.

use hallway_host::Stream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::Edges;
use super::marker::MarkerSearch;
use super::tls_records::TlsRecords;

/// What one direction holds at most: one full TLS record.
const BUFFER: usize = 16 * 1024;

/// Which way bytes flow.
#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    /// Towards the target.
    Up,
    /// From the target.
    Down,
}

/// Watches one direction of a connection.
pub(super) struct Watch<'a> {
    pub(super) edges: &'a Edges,
    pub(super) connection: usize,
    pub(super) direction: Direction,
    pub(super) records: TlsRecords,
    pub(super) marker: MarkerSearch,
}

/// The connection broke before its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Broken;

/// Which end of a direction failed.
enum Failure {
    Source,
    Sink,
}

/// Passes bytes both ways until both directions have ended.
pub(super) async fn exchange(
    downstream: &mut Stream,
    upstream: &mut Stream,
    up: Watch<'_>,
    down: Watch<'_>,
) -> Result<(), Broken> {
    let (from_downstream, to_downstream) = tokio::io::split(downstream);
    let (from_upstream, to_upstream) = tokio::io::split(upstream);
    let broken = CancellationToken::new();
    let (up, down) = tokio::join!(
        pass(from_downstream, to_upstream, up, &broken),
        pass(from_upstream, to_downstream, down, &broken),
    );
    up.and(down)
}

/// When the source breaks, the other direction has lost its receiver and ends too. When the sink breaks, the other direction
/// goes on: what the sink sent before it broke (a TLS alert, an early answer) is still to be passed on, and its end shows there.
async fn pass(
    source: impl AsyncRead + Unpin,
    sink: impl AsyncWrite + Unpin,
    watch: Watch<'_>,
    broken: &CancellationToken,
) -> Result<(), Broken> {
    match broken.run_until_cancelled(copy(source, sink, watch)).await {
        Some(Ok(())) => Ok(()),
        Some(Err(Failure::Source)) => {
            broken.cancel();
            Err(Broken)
        }
        Some(Err(Failure::Sink)) | None => Err(Broken),
    }
}

async fn copy(
    mut source: impl AsyncRead + Unpin,
    mut sink: impl AsyncWrite + Unpin,
    mut watch: Watch<'_>,
) -> Result<(), Failure> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = source.read(&mut buffer).await.map_err(|_| Failure::Source)?;
        if length == 0 {
            return sink.shutdown().await.map_err(|_| Failure::Sink);
        }
        let segment = &buffer[..length];
        watch.see(segment);
        sink.write_all(segment).await.map_err(|_| Failure::Sink)?;
    }
}

impl Watch<'_> {
    fn see(&mut self, segment: &[u8]) {
        let records_before = self.records.application_records();
        self.records.read(segment);
        let marker_seen = self.marker.seen_in(segment);
        let length = u64::try_from(segment.len()).expect("a segment fits into its buffer");
        self.edges.note(self.connection, |seen| {
            match self.direction {
                Direction::Up => seen.bytes_up += length,
                Direction::Down => seen.bytes_down += length,
            }
            seen.tls &= self.records.is_tls();
            seen.application_records += self.records.application_records() - records_before;
            seen.marker_seen |= marker_seen;
        });
    }
}
