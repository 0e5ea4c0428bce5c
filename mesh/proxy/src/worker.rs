//! One worker of a proxy: a thread with connections, metrics and random streams of its own, so that workers share nothing
//! on the path of a request but the configuration and the limits.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use hallway_model::telemetry::ProxyRecord;

use http::HeaderValue;

use crate::horizon::Horizon;
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
    /// Spares its deadlines the waking of the thread.
    pub(crate) horizon: Horizon,
    /// The second that was written last as a date, and that date.
    date: Mutex<(u64, HeaderValue)>,
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
            horizon: Horizon::default(),
            date: Mutex::new((0, written(UNIX_EPOCH))),
            proxy: Arc::clone(proxy),
            index,
        }
    }

    /// The time of day, as `Date` writes it.
    pub(crate) fn date(&self) -> HeaderValue {
        let now = self.proxy.host.wall_clock();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut date = self.date.lock().expect("writing a date does not panic");
        if date.0 != second {
            *date = (second, written(now));
        }
        date.1.clone()
    }

    /// Leaves a record.
    pub(crate) fn record(&self, record: &ProxyRecord) {
        self.journal.record(record);
    }
}

fn written(moment: SystemTime) -> HeaderValue {
    let date = httpdate::fmt_http_date(moment);
    HeaderValue::from_str(&date).expect("a date is plain ASCII")
}
