//! One direction between two machines, as faults have left it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// All directions, by who sends and who receives.
#[derive(Default)]
pub(super) struct Links {
    links: Mutex<BTreeMap<(String, String), Arc<Link>>>,
}

/// One direction, shared by all connections that cross it, whoever opened them.
pub(super) struct Link {
    condition: watch::Sender<Condition>,
    /// When the last byte that was let through so far has passed a limited bandwidth.
    passed: Mutex<Instant>,
}

/// What a direction is like.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Condition {
    /// How much later arrives what is sent.
    pub(super) delay: Duration,
    /// At most so many bytes in a second.
    pub(super) bandwidth: Option<u64>,
    /// Whether nothing arrives.
    pub(super) cut: bool,
    /// Whether nobody listens at its end.
    pub(super) refuses: bool,
    /// How often all connections were broken.
    resets: u64,
}

impl Links {
    /// The direction from one machine to another.
    pub(super) fn between(&self, from: &str, to: &str) -> Arc<Link> {
        let direction = (from.to_owned(), to.to_owned());
        self.lock().entry(direction).or_default().clone()
    }

    /// All directions that end at `machine`.
    pub(super) fn towards(&self, machine: &str) -> Vec<Arc<Link>> {
        let links = self.lock();
        let towards = links.iter().filter(|((_, to), _)| to == machine);
        towards.map(|(_, link)| link.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Arc<Link>>> {
        self.links.lock().expect("finding a link does not panic")
    }
}

impl Default for Link {
    fn default() -> Self {
        Self {
            condition: watch::Sender::default(),
            passed: Mutex::new(Instant::now()),
        }
    }
}

impl Link {
    /// Changes what it is like, for connections that are open too.
    pub(super) fn change(&self, change: impl FnOnce(&mut Condition)) {
        self.condition.send_modify(change);
    }

    /// Lets everything through again.
    pub(super) fn heal(&self) {
        self.change(|condition| {
            *condition = Condition {
                refuses: condition.refuses,
                resets: condition.resets,
                ..Condition::default()
            }
        });
    }

    /// Breaks all connections that cross it.
    pub(super) fn reset(&self) {
        self.change(|condition| condition.resets += 1);
    }

    /// What it is like, and how to hear of changes.
    pub(super) fn watch(&self) -> watch::Receiver<Condition> {
        self.condition.subscribe()
    }

    /// When what is sent now arrives, if nothing else is in the way.
    pub(super) fn due(&self) -> Instant {
        Instant::now() + self.condition.borrow().delay
    }

    /// The most that passes in one piece, so that a limited bandwidth is used evenly: what passes in 10 ms, or one packet.
    pub(super) fn piece(&self) -> usize {
        const PACKET: u64 = 1460;
        match self.condition.borrow().bandwidth {
            None => usize::MAX,
            Some(limit) => usize::try_from((limit / 100).max(PACKET)).unwrap_or(usize::MAX),
        }
    }

    /// Waits until a packet without data has got through.
    pub(super) async fn cross(&self) {
        let delay = self.condition.borrow().delay;
        if delay > Duration::ZERO {
            sleep(delay).await;
        }
        self.pass(0).await;
    }

    /// Waits until the link is not cut and so many bytes have passed it.
    pub(super) async fn pass(&self, length: usize) {
        let mut changes = self.condition.subscribe();
        loop {
            let (cut, bandwidth) = {
                let condition = changes.borrow_and_update();
                (condition.cut, condition.bandwidth)
            };
            match bandwidth {
                _ if cut => changed(&mut changes).await,
                None => return,
                Some(limit) => {
                    let passed = self.reserve(length, limit);
                    if timeout_at(passed, changed(&mut changes)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Resolves when the connections that are open now are broken.
    pub(super) fn broken(&self) -> impl Future<Output = ()> + use<> {
        let mut changes = self.condition.subscribe();
        let resets = changes.borrow().resets;
        async move {
            while changes.borrow_and_update().resets == resets {
                changed(&mut changes).await;
            }
        }
    }

    /// When so many bytes have passed that are next in the queue.
    fn reserve(&self, length: usize, limit: u64) -> Instant {
        let mut passed = self.passed.lock().expect("arithmetic with times does not panic");
        let takes = u128::try_from(length).unwrap_or(u128::MAX) * 1_000_000_000 / u128::from(limit);
        let takes = Duration::from_nanos(u64::try_from(takes).unwrap_or(u64::MAX));
        *passed = (*passed).max(Instant::now()) + takes;
        *passed
    }
}

/// The next change. Without anybody left who could make one, there is none.
pub(super) async fn changed(changes: &mut watch::Receiver<Condition>) {
    if changes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
