//! Discovery streams: each feeds one proxy with updates and listens for its answers.

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
        loop {
            match self.next() {
                Next::Over => return,
                Next::Send(step) => {
                    let deadline = Instant::now() + ANSWER_TIMEOUT;
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
                () = self.wake.notified() => {}
                () = lines.closed() => return,
                () = tokio::time::sleep_until(end.at) => return,
                () = at(answer_by) => return end.cut.cancel(),
            }
        }
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
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;
    use hallway_host::Host;
    use hallway_identity::{Authority, PeerCertificate};
    use hallway_model::TrustDomain;
    use hallway_model::bootstrap::Admission;
    use hallway_model::discovery::{Acknowledgement, Update};
    use tokio::sync::mpsc;
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::{ANSWER_TIMEOUT, DiscoveryStream, StreamEnd};
    use crate::api::RegisterWorkload;
    use crate::plane::ControlPlane;

    const AN_HOUR: Duration = Duration::from_secs(3600);

    /// A control plane that knows `orders-1`, and the certificate of its proxy.
    fn plane() -> (Arc<ControlPlane>, PeerCertificate) {
        let host = Host::real_unseeded();
        let authority = Authority::new(&host, TrustDomain::new("hallway.test").expect("a trust domain"));
        let bundle = authority.bundle();
        let now = host.wall_clock();
        let plane = ControlPlane::new(host, authority, bundle, AN_HOUR, Admission::Enforce);
        let request = RegisterWorkload {
            name: "orders-1".to_owned(),
            namespace: "shop".to_owned(),
            service: "orders".to_owned(),
            service_account: "orders".to_owned(),
        };
        let identity = plane.register(request).expect("it is registered").identity;
        let peer = PeerCertificate {
            identity,
            not_before: now,
            not_after: now + AN_HOUR,
            serial: "01".to_owned(),
        };
        (Arc::new(plane), peer)
    }

    /// An open stream: its lines, and how it is cut.
    fn open(plane: &Arc<ControlPlane>, peer: &PeerCertificate) -> (mpsc::Receiver<Bytes>, CancellationToken) {
        let stream = DiscoveryStream::open(plane, "orders-1", peer.clone()).expect("a stream");
        let (lines, received) = mpsc::channel(1);
        let cut = CancellationToken::new();
        let end = StreamEnd {
            at: Instant::now() + AN_HOUR,
            cut: cut.clone(),
        };
        plane.host.spawn(stream.feed(lines, end));
        (received, cut)
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_never_answers_is_cut_off() {
        let (plane, peer) = plane();
        let start = Instant::now();
        let (mut lines, cut) = open(&plane, &peer);
        lines.recv().await.expect("a first update");
        cut.cancelled().await;
        assert_eq!(start.elapsed(), ANSWER_TIMEOUT);
        assert!(lines.recv().await.is_none());
        assert!(!plane.status().proxies["orders-1"].connected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_answers_may_be_silent_as_long_as_it_likes() {
        let (plane, peer) = plane();
        let (mut lines, cut) = open(&plane, &peer);
        let line = lines.recv().await.expect("a first update");
        let update: Update = serde_json::from_slice(&line).expect("an update");
        tokio::time::sleep(ANSWER_TIMEOUT - Duration::from_millis(1)).await;
        let answer = Acknowledgement {
            proxy: "orders-1".to_owned(),
            version: update.version,
            refused: None,
        };
        plane.acknowledge(&peer, answer).expect("it is awaited");
        tokio::time::sleep(10 * ANSWER_TIMEOUT).await;
        assert!(!cut.is_cancelled());
        assert!(plane.status().proxies["orders-1"].connected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_leaves_is_forgotten() {
        let (plane, peer) = plane();
        let (mut lines, cut) = open(&plane, &peer);
        lines.recv().await.expect("a first update");
        drop(lines);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!plane.status().proxies["orders-1"].connected);
        assert!(!cut.is_cancelled());
    }
}
