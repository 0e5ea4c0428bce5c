//! Passes bytes between two connections, each direction at the pace of its receiver and of its link.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hallway_host::Stream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Edges;
use super::link::Link;
use super::marker::MarkerSearch;
use super::tls_records::TlsRecords;

/// The most that is read at once: one full TLS record.
const BUFFER: usize = 16 * 1024;

/// What one direction holds at most, in bytes: what is on its way over a link with a delay.
const IN_FLIGHT: usize = 256 * 1024;

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
    pub(super) link: &'a Link,
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

/// One of the two connections. A reset is told once, to whoever asks first: who reads after a failed write sees an end.
#[derive(Default)]
struct End {
    broke: AtomicBool,
}

impl End {
    fn has_broken(&self) -> bool {
        self.broke.load(Ordering::Relaxed)
    }
}

/// What is on its way.
struct Sent {
    /// When it arrives at the earliest.
    due: Instant,
    what: What,
}

enum What {
    /// Bytes, and the room that they take.
    Data(Bytes, OwnedSemaphorePermit),
    /// Nothing more will come.
    End,
    /// The source broke.
    Broke,
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
    let (downstream, upstream) = (End::default(), End::default());
    let (up, down) = tokio::join!(
        pass(
            (from_downstream, &downstream),
            (to_upstream, &upstream),
            up,
            &broken
        ),
        pass(
            (from_upstream, &upstream),
            (to_downstream, &downstream),
            down,
            &broken
        ),
    );
    up.and(down)
}

/// When the source breaks, the other direction has lost its receiver and ends too. When the sink breaks, the other direction
/// goes on: what the sink sent before it broke (a TLS alert, an early answer) is still to be passed on, and its end shows there.
async fn pass(
    (source, source_end): (impl AsyncRead + Unpin, &End),
    (sink, sink_end): (impl AsyncWrite + Unpin, &End),
    watch: Watch<'_>,
    broken: &CancellationToken,
) -> Result<(), Broken> {
    let copy = copy(source, source_end, sink, watch);
    match broken.run_until_cancelled(copy).await {
        Some(Ok(())) => Ok(()),
        Some(Err(Failure::Source)) => {
            broken.cancel();
            Err(Broken)
        }
        Some(Err(Failure::Sink)) => {
            sink_end.broke.store(true, Ordering::Relaxed);
            Err(Broken)
        }
        None => Err(Broken),
    }
}

async fn copy(
    source: impl AsyncRead + Unpin,
    source_end: &End,
    sink: impl AsyncWrite + Unpin,
    watch: Watch<'_>,
) -> Result<(), Failure> {
    let link = watch.link;
    let (sent, arriving) = mpsc::unbounded_channel();
    let send = async {
        send(source, watch, &sent).await;
        Ok(())
    };
    tokio::try_join!(send, deliver(arriving, source_end, sink, link)).map(drop)
}

/// Reads what the source sends, as long as there is room for more on the way.
async fn send(mut source: impl AsyncRead + Unpin, mut watch: Watch<'_>, sent: &mpsc::UnboundedSender<Sent>) {
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut buffer = vec![0; BUFFER];
    loop {
        let mut free = room
            .clone()
            .acquire_many_owned(BUFFER as u32)
            .await
            .expect("the semaphore is never closed");
        let read = source.read(&mut buffer).await;
        let what = match read {
            Ok(0) => What::End,
            Err(_) => What::Broke,
            Ok(length) => {
                let segment = &buffer[..length];
                watch.see(segment);
                let taken = free.split(length).expect("no more is read than fits");
                What::Data(Bytes::copy_from_slice(segment), taken)
            }
        };
        let is_last = !matches!(what, What::Data(..));
        let due = watch.link.due();
        // Whoever delivers it stops only when the whole direction does.
        let _ = sent.send(Sent { due, what });
        if is_last {
            return;
        }
    }
}

/// Writes to the sink what has crossed the link.
async fn deliver(
    mut arriving: mpsc::UnboundedReceiver<Sent>,
    source_end: &End,
    mut sink: impl AsyncWrite + Unpin,
    link: &Link,
) -> Result<(), Failure> {
    loop {
        let Sent { due, what } = arriving
            .recv()
            .await
            .expect("the last that is sent ends the direction");
        if due > Instant::now() {
            sleep_until(due).await;
        }
        match what {
            What::Data(mut data, _room) => {
                while !data.is_empty() {
                    let piece = data.split_to(data.len().min(link.piece()));
                    link.pass(piece.len()).await;
                    sink.write_all(&piece).await.map_err(|_| Failure::Sink)?;
                }
            }
            What::End if !source_end.has_broken() => {
                link.pass(0).await;
                return sink.shutdown().await.map_err(|_| Failure::Sink);
            }
            What::End | What::Broke => {
                link.pass(0).await;
                return Err(Failure::Source);
            }
        }
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
