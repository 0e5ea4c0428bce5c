//! One worker of a proxy: a thread with connections, metrics and random streams of its own, so that workers share nothing
//! on the path of a request but the configuration and the limits.

use std::sync::Arc;

use hallway_model::telemetry::ProxyRecord;

use crate::journal::Journal;
use crate::metrics::Series;
use crate::proxy::Proxy;
use crate::randomness::Randomness;

/// What one worker has for itself, and the proxy that it belongs to.
pub(crate) struct Worker {
    /// What all workers share.
    pub(crate) proxy: Arc<Proxy>,
    /// Which worker it is, from 0.
    pub(crate) index: usize,
    /// Its random streams.
    pub(crate) randomness: Randomness,
    /// What it counts of requests.
    pub(crate) series: Arc<Series>,
    /// Its records.
    pub(crate) journal: Journal,
}

impl Worker {
    /// Worker `index` of `proxy`.
    pub(crate) fn new(proxy: &Arc<Proxy>, index: usize) -> Self {
        let who = match index {
            0 => proxy.workload().to_owned(),
            _ => format!("{} worker {index}", proxy.workload()),
        };
        Self {
            randomness: Randomness::new(&proxy.host, &who),
            series: proxy.metrics.series(index),
            journal: Journal::new(proxy.host.clone()),
            proxy: Arc::clone(proxy),
            index,
        }
    }

    /// Leaves a record.
    pub(crate) fn record(&self, record: &ProxyRecord) {
        self.journal.record(record);
    }
}
