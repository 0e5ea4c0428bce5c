//! Discovery streams: each feeds one proxy with updates and listens for its answers.
//!
//! A change is told at once, unless the proxy has just been told of another: then changes are gathered for a moment, and told in one piece.
//! The more proxies there are, the longer the moment, since nearly every change concerns all of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hallway_identity::PeerCertificate;
use hallway_model::discovery::Acknowledgement;
use hallway_model::telemetry::ControlRecord;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::clock::now_us;
use crate::error::RequestError;
use crate::plane::{ControlPlane, MOST_STREAMS};
use crate::proxy::{Certificate, StreamId};
use crate::view::Step;

/// How long a proxy may leave an update unanswered, or unread, before its stream is cut. It comes back with a new one.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long changes are gathered after an update, for each open stream: about twice the CPU time that a small update and its answer cost, when
/// the answer comes over a connection that is open (`hallway bench control`).
const GATHERING: Duration = Duration::from_micros(100);

/// One open stream.
pub(crate) struct DiscoveryStream {
    plane: Arc<ControlPlane>,
    proxy: String,
    id: StreamId,
    /// There may be something to do.
    wake: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

/// When and how a stream ends from this side.
pub(crate) struct StreamEnd {
    /// When the connection must not carry it any further, since a certificate expires.
    pub(crate) at: Instant,
    /// Cuts the connection, for a peer that does not even read.
    pub(crate) cut: CancellationToken,
}

impl DiscoveryStream {
    /// Opens a stream for `proxy`, in the place of an earlier one, provided that the peer is who the proxy is registered as.
    pub(crate) fn open(
        plane: &Arc<ControlPlane>,
        proxy: &str,
        peer: PeerCertificate,
    ) -> Result<Self, RequestError> {
        let permit = plane
            .streams
            .clone()
            .try_acquire_owned()
            .map_err(|_| RequestError::TooManyStreams(MOST_STREAMS))?;
        let mut state = plane.state();
        state.require_holder(&peer)?;
        state.registry.authorize(proxy, &peer.identity)?;
        let now = plane.host.wall_clock();
        state.issued.note(&peer.serial, proxy, peer.not_after, now);
        let id = state.next_stream();
        let known = state.proxies.get_mut(proxy);
        let known = known.ok_or_else(|| RequestError::UnknownWorkload(proxy.to_owned()))?;
        known.hold(Certificate {
            serial: peer.serial,
            expires: peer.not_after,
        });
        Ok(Self {
            plane: plane.clone(),
            proxy: proxy.to_owned(),
            id,
            wake: known.connect(id),
            _permit: permit,
        })
    }

    /// Sends updates as lines into `lines` until the proxy leaves, another stream takes the place of this one, or it must end.
    pub(crate) async fn feed(self, lines: mpsc::Sender<Bytes>, end: StreamEnd) {
        let mut answer_by = None;
        let mut gather_until = Instant::now();
        loop {
            match self.next() {
                Next::Over => return,
                Next::Send(step) => {
                    let now = Instant::now();
                    gather_until = now + self.plane.gathering();
                    let deadline = now + ANSWER_TIMEOUT;
                    answer_by = Some(deadline);
                    match timeout_at(deadline, lines.send(step.line())).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return,
                        Err(_) => return end.cut.cancel(),
                    }
                }
                Next::AwaitAnswer => {}
                Next::AwaitChange => answer_by = None,
            }
            tokio::select! {
                () = self.woken(gather_until) => {}
                () = lines.closed() => return,
                () = tokio::time::sleep_until(end.at) => return,
                () = at(answer_by) => return end.cut.cancel(),
            }
        }
    }

    /// Returns when there may be something to do, but not before `earliest`.
    async fn woken(&self, earliest: Instant) {
        self.wake.notified().await;
        tokio::time::sleep_until(earliest).await;
    }

    fn next(&self) -> Next {
        let mut state = self.plane.state();
        let Some(proxy) = state.proxies.get_mut(&self.proxy) else {
            return Next::Over;
        };
        if let Some((step, generation)) = proxy.next_step(self.id) {
            // Under the lock, so that the record of an update comes before the one of its answer.
            self.plane.host.record(&ControlRecord::Sent {
                at_us: now_us(&self.plane.host),
                proxy: self.proxy.clone(),
                version: step.version,
                generation,
            });
            return Next::Send(Box::new(step));
        }
        match proxy.subscription(self.id).map(|stream| stream.awaited()) {
            None => Next::Over,
            Some(Some(_)) => Next::AwaitAnswer,
            Some(None) => Next::AwaitChange,
        }
    }
}

impl Drop for DiscoveryStream {
    fn drop(&mut self) {
        if let Some(proxy) = self.plane.state().proxies.get_mut(&self.proxy) {
            proxy.disconnect(self.id);
        }
    }
}

impl ControlPlane {
    /// How long changes are gathered after an update.
    fn gathering(&self) -> Duration {
        let open = MOST_STREAMS - self.streams.available_permits();
        GATHERING * u32::try_from(open).expect("there are not that many streams")
    }

    /// Takes a proxy's answer to an update.
    pub(crate) fn acknowledge(
        &self,
        peer: &PeerCertificate,
        answer: Acknowledgement,
    ) -> Result<(), RequestError> {
        let mut state = self.state();
        state.require_holder(peer)?;
        state.registry.authorize(&answer.proxy, &peer.identity)?;
        let proxy = state.proxies.get_mut(&answer.proxy);
        if !proxy.is_some_and(|proxy| proxy.answer(answer.version, answer.refused.clone())) {
            return Err(RequestError::NotAwaited {
                proxy: answer.proxy,
                version: answer.version,
            });
        }
        // Under the lock, so that it comes before the record of the next update.
        self.host.record(&ControlRecord::Answered {
            at_us: now_us(&self.host),
            proxy: answer.proxy,
            version: answer.version,
            refused: answer.refused,
        });
        Ok(())
    }
}

/// What a stream does next.
enum Next {
    Send(Box<Step>),
    AwaitAnswer,
    AwaitChange,
    Over,
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
