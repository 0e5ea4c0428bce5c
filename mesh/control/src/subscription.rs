//! One discovery stream: what its proxy has, what it is thinking about, and what to send next. Pure.
//!
//! An update waits for the answer to the one before; what changes meanwhile is sent in one piece then. A snapshot that the
//! proxy refused is not sent again until what it should have is something else. Changes start from what the proxy last accepted.

use hallway_model::discovery::Version;

use crate::view::{Step, View};

/// What a proxy should have in force.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) version: Version,
    /// The newest generation of the rules that it was translated from.
    pub(crate) generation: u64,
    pub(crate) view: View,
}

/// The state of one stream.
#[derive(Debug, Default)]
pub(crate) struct Subscription {
    accepted: Option<Wanted>,
    in_flight: Option<Wanted>,
    refused: Option<Version>,
}

impl Subscription {
    /// The step to tell the proxy of now, if any. It is in flight from then on.
    // ANCHOR: next-step
    pub(crate) fn next_step(&mut self, wanted: &Wanted) -> Option<Step> {
        let accepted = self.accepted.as_ref();
        let base = accepted.map(|accepted| accepted.version);
        let settled = base == Some(wanted.version) || self.refused == Some(wanted.version);
        if self.in_flight.is_some() || settled {
            return None;
        }
        let base = accepted.map(|accepted| (accepted.version, accepted.view.clone()));
        self.in_flight = Some(wanted.clone());
        Some(Step {
            version: wanted.version,
            base,
            view: wanted.view.clone(),
        })
    }
    // ANCHOR_END: next-step

    /// Takes the proxy's answer to `version` and returns what was sent under it; `None` when that version awaits no answer.
    pub(crate) fn answer(&mut self, version: Version, accepted: bool) -> Option<Wanted> {
        let answered = self.in_flight.take_if(|sent| sent.version == version)?;
        if accepted {
            self.accepted = Some(answered.clone());
            self.refused = None;
        } else {
            self.refused = Some(version);
        }
        Some(answered)
    }

    /// The version that awaits its answer.
    pub(crate) fn awaited(&self) -> Option<Version> {
        self.in_flight.as_ref().map(|sent| sent.version)
    }
}

#[cfg(test)]
mod tests {
    use hallway_model::discovery::Update;
    use hallway_model::{ClusterName, Snapshot};
    use proptest::prelude::*;

    use super::{Subscription, Wanted};
    use crate::view::{Endpoints, Step, View};

    /// A view that differs for each `content`.
    fn view(content: u8) -> View {
        let clusters = (0..8).filter(|bit| content >> bit & 1 == 1);
        let endpoints =
            clusters.map(|bit| (ClusterName(format!("shop/service-{bit}:80")), Vec::new().into()));
        View {
            endpoints: Endpoints::new(endpoints.collect()),
            ..View::default()
        }
    }

    /// What a proxy reads.
    fn read(step: &Step) -> Update {
        serde_json::from_slice(&step.line()).expect("an update")
    }

    fn wanted(version: u64, content: u8) -> Wanted {
        Wanted {
            version,
            generation: 1,
            view: view(content),
        }
    }

    /// A proxy, as the protocol asks it to behave.
    #[derive(Default)]
    struct Proxy {
        in_force: Option<u64>,
        snapshot: Snapshot,
    }

    impl Proxy {
        fn receive(&mut self, update: Update, accept: bool) {
            let base = match update.base {
                Some(base) => {
                    assert_eq!(
                        Some(base),
                        self.in_force,
                        "a delta starts from what the proxy has"
                    );
                    self.snapshot.clone()
                }
                None => Snapshot::default(),
            };
            if accept {
                self.snapshot = base.with(update.delta);
                self.in_force = Some(update.version);
            }
        }
    }

    #[test]
    fn the_first_update_is_whole_and_sent_even_when_there_is_nothing_to_say() {
        let mut subscription = Subscription::default();
        let update = read(&subscription.next_step(&wanted(1, 0)).expect("a first update"));
        assert_eq!((update.version, update.base), (1, None));
        assert!(
            subscription.next_step(&wanted(2, 1)).is_none(),
            "the first has no answer yet"
        );
        assert!(subscription.answer(1, true).is_some());
        assert!(subscription.answer(1, true).is_none(), "it was answered");
        assert!(subscription.next_step(&wanted(1, 0)).is_none());
    }

    #[test]
    fn a_refused_snapshot_is_not_sent_again_until_something_changes() {
        let mut subscription = Subscription::default();
        subscription.next_step(&wanted(1, 1)).expect("a first update");
        assert!(subscription.answer(1, true).is_some());
        subscription.next_step(&wanted(2, 3)).expect("a change");
        assert!(subscription.answer(2, false).is_some());
        assert!(subscription.next_step(&wanted(2, 3)).is_none());
        let update = read(&subscription.next_step(&wanted(3, 5)).expect("a change"));
        assert_eq!(update.base, Some(1), "it starts from what the proxy still has");
    }

    proptest! {
        /// Whatever is wanted and however the proxy answers, it has in the end what was wanted last, unless it refused just that.
        #[test]
        fn a_proxy_has_in_the_end_what_is_wanted(steps in prop::collection::vec((any::<u8>(), any::<bool>(), any::<bool>()), 1..40)) {
            let mut subscription = Subscription::default();
            let mut proxy = Proxy::default();
            let mut now = wanted(0, 0);
            let mut unanswered: Option<Update> = None;
            let mut last_answer = (0, true);
            for (content, answers, accepts) in steps {
                now = wanted(now.version + 1, content);
                if let Some(step) = subscription.next_step(&now) {
                    prop_assert!(unanswered.is_none(), "one update at a time");
                    unanswered = Some(read(&step));
                }
                if answers && let Some(update) = unanswered.take() {
                    let version = update.version;
                    proxy.receive(update, accepts);
                    prop_assert!(subscription.answer(version, accepts).is_some());
                    last_answer = (version, accepts);
                }
            }
            while let Some(update) = unanswered.take().or_else(|| subscription.next_step(&now).map(|step| read(&step))) {
                let version = update.version;
                proxy.receive(update, true);
                prop_assert!(subscription.answer(version, true).is_some());
                last_answer = (version, true);
            }
            if last_answer == (now.version, true) {
                prop_assert_eq!(&proxy.snapshot, &now.view.snapshot());
            } else {
                prop_assert_eq!(last_answer, (now.version, false));
            }
        }
    }
}
