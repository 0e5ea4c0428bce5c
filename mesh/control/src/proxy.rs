//! What the control plane knows about one proxy.

use std::sync::Arc;
use std::time::SystemTime;

use hallway_model::Inbound;
use hallway_model::discovery::Version;
use tokio::sync::Notify;

use crate::api::{ProxySnapshot, ProxyStatus, VersionRefused};
use crate::clock::microseconds;
use crate::registry::Workload;
use crate::subscription::{Subscription, Wanted};
use crate::view::{Step, View};

/// Tells one discovery stream from the others.
pub(crate) type StreamId = u64;

/// One proxy: what it should have, what it said, and its stream.
pub(crate) struct Proxy {
    wanted: Wanted,
    in_force: Option<InForce>,
    last_refusal: Option<VersionRefused>,
    certificate: Option<Certificate>,
    stream: Option<Stream>,
}

/// The certificate that a proxy holds, as far as is known.
pub(crate) struct Certificate {
    pub(crate) serial: String,
    pub(crate) expires: SystemTime,
}

struct InForce {
    version: Version,
    generation: u64,
}

/// The stream that feeds the proxy.
struct Stream {
    id: StreamId,
    subscription: Subscription,
    /// Wakes up whoever feeds it: there may be something to send, or it is over.
    wake: Arc<Notify>,
}

impl Proxy {
    /// A proxy that should have `view`, under version 1.
    pub(crate) fn new(view: View, generation: u64) -> Self {
        Self {
            wanted: Wanted {
                version: 1,
                generation,
                view,
            },
            in_force: None,
            last_refusal: None,
            certificate: None,
            stream: None,
        }
    }

    /// It should have `view` from now on. The version grows only when that is something new; a generation of the rules that changes
    /// nothing for this proxy counts as in force wherever the version is.
    pub(crate) fn want(&mut self, view: View, generation: u64) {
        self.wanted.generation = generation;
        if self.wanted.view != view {
            self.wanted.version += 1;
            self.wanted.view = view;
            self.stream.iter().for_each(|stream| stream.wake.notify_one());
        } else if let Some(in_force) = &mut self.in_force
            && in_force.version == self.wanted.version
        {
            in_force.generation = generation;
        }
    }

    /// The inbound side that it should have.
    pub(crate) fn inbound(&self) -> Option<Arc<Inbound>> {
        self.wanted.view.inbound.clone()
    }

    /// Its workload starts anew: what the proxy had in force is gone, and so is its stream.
    pub(crate) fn restart(&mut self) {
        self.in_force = None;
        self.certificate = None;
        self.stream = None;
    }

    /// Opens a stream, in the place of an earlier one. Returns what tells whoever feeds it to look for the next step.
    pub(crate) fn connect(&mut self, id: StreamId) -> Arc<Notify> {
        let wake = Arc::new(Notify::new());
        self.stream = Some(Stream {
            id,
            subscription: Subscription::default(),
            wake: wake.clone(),
        });
        wake
    }

    /// Forgets the stream `id`, unless a later one has taken its place.
    pub(crate) fn disconnect(&mut self, id: StreamId) {
        self.stream.take_if(|stream| stream.id == id);
    }

    /// The state of the stream `id`; `None` when it is over, or another one has taken its place.
    pub(crate) fn subscription(&mut self, id: StreamId) -> Option<&mut Subscription> {
        let stream = self.stream.as_mut().filter(|stream| stream.id == id);
        stream.map(|stream| &mut stream.subscription)
    }

    /// What to tell on the stream `id` now, with the generation of the rules that it carries.
    pub(crate) fn next_step(&mut self, id: StreamId) -> Option<(Step, u64)> {
        let wanted = self.wanted.clone();
        let step = self.subscription(id)?.next_step(&wanted)?;
        Some((step, wanted.generation))
    }

    /// Takes the proxy's answer; `false` when that version awaits none.
    pub(crate) fn answer(&mut self, version: Version, refused: Option<String>) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        let Some(answered) = stream.subscription.answer(version, refused.is_none()) else {
            return false;
        };
        stream.wake.notify_one();
        let is_current = version == self.wanted.version;
        match refused {
            Some(reason) => self.last_refusal = Some(VersionRefused { version, reason }),
            None => {
                self.in_force = Some(InForce {
                    version,
                    generation: if is_current {
                        self.wanted.generation
                    } else {
                        answered.generation
                    },
                });
            }
        }
        true
    }

    /// Whether it has in force what it should have.
    pub(crate) fn is_up_to_date(&self) -> bool {
        self.in_force
            .as_ref()
            .is_some_and(|in_force| in_force.version == self.wanted.version)
    }

    /// It holds this certificate now.
    pub(crate) fn hold(&mut self, certificate: Certificate) {
        self.certificate = Some(certificate);
    }

    /// Whether it was the last to be given the certificate with this serial number.
    pub(crate) fn holds(&self, serial: &str) -> bool {
        self.certificate
            .as_ref()
            .is_some_and(|certificate| certificate.serial == serial)
    }

    pub(crate) fn status(&self, workload: &Workload) -> ProxyStatus {
        ProxyStatus {
            identity: workload.identity.clone(),
            ready: workload.endpoint.as_ref().is_some_and(|endpoint| endpoint.ready),
            connected: self.stream.is_some(),
            version_wanted: self.wanted.version,
            version_acknowledged: self.in_force.as_ref().map_or(0, |in_force| in_force.version),
            generation_in_force: self.in_force.as_ref().map(|in_force| in_force.generation),
            last_refusal: self.last_refusal.clone(),
            certificate_expires_us: self
                .certificate
                .as_ref()
                .map(|certificate| microseconds(certificate.expires)),
        }
    }

    /// What it should have, without the private keys.
    pub(crate) fn snapshot(&self) -> ProxySnapshot {
        ProxySnapshot {
            version: self.wanted.version,
            generation: self.wanted.generation,
            snapshot: self.wanted.view.snapshot().without_keys(),
        }
    }
}

impl Drop for Stream {
    /// Whoever feeds it must notice.
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use hallway_model::ClusterName;

    use super::Proxy;
    use crate::view::{Endpoints, View};

    fn view(cluster: &str) -> View {
        View {
            endpoints: Endpoints::new([(ClusterName(cluster.to_owned()), Vec::new().into())].into()),
            ..View::default()
        }
    }

    fn in_force(proxy: &Proxy) -> Option<(u64, u64)> {
        let in_force = proxy.in_force.as_ref()?;
        Some((in_force.version, in_force.generation))
    }

    #[test]
    fn rules_that_change_nothing_for_a_proxy_are_in_force_without_a_push() {
        let mut proxy = Proxy::new(view("a"), 1);
        proxy.connect(1);
        proxy.next_step(1).expect("a first update");
        proxy.want(view("a"), 2);
        assert!(proxy.answer(1, None));
        assert_eq!(in_force(&proxy), Some((1, 2)));
        proxy.want(view("a"), 3);
        assert_eq!(in_force(&proxy), Some((1, 3)));
        assert!(proxy.next_step(1).is_none());
        proxy.want(view("b"), 4);
        assert_eq!(
            in_force(&proxy),
            Some((1, 3)),
            "version 2 is wanted, not in force"
        );
    }

    #[test]
    fn a_later_stream_takes_the_place_of_an_earlier_one() {
        let mut proxy = Proxy::new(view("a"), 1);
        proxy.connect(1);
        proxy.connect(2);
        assert!(proxy.next_step(1).is_none());
        proxy.disconnect(1);
        assert!(proxy.next_step(2).is_some(), "the later one goes on");
        proxy.disconnect(2);
        assert!(!proxy.answer(1, None), "nobody awaits an answer");
    }
}
