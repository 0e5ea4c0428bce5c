//! What one worker counts of requests. Workers count apart, so that they never wait for each other, and are added up when
//! somebody asks.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use foldhash::fast::FixedState;
use hallway_model::telemetry::{Direction, ResponseFlag};
use indexmap::{Equivalent, IndexMap};

/// What stands in a label that has nothing to say. Source: Istio.
pub(crate) const UNKNOWN: &str = "unknown";

/// Upper bounds of the duration buckets, in seconds.
pub(super) const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The series of one worker.
#[derive(Debug, Default)]
pub(crate) struct Series(Mutex<Counts>);

/// A map that is found in without writing a key. Its labels come from rules and certificates, not from requests, so nobody can
/// aim at its fixed hash.
type Counted<Labels, Value> = IndexMap<Labels, Value, FixedState>;

#[derive(Debug, Default)]
struct Counts {
    requests: Counted<RequestLabels, u64>,
    durations: Counted<RouteLabels, Durations>,
    attempts: Counted<AttemptLabels, u64>,
    retries: Counted<RouteLabels, u64>,
    overflows: Counted<RouteLabels, u64>,
    denials: Counted<DenialLabels, u64>,
}

/// All workers' series together, in order.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) requests: BTreeMap<RequestLabels, u64>,
    pub(super) durations: BTreeMap<RouteLabels, Durations>,
    pub(super) attempts: BTreeMap<AttemptLabels, u64>,
    pub(super) retries: BTreeMap<RouteLabels, u64>,
    pub(super) overflows: BTreeMap<RouteLabels, u64>,
    pub(super) denials: BTreeMap<DenialLabels, u64>,
}

/// A histogram.
#[derive(Clone, Debug, Default)]
pub(super) struct Durations {
    /// How many there were in each bucket; the last one has no bound.
    pub(super) buckets: [u64; BUCKETS.len() + 1],
    /// In seconds.
    pub(super) sum: f64,
}

macro_rules! labels {
    ($(#[$documentation:meta])* $Labels:ident, $Key:ident { $($copied:ident: $Copied:ty,)* ; $($text:ident,)* ; $($list:ident: $Item:ty,)* }) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub(super) struct $Labels {
            $(pub(super) $copied: $Copied,)*
            $(pub(super) $text: String,)*
            $(pub(super) $list: Vec<$Item>,)*
        }

        /// The same labels, borrowed. It hashes alike, since its fields stand in the same order.
        #[derive(Clone, Copy, Debug, Hash)]
        pub(crate) struct $Key<'a> {
            $(pub(crate) $copied: $Copied,)*
            $(pub(crate) $text: &'a str,)*
            $(pub(crate) $list: &'a [$Item],)*
        }

        impl Equivalent<$Labels> for $Key<'_> {
            fn equivalent(&self, labels: &$Labels) -> bool {
                true $(&& self.$copied == labels.$copied)*
                    $(&& self.$text == labels.$text)*
                    $(&& self.$list == labels.$list)*
            }
        }

        impl From<&$Key<'_>> for $Labels {
            fn from(key: &$Key<'_>) -> Self {
                Self {
                    $($copied: key.$copied,)*
                    $($text: key.$text.to_owned(),)*
                    $($list: key.$list.to_vec(),)*
                }
            }
        }
    };
}

labels! {
    /// What tells requests apart.
    RequestLabels, RequestKey {
        direction: Direction, response_code: u16, ;
        route, cluster, source, destination, ;
        flags: ResponseFlag,
    }
}

labels! {
    /// What tells routes apart.
    RouteLabels, RouteKey { direction: Direction, ; route, cluster, ; }
}

labels! {
    /// What tells attempts apart.
    AttemptLabels, AttemptKey { direction: Direction, response_code: u16, ; cluster, ; }
}

labels! {
    /// What tells refused requests apart.
    DenialLabels, DenialKey { direction: Direction, ; because, rule, ; }
}

impl Series {
    /// A request has ended.
    pub(crate) fn requested(&self, request: &RequestKey<'_>, route: &RouteKey<'_>, duration: Duration) {
        let mut counts = self.lock();
        *entry(&mut counts.requests, request) += 1;
        entry(&mut counts.durations, route).observe(duration.as_secs_f64());
    }

    /// An attempt has ended.
    pub(crate) fn attempted(&self, attempt: &AttemptKey<'_>) {
        *entry(&mut self.lock().attempts, attempt) += 1;
    }

    /// There will be another attempt.
    pub(crate) fn retried(&self, route: &RouteKey<'_>) {
        *entry(&mut self.lock().retries, route) += 1;
    }

    /// There would have been another attempt, but the retry budget was spent.
    pub(crate) fn overflowed(&self, route: &RouteKey<'_>) {
        *entry(&mut self.lock().overflows, route) += 1;
    }

    /// The rules of the workload have refused a request.
    pub(crate) fn denied(&self, denial: &DenialKey<'_>) {
        *entry(&mut self.lock().denials, denial) += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().expect("counting does not panic")
    }
}

/// The value of `key`, which is written down when it is new.
fn entry<'a, Labels, Key, Value>(counted: &'a mut Counted<Labels, Value>, key: &Key) -> &'a mut Value
where
    Labels: Eq + Hash + for<'k> From<&'k Key>,
    Key: Equivalent<Labels> + Hash,
    Value: Default,
{
    let position = match counted.get_index_of(key) {
        Some(position) => position,
        None => counted.insert_full(key.into(), Value::default()).0,
    };
    &mut counted[position]
}

impl Durations {
    fn observe(&mut self, seconds: f64) {
        self.sum += seconds;
        self.buckets[BUCKETS.partition_point(|bound| *bound < seconds)] += 1;
    }

    /// How many there were in all.
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl Totals {
    /// Adds what one worker has counted.
    pub(super) fn add(&mut self, series: &Series) {
        let counts = series.lock();
        add(&mut self.requests, &counts.requests);
        add(&mut self.attempts, &counts.attempts);
        add(&mut self.retries, &counts.retries);
        add(&mut self.overflows, &counts.overflows);
        add(&mut self.denials, &counts.denials);
        for (labels, durations) in &counts.durations {
            let total = self.durations.entry(labels.clone()).or_default();
            total.sum += durations.sum;
            for (total, count) in total.buckets.iter_mut().zip(durations.buckets) {
                *total += count;
            }
        }
    }
}

fn add<Labels: Clone + Ord>(totals: &mut BTreeMap<Labels, u64>, counted: &Counted<Labels, u64>) {
    for (labels, count) in counted {
        *totals.entry(labels.clone()).or_default() += count;
    }
}
