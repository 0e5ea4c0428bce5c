//! Discovery streams: each feeds one proxy with updates and listens for its answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hallway_identity::PeerCertificate;
use hallway_model::discovery::{Acknowledgement, Update};
use hallway_model::telemetry::ControlRecord;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::clock::now_us;
use crate::error::RequestError;
use crate::plane::{ControlPlane, MOST_STREAMS};
use crate::proxy::{Certificate, StreamId};

/// How long a proxy may leave an update unanswered, or unread, before its stream is cut. It comes back with a new one.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// One open stream.
pub(crate) struct DiscoveryStream {
    plane: Arc<ControlPlane>,
    proxy: String,
    id: StreamId,
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
        let id = {
            let mut state = plane.state();
            state.registry.authorize(proxy, &peer.identity)?;
            let id = state.next_stream();
            let known = state.proxies.get_mut(proxy);
            let known = known.ok_or_else(|| RequestError::UnknownWorkload(proxy.to_owned()))?;
            known.connect(id);
            known.hold(Certificate {
                serial: peer.serial,
                expires: peer.not_after,
            });
            id
        };
        plane.wake_streams();
        Ok(Self {
            plane: plane.clone(),
            proxy: proxy.to_owned(),
            id,
            _permit: permit,
        })
    }

    /// Sends updates as lines into `lines` until the proxy leaves, another stream takes the place of this one, or it must end.
    pub(crate) async fn feed(self, lines: mpsc::Sender<Bytes>, end: StreamEnd) {
        let mut changes = self.plane.changes();
        let mut answer_by = None;
        loop {
            changes.borrow_and_update();
            match self.next_step() {
                Step::Over => return,
                Step::Send(update) => {
                    let deadline = Instant::now() + ANSWER_TIMEOUT;
                    answer_by = Some(deadline);
                    match timeout_at(deadline, lines.send(line(&update))).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return,
                        Err(_) => return end.cut.cancel(),
                    }
                }
                Step::AwaitAnswer => {}
                Step::AwaitChange => answer_by = None,
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = lines.closed() => return,
                () = tokio::time::sleep_until(end.at) => return,
                () = at(answer_by) => return end.cut.cancel(),
            }
        }
    }

    fn next_step(&self) -> Step {
        let mut state = self.plane.state();
        let Some(proxy) = state.proxies.get_mut(&self.proxy) else {
            return Step::Over;
        };
        if let Some((update, generation)) = proxy.next_update(self.id) {
            // Under the lock, so that the record of an update comes before the one of its answer.
            self.plane.host.record(&ControlRecord::Sent {
                at_us: now_us(&self.plane.host),
                proxy: self.proxy.clone(),
                version: update.version,
                generation,
            });
            return Step::Send(Box::new(update));
        }
        match proxy.subscription(self.id).map(|stream| stream.awaited()) {
            None => Step::Over,
            Some(Some(_)) => Step::AwaitAnswer,
            Some(None) => Step::AwaitChange,
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
    /// Takes a proxy's answer to an update.
    pub(crate) fn acknowledge(
        &self,
        peer: &PeerCertificate,
        answer: Acknowledgement,
    ) -> Result<(), RequestError> {
        {
            let mut state = self.state();
            state.registry.authorize(&answer.proxy, &peer.identity)?;
            let proxy = state.proxies.get_mut(&answer.proxy);
            if !proxy.is_some_and(|proxy| proxy.answer(answer.version, answer.refused.clone())) {
                return Err(RequestError::NotAwaited {
                    proxy: answer.proxy,
                    version: answer.version,
                });
            }
            self.host.record(&ControlRecord::Answered {
                at_us: now_us(&self.host),
                proxy: answer.proxy,
                version: answer.version,
                refused: answer.refused,
            });
        }
        self.wake_streams();
        Ok(())
    }
}

/// What a stream does next.
enum Step {
    Send(Box<Update>),
    AwaitAnswer,
    AwaitChange,
    Over,
}

fn line(update: &Update) -> Bytes {
    let mut line = serde_json::to_vec(update).expect("updates are plain data with string keys");
    line.push(b'\n');
    line.into()
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
