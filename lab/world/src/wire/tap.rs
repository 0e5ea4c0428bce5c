//! The wire of a simulation: the network itself is watched, and no relay is needed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hallway_evidence::{Closed, WireConnection};
use hallway_simulator::{Event, Happening, Segment, SegmentKind};

use super::Edge;
use super::marker::MarkerSearch;
use super::tls_records::TlsRecords;

/// Watches connections to the inbound listeners of sidecars. Clones share what was seen.
#[derive(Clone)]
pub(crate) struct Tap {
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    marker: String,
    /// The timestamp of the start of the simulation.
    origin_us: u64,
    /// Which workload is where.
    targets: BTreeMap<SocketAddr, String>,
    /// The connections that have not ended, by their number.
    open: BTreeMap<u64, Watched>,
    log: Vec<WireConnection>,
}

/// A connection that has not ended.
struct Watched {
    /// Its place in the log.
    index: usize,
    opener: SocketAddr,
    up: Direction,
    down: Direction,
    granted: bool,
}

struct Direction {
    records: TlsRecords,
    marker: MarkerSearch,
    ended: bool,
}

impl Tap {
    /// A tap that looks out for `marker`; `origin_us` is the timestamp of the start of the simulation.
    pub(crate) fn new(marker: &str, origin_us: u64) -> Self {
        let seen = Seen {
            marker: marker.to_owned(),
            origin_us,
            targets: BTreeMap::new(),
            open: BTreeMap::new(),
            log: Vec::new(),
        };
        Self {
            seen: Arc::new(Mutex::new(seen)),
        }
    }

    /// Watches what goes to the target of `edge`, whoever opens the connection. Of several workloads at one address (a registry that lies), the
    /// first is meant.
    pub(crate) fn watch(&self, edge: Edge) {
        self.lock().targets.entry(edge.target).or_insert(edge.to);
    }

    /// Takes note of a segment.
    pub(crate) fn segment(&self, segment: &Segment<'_>) {
        self.lock().segment(segment);
    }

    /// Takes note of an event: a connection that a kernel gave up, or that was broken in the middle, ends without a segment.
    pub(crate) fn event(&self, event: &Event) {
        if let Happening::Failed { connection, .. } = event.happening {
            self.lock().close(connection, event.at, Closed::Reset);
        }
    }

    /// What was seen of every connection, in the order in which they were opened. From then on nothing is watched: connections may outlive
    /// the run.
    pub(crate) fn take(&self) -> Vec<WireConnection> {
        let mut seen = self.lock();
        seen.targets.clear();
        seen.open.clear();
        std::mem::take(&mut seen.log)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .expect("writing down what was seen does not panic")
    }
}

impl Seen {
    fn segment(&mut self, segment: &Segment<'_>) {
        if segment.kind == SegmentKind::Syn {
            return self.open(segment);
        }
        let Some(watched) = self.open.get_mut(&segment.connection) else {
            return;
        };
        let is_up = segment.from == watched.opener;
        match segment.kind {
            SegmentKind::SynAck => watched.granted = true,
            SegmentKind::Data => watched.see(segment.bytes, is_up, &mut self.log),
            SegmentKind::Fin => {
                watched.direction(is_up).ended = true;
                if watched.up.ended && watched.down.ended {
                    self.close(segment.connection, segment.at, Closed::Orderly);
                }
            }
            SegmentKind::Rst => {
                let closed = match watched.granted {
                    true => Closed::Reset,
                    false => Closed::Refused,
                };
                self.close(segment.connection, segment.at, closed);
            }
            SegmentKind::Syn | SegmentKind::Ack => {}
        }
    }

    fn open(&mut self, segment: &Segment<'_>) {
        let Some(workload) = self.targets.get(&segment.to) else {
            return;
        };
        let direction = || Direction {
            records: TlsRecords::default(),
            marker: MarkerSearch::new(&self.marker),
            ended: false,
        };
        let watched = Watched {
            index: self.log.len(),
            opener: segment.from,
            up: direction(),
            down: direction(),
            granted: false,
        };
        self.open.insert(segment.connection, watched);
        self.log.push(WireConnection {
            from: segment.from_machine.to_owned(),
            to: workload.clone(),
            opened_us: self.timestamp(segment.at),
            closed_us: None,
            downstream_address: segment.from,
            upstream_address: Some(segment.from),
            bytes_up: 0,
            bytes_down: 0,
            tls: true,
            application_records: 0,
            marker_seen: false,
            closed: None,
        });
    }

    fn close(&mut self, connection: u64, at: Duration, closed: Closed) {
        let Some(watched) = self.open.remove(&connection) else {
            return;
        };
        let now = self.timestamp(at);
        let entry = &mut self.log[watched.index];
        entry.closed_us = Some(now);
        entry.closed = Some(closed);
    }

    fn timestamp(&self, at: Duration) -> u64 {
        self.origin_us + u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Watched {
    fn direction(&mut self, is_up: bool) -> &mut Direction {
        match is_up {
            true => &mut self.up,
            false => &mut self.down,
        }
    }

    fn see(&mut self, bytes: &[u8], is_up: bool, log: &mut [WireConnection]) {
        let index = self.index;
        let direction = self.direction(is_up);
        let records_before = direction.records.application_records();
        direction.records.read(bytes);
        let entry = &mut log[index];
        let length = u64::try_from(bytes.len()).expect("a segment fits into memory");
        match is_up {
            true => entry.bytes_up += length,
            false => entry.bytes_down += length,
        }
        entry.tls &= direction.records.is_tls();
        entry.application_records += direction.records.application_records() - records_before;
        entry.marker_seen |= direction.marker.seen_in(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use hallway_evidence::{Closed, WireConnection};
    use hallway_simulator::{Event, Happening, Segment, SegmentKind};

    use super::{Edge, Tap};

    const CLIENT: &str = "10.0.0.1:50000";
    const SERVER: &str = "10.0.0.2:15006";

    /// Shows the segments of one connection to a tap, a millisecond apart. `true` is up, towards the server.
    fn seen(segments: &[(bool, SegmentKind, &[u8])]) -> (Tap, Vec<WireConnection>) {
        let tap = Tap::new("5eed", 1_000_000);
        tap.watch(Edge {
            from: "orders-1".to_owned(),
            to: "payments-1".to_owned(),
            target: address(SERVER),
        });
        for (millisecond, (up, kind, bytes)) in (0..).zip(segments) {
            let (from, to) = if *up { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
            let (from_machine, to_machine) = match up {
                true => ("orders-1", "payments-1"),
                false => ("payments-1", "orders-1"),
            };
            tap.segment(&Segment {
                at: Duration::from_millis(millisecond),
                connection: 1,
                from_machine,
                to_machine,
                from: address(from),
                to: address(to),
                kind: *kind,
                bytes,
            });
        }
        let log = tap.lock().log.clone();
        (tap, log)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    const OPENING: [(bool, SegmentKind, &[u8]); 3] = [
        (true, SegmentKind::Syn, b""),
        (false, SegmentKind::SynAck, b""),
        (true, SegmentKind::Ack, b""),
    ];

    #[test]
    fn a_sealed_connection_is_told_from_one_in_the_clear() {
        let record = b"\x17\x03\x03\x00\x04data";
        let ends: [(bool, SegmentKind, &[u8]); 2] =
            [(true, SegmentKind::Fin, b""), (false, SegmentKind::Fin, b"")];
        let up: (bool, SegmentKind, &[u8]) = (true, SegmentKind::Data, record);
        let down: (bool, SegmentKind, &[u8]) = (false, SegmentKind::Data, record);
        let (_, log) = seen(&[&OPENING[..], &[up, down], &ends].concat());
        let sealed = &log[0];
        assert_eq!(
            (sealed.from.as_str(), sealed.to.as_str()),
            ("orders-1", "payments-1")
        );
        assert_eq!((sealed.bytes_up, sealed.bytes_down), (9, 9));
        assert_eq!(
            (sealed.tls, sealed.application_records, sealed.marker_seen),
            (true, 2, false)
        );
        assert_eq!((sealed.opened_us, sealed.closed_us), (1_000_000, Some(1_006_000)));
        assert_eq!(sealed.closed, Some(Closed::Orderly));

        let readable: [(bool, SegmentKind, &[u8]); 2] = [
            (true, SegmentKind::Data, b"GET /5e"),
            (true, SegmentKind::Data, b"ed HTTP/1.1"),
        ];
        let (_, log) = seen(&[&OPENING[..], &readable].concat());
        assert_eq!(
            (log[0].tls, log[0].marker_seen, log[0].closed),
            (false, true, None)
        );
    }

    #[test]
    fn a_refusal_is_told_from_a_reset_and_from_silence() {
        let reset: (bool, SegmentKind, &[u8]) = (false, SegmentKind::Rst, b"");
        let (_, refused) = seen(&[OPENING[0], reset]);
        assert_eq!(refused[0].closed, Some(Closed::Refused));
        let (_, broken) = seen(&[&OPENING[..], &[reset]].concat());
        assert_eq!(broken[0].closed, Some(Closed::Reset));

        let (tap, _) = seen(&OPENING);
        tap.event(&Event {
            at: Duration::from_secs(900),
            happening: Happening::Failed {
                process: "orders-1/sidecar".into(),
                connection: 1,
                error: std::io::ErrorKind::TimedOut,
            },
        });
        assert_eq!(tap.take()[0].closed_us, Some(901_000_000));
    }

    #[test]
    fn a_connection_may_outlive_the_run() {
        let (tap, _) = seen(&OPENING);
        assert_eq!(tap.take().len(), 1);
        for (from, to, kind) in [
            (SERVER, CLIENT, SegmentKind::Rst),
            ("10.0.0.1:50001", SERVER, SegmentKind::Syn),
        ] {
            tap.segment(&Segment {
                at: Duration::from_secs(1),
                connection: 1,
                from_machine: "payments-1",
                to_machine: "orders-1",
                from: address(from),
                to: address(to),
                kind,
                bytes: b"",
            });
        }
        assert_eq!(tap.take().len(), 0, "nothing is watched any more");
    }

    #[test]
    fn what_goes_elsewhere_is_not_watched() {
        let tap = Tap::new("5eed", 0);
        tap.segment(&Segment {
            at: Duration::ZERO,
            connection: 1,
            from_machine: "orders-1",
            to_machine: "control-plane",
            from: address(CLIENT),
            to: address(SERVER),
            kind: SegmentKind::Syn,
            bytes: b"",
        });
        assert_eq!(tap.take(), []);
    }
}
