use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use super::*;

/// A connection that holds its slot itself.
struct Fake {
    id: u64,
    condition: Condition,
    /// How many requests it carries, when it can be shared.
    shared: Option<Arc<AtomicU64>>,
    counted: bool,
    _slot: Option<Slot<Fake>>,
}

/// How many requests a shared connection carries.
const MOST_USES: u64 = 2;

impl Pooled for Fake {
    type Key = &'static str;
    type Error = &'static str;

    /// Connections to `shared` can be.
    fn may_be_shared(key: &&'static str) -> bool {
        *key == "shared"
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn condition(&self) -> Condition {
        match &self.shared {
            Some(uses) if uses.load(Ordering::Relaxed) >= MOST_USES => Condition::Busy,
            _ => self.condition,
        }
    }

    fn share(&self) -> Option<Self> {
        let shared = self.shared.as_ref()?;
        Some(Self {
            id: self.id,
            condition: self.condition,
            shared: Some(Arc::clone(shared)),
            counted: false,
            _slot: None,
        })
    }

    fn count(&mut self) {
        if let Some(uses) = self.shared.as_ref().filter(|_| !self.counted) {
            uses.fetch_add(1, Ordering::Relaxed);
            self.counted = true;
        }
    }

    fn is_idle(&self) -> bool {
        self.shared
            .as_ref()
            .is_none_or(|uses| uses.load(Ordering::Relaxed) == 0)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Some(uses) = self.shared.as_ref().filter(|_| self.counted) {
            uses.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn pool(connections: u32, pending_requests: u32) -> Arc<Pool<Fake>> {
    let limits = ClusterLimits {
        connections,
        pending_requests,
        ..ClusterLimits::default()
    };
    let pool = Pool::of_workers(1, limits).remove(0);
    pool.configure(limits, BTreeSet::from(["a", "b", "shared"]));
    pool
}

async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_pending())).await
}

fn open(pool: &Arc<Pool<Fake>>) -> u32 {
    pool.budget.open()
}

fn opened(lease: Lease<Fake>) -> Fake {
    static IDS: AtomicU64 = AtomicU64::new(0);
    match lease {
        Lease::Open(_) => panic!("a slot was expected"),
        Lease::Slot(slot) => Fake {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            condition: Condition::Ready,
            shared: None,
            counted: false,
            _slot: Some(slot),
        },
    }
}

async fn acquired(pool: &Arc<Pool<Fake>>, key: &'static str) -> Lease<Fake> {
    pool.acquire(&key, false).await.expect("there is room")
}

#[tokio::test]
async fn an_idle_connection_is_used_again() {
    let pool = pool(2, 0);
    let connection = opened(acquired(&pool, "a").await);
    let id = connection.id;
    pool.put(&"a", connection);
    assert!(matches!(acquired(&pool, "b").await, Lease::Slot(_)));
    assert!(matches!(acquired(&pool, "a").await, Lease::Open(same) if same.id == id));
    assert_eq!(open(&pool), 0);
}

#[tokio::test]
async fn the_limits_are_exact() {
    let pool = pool(1, 1);
    let connection = opened(acquired(&pool, "a").await);
    let mut waits = Box::pin(pool.acquire(&"a", false));
    assert!(is_pending(&mut waits).await);
    let overflow = Overflow {
        connections: 1,
        pending: 1,
    };
    assert_eq!(
        pool.acquire(&"a", false).await.err(),
        Some(NoLease::Overflow(overflow))
    );
    pool.put(&"a", connection);
    assert!(matches!(waits.await, Ok(Lease::Open(_))));
    assert_eq!(open(&pool), 0);
}

#[tokio::test]
async fn a_freed_slot_goes_to_the_first_who_still_waits() {
    let pool = pool(1, 3);
    let connection = opened(acquired(&pool, "a").await);
    let mut leaves = Box::pin(pool.acquire(&"b", false));
    let mut stays = Box::pin(pool.acquire(&"b", false));
    let mut last = Box::pin(pool.acquire(&"a", false));
    assert!(is_pending(&mut leaves).await);
    assert!(is_pending(&mut stays).await);
    assert!(is_pending(&mut last).await);
    drop(leaves);
    drop(connection);
    let lease = stays.await.expect("the slot is handed over");
    assert!(matches!(lease, Lease::Slot(_)));
    assert!(is_pending(&mut last).await);
    drop(lease);
    assert!(last.await.is_ok());
}

#[tokio::test]
async fn a_slot_that_was_handed_to_somebody_who_left_is_not_lost() {
    let pool = pool(1, 1);
    let connection = opened(acquired(&pool, "a").await);
    let mut waits = Box::pin(pool.acquire(&"a", false));
    assert!(is_pending(&mut waits).await);
    drop(connection);
    assert_eq!(open(&pool), 1);
    drop(waits);
    assert_eq!(open(&pool), 0);
}

#[tokio::test]
async fn an_idle_connection_to_another_endpoint_makes_room() {
    let pool = pool(1, 0);
    let connection = opened(acquired(&pool, "a").await);
    pool.put(&"a", connection);
    assert!(matches!(acquired(&pool, "b").await, Lease::Slot(_)));
}

#[tokio::test]
async fn what_is_spent_or_no_longer_wanted_is_closed() {
    let pool = pool(4, 0);
    let mut spent = opened(acquired(&pool, "a").await);
    spent.condition = Condition::Spent;
    pool.put(&"a", spent);
    let removed = opened(acquired(&pool, "b").await);
    let limits = ClusterLimits::default();
    pool.configure(limits, BTreeSet::from(["a"]));
    pool.put(&"b", removed);
    let kept = opened(acquired(&pool, "a").await);
    let id = kept.id;
    pool.put(&"a", kept);
    assert_eq!(open(&pool), 1);
    pool.evict(&"a", id);
    assert_eq!(open(&pool), 0);
}

#[tokio::test]
async fn raised_limits_serve_those_who_wait() {
    let pool = pool(1, 2);
    let _busy = opened(acquired(&pool, "a").await);
    let mut first = Box::pin(pool.acquire(&"a", false));
    let mut second = Box::pin(pool.acquire(&"b", false));
    assert!(is_pending(&mut first).await);
    assert!(is_pending(&mut second).await);
    let limits = ClusterLimits {
        connections: 2,
        pending_requests: 2,
        ..ClusterLimits::default()
    };
    pool.configure(limits, BTreeSet::from(["a", "b"]));
    assert_eq!(open(&pool), 2);
    let slot = first.await.expect("there is room now");
    assert!(is_pending(&mut second).await);
    drop(slot);
    assert!(second.await.is_ok());
}
