//! What the control plane knows about one proxy.

use std::sync::Arc;
use std::time::SystemTime;

use hallway_model::Snapshot;
use hallway_model::discovery::{Update, Version};

use crate::api::{ProxySnapshot, ProxyStatus, VersionRefused};
use crate::clock::microseconds;
use crate::registry::Workload;
use crate::subscription::{Subscription, Wanted};

/// Tells one discovery stream from the others.
pub(crate) type StreamId = u64;

/// One proxy: what it should have, what it said, and its stream.
pub(crate) struct Proxy {
    wanted: Wanted,
    in_force: Option<InForce>,
    last_refusal: Option<VersionRefused>,
    certificate: Option<Certificate>,
    stream: Option<(StreamId, Subscription)>,
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

impl Proxy {
    /// A proxy that should have `snapshot`, under version 1.
    pub(crate) fn new(snapshot: Snapshot, generation: u64) -> Self {
        Self {
            wanted: Wanted {
                version: 1,
                generation,
                snapshot: Arc::new(snapshot),
            },
            in_force: None,
            last_refusal: None,
            certificate: None,
            stream: None,
        }
    }

    /// It should have `snapshot` from now on. The version grows only when that is something new; a generation of the rules that changes
    /// nothing for this proxy counts as in force wherever the version is.
    pub(crate) fn want(&mut self, snapshot: Snapshot, generation: u64) {
        self.wanted.generation = generation;
        if *self.wanted.snapshot != snapshot {
            self.wanted.version += 1;
            self.wanted.snapshot = Arc::new(snapshot);
        } else if let Some(in_force) = &mut self.in_force
            && in_force.version == self.wanted.version
        {
            in_force.generation = generation;
        }
    }

    /// Its workload starts anew: what the proxy had in force is gone, and so is its stream.
    pub(crate) fn restart(&mut self) {
        self.in_force = None;
        self.certificate = None;
        self.stream = None;
    }

    /// Opens a stream, in the place of an earlier one.
    pub(crate) fn connect(&mut self, id: StreamId) {
        self.stream = Some((id, Subscription::default()));
    }

    /// Forgets the stream `id`, unless a later one has taken its place.
    pub(crate) fn disconnect(&mut self, id: StreamId) {
        self.stream.take_if(|(current, _)| *current == id);
    }

    /// The state of the stream `id`; `None` when it is over, or another one has taken its place.
    pub(crate) fn subscription(&mut self, id: StreamId) -> Option<&mut Subscription> {
        match &mut self.stream {
            Some((current, subscription)) if *current == id => Some(subscription),
            _ => None,
        }
    }

    /// The update to send on the stream `id` now, with the generation of the rules that it carries.
    pub(crate) fn next_update(&mut self, id: StreamId) -> Option<(Update, u64)> {
        let wanted = self.wanted.clone();
        let update = self.subscription(id)?.next_update(&wanted)?;
        Some((update, wanted.generation))
    }

    /// Takes the proxy's answer; `false` when that version awaits none.
    pub(crate) fn answer(&mut self, version: Version, refused: Option<String>) -> bool {
        let Some((_, subscription)) = &mut self.stream else {
            return false;
        };
        let Some(answered) = subscription.answer(version, refused.is_none()) else {
            return false;
        };
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

    pub(crate) fn snapshot(&self) -> ProxySnapshot {
        ProxySnapshot {
            version: self.wanted.version,
            generation: self.wanted.generation,
            snapshot: (*self.wanted.snapshot).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hallway_model::{ClusterName, Snapshot};

    use super::Proxy;

    fn snapshot(cluster: &str) -> Snapshot {
        Snapshot {
            endpoints: BTreeMap::from([(ClusterName(cluster.to_owned()), Vec::new())]),
            ..Snapshot::default()
        }
    }

    fn in_force(proxy: &Proxy) -> Option<(u64, u64)> {
        let in_force = proxy.in_force.as_ref()?;
        Some((in_force.version, in_force.generation))
    }

    #[test]
    fn rules_that_change_nothing_for_a_proxy_are_in_force_without_a_push() {
        let mut proxy = Proxy::new(snapshot("a"), 1);
        proxy.connect(1);
        proxy.next_update(1).expect("a first update");
        proxy.want(snapshot("a"), 2);
        assert!(proxy.answer(1, None));
        assert_eq!(in_force(&proxy), Some((1, 2)));
        proxy.want(snapshot("a"), 3);
        assert_eq!(in_force(&proxy), Some((1, 3)));
        assert!(proxy.next_update(1).is_none());
        proxy.want(snapshot("b"), 4);
        assert_eq!(
            in_force(&proxy),
            Some((1, 3)),
            "version 2 is wanted, not in force"
        );
    }

    #[test]
    fn a_later_stream_takes_the_place_of_an_earlier_one() {
        let mut proxy = Proxy::new(snapshot("a"), 1);
        proxy.connect(1);
        proxy.connect(2);
        assert!(proxy.next_update(1).is_none());
        proxy.disconnect(1);
        assert!(proxy.next_update(2).is_some(), "the later one goes on");
        proxy.disconnect(2);
        assert!(!proxy.answer(1, None), "nobody awaits an answer");
    }
}
