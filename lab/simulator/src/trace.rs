//! What happened: events, segments, and a fingerprint of both.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The name of a machine (`orders-1`) or of a process (`orders-1/sidecar`).
pub type Name = Arc<str>;

/// Something that happened to a program or to a machine.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Event {
    /// Virtual time since the start of the simulation.
    pub at: Duration,
    /// What happened.
    pub happening: Happening,
}

/// What an [`Event`] is about. Connections are numbered from 1 in the order in which they were attempted.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the fields say what the variants are about")]
pub enum Happening {
    /// A process was started, for the first time or again.
    Started { process: Name },
    /// A task of a process was started.
    Spawned { process: Name, task: u64 },
    /// A process left a record behind.
    Recorded { process: Name, line: String },
    /// A process began to accept connections.
    Listening { process: Name, address: SocketAddr },
    /// A process began to open a connection.
    Connecting {
        process: Name,
        connection: u64,
        from: SocketAddr,
        to: SocketAddr,
    },
    /// The connection was established, as its opener sees it.
    Connected { process: Name, connection: u64 },
    /// A process took the connection from the backlog.
    Accepted { process: Name, connection: u64 },
    /// The kernel told a process that its connection has failed.
    Failed {
        process: Name,
        connection: u64,
        error: io::ErrorKind,
    },
    /// A process closed its end, by a reset or in the ordinary way.
    Closed {
        process: Name,
        connection: u64,
        reset: bool,
    },
    /// A process was killed.
    Killed { process: Name },
    /// A process was paused.
    Paused { process: Name },
    /// A process goes on.
    Resumed { process: Name },
    /// A machine went down without a word.
    Lost { machine: Name },
    /// A machine is up again.
    Booted { machine: Name },
    /// Nothing passes between two machines any more, in this direction.
    Cut { from: Name, to: Name },
    /// All connections between two machines were reset.
    Reset { one: Name, other: Name },
    /// Everything passes again.
    Healed { from: Name, to: Name },
}

/// What a [`Segment`] is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SegmentKind {
    /// Asks for a connection.
    Syn,
    /// Grants it.
    SynAck,
    /// Completes the handshake, or opens the window again.
    Ack,
    /// Carries bytes.
    Data,
    /// Says that no more bytes will follow.
    Fin,
    /// Breaks the connection.
    Rst,
}

/// What passes over the wire, as seen at the moment at which it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Virtual time since the start of the simulation.
    pub at: Duration,
    /// The connection's number, as in [`Happening::Connecting`].
    pub connection: u64,
    /// The machine that sends.
    pub from_machine: &'a str,
    /// The machine that it is sent to; the same one for a local connection.
    pub to_machine: &'a str,
    /// The address that it is sent from.
    pub from: SocketAddr,
    /// The address that it is sent to.
    pub to: SocketAddr,
    /// What it is for.
    pub kind: SegmentKind,
    /// What it carries; empty unless `kind` is [`SegmentKind::Data`].
    pub bytes: &'a [u8],
}

/// Two runs with the same fingerprint went the same way: all events are equal, and all segments in everything but the bytes that they carry.
/// Of certificates in records (PEM) only the length counts: their keys come from the operating system's entropy, and differ.
/// Comparable only between runs of the same build.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fingerprint {
    /// A hash of all events, in order.
    pub events: u64,
    /// How many there were.
    pub event_count: u64,
    /// A hash of all segments (time, connection, ends, kind and length), in order.
    pub segments: u64,
    /// How many there were.
    pub segment_count: u64,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}-{:016x}", self.events, self.segments)
    }
}

type EventWatcher = Box<dyn FnMut(&Event) + Send>;
type SegmentWatcher = Box<dyn FnMut(&Segment<'_>) + Send>;

#[derive(Default)]
pub(crate) struct Trace {
    events: Digest,
    event_count: u64,
    segments: Digest,
    segment_count: u64,
    event_watchers: Vec<EventWatcher>,
    segment_watchers: Vec<SegmentWatcher>,
}

impl Trace {
    pub(crate) fn event(&mut self, now: u64, happening: Happening) {
        let event = Event {
            at: Duration::from_nanos(now),
            happening,
        };
        match &event.happening {
            Happening::Recorded { process, line } => {
                (event.at, process).hash(&mut self.events);
                hash_record(line, &mut self.events);
            }
            _ => event.hash(&mut self.events),
        }
        self.event_count += 1;
        for watcher in &mut self.event_watchers {
            watcher(&event);
        }
    }

    pub(crate) fn segment(&mut self, segment: &Segment<'_>) {
        let Segment {
            at,
            connection,
            from_machine,
            to_machine,
            from,
            to,
            kind,
            bytes,
        } = segment;
        (at, connection, from_machine, to_machine).hash(&mut self.segments);
        (from, to, kind, bytes.len()).hash(&mut self.segments);
        self.segment_count += 1;
        for watcher in &mut self.segment_watchers {
            watcher(segment);
        }
    }

    pub(crate) fn watch_events(&mut self, watcher: EventWatcher) {
        self.event_watchers.push(watcher);
    }

    pub(crate) fn watch_segments(&mut self, watcher: SegmentWatcher) {
        self.segment_watchers.push(watcher);
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            events: self.events.finish(),
            event_count: self.event_count,
            segments: self.segments.finish(),
            segment_count: self.segment_count,
        }
    }
}

/// Hashes a record but for what is between the boundaries of PEM (RFC 7468), of which it takes the length.
fn hash_record(line: &str, digest: &mut Digest) {
    let mut rest = line;
    while let Some((before, pem)) = rest.split_once("-----BEGIN ") {
        let secret = pem.find("-----END ").unwrap_or(pem.len());
        (before, secret).hash(digest);
        rest = &pem[secret..];
    }
    rest.hash(digest);
}

/// A running hash, the same in every process. Each word passes the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Default)]
struct Digest(u64);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let mut mixed = (self.0 ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = mixed ^ (mixed >> 31);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
