//! The load generator: the first witness.
//!
//! It is an open loop: every request has an intended start, and none waits for the answer of another, so that a slow
//! system is met with the traffic that it would have in life, and is charged for all the time that its callers wait.
//! Source: <https://www.scylladb.com/2021/04/22/on-coordinated-omission/>.
//!
//! - [`arrivals`]: when requests start
//! - [`sender`]: how one request is sent; [`request`]: what it says
//! - [`multiplexed`]: over HTTP/2 connections that stay open; [`stranger`]: without a sidecar, from outside or as an intruder
//! - [`outcome`]: what came of it, in the words of the evidence

mod arrivals;
mod multiplexed;
mod outcome;
mod request;
mod sender;
mod stranger;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallway_evidence::ClientRecord;
use hallway_evidence::client::{FailureKind, FailureSeen};
use hallway_host::Host;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::incidents::Incidents;
pub(crate) use arrivals::Arrivals;
pub(crate) use multiplexed::{Dialer, Http2Client, Tls};
pub(crate) use request::{Names, RequestTemplate};
pub(crate) use sender::{Kind, Sender, order_to_call};
pub(crate) use stranger::Stranger;

/// Requests without an outcome, at once. A run with more measures the lab and not the mesh.
const OUTSTANDING: usize = 4096;

/// One stream of requests.
pub(crate) struct Stream {
    /// The name of the traffic.
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) arrivals: Arrivals,
    /// How long the client waits for an answer.
    pub(crate) patience: Duration,
    /// Whether each request has an `idempotency-key`: its unique id.
    pub(crate) idempotency_key: bool,
    pub(crate) sender: Sender,
}

/// Sends streams of requests, and records what came of each.
#[derive(Clone)]
pub(crate) struct Load {
    host: Host,
    clock: Clock,
    /// What every request carries, so that the wire can look out for it.
    marker: Arc<str>,
    incidents: Incidents,
    outstanding: Arc<Semaphore>,
    records: Arc<Mutex<Vec<ClientRecord>>>,
    halt: CancellationToken,
    tasks: TaskTracker,
}

impl Load {
    pub(crate) fn new(host: Host, clock: Clock, marker: &str, incidents: Incidents) -> Self {
        Self {
            host,
            clock,
            marker: marker.into(),
            incidents,
            outstanding: Arc::new(Semaphore::new(OUTSTANDING)),
            records: Arc::default(),
            halt: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Sends all streams, counted from `start`, and returns the records in the order of their intended starts. `done` hears of
    /// every outcome. After an incident nothing more is sent, and what has no outcome yet is given up.
    pub(crate) async fn run(
        self,
        streams: Vec<Stream>,
        start: Instant,
        done: impl Fn() + Clone + Send + 'static,
    ) -> Vec<ClientRecord> {
        let _halt = self.halt.clone().drop_guard();
        let streams = streams.into_iter().map(Arc::new);
        let sending = streams.map(|stream| self.send_stream(stream, start, done.clone()));
        let all = async {
            futures_util::future::join_all(sending).await;
            self.tasks.close();
            self.tasks.wait().await;
        };
        tokio::select! {
            () = all => {}
            () = self.incidents.happened() => {}
        }
        let mut records = std::mem::take(&mut *self.records.lock().expect("recording does not panic"));
        records.sort_by_key(|record| record.intended_us);
        records
    }

    async fn send_stream(
        &self,
        stream: Arc<Stream>,
        start: Instant,
        done: impl Fn() + Clone + Send + 'static,
    ) {
        let random = self.host.random(&format!("arrivals of {}", stream.name));
        for (number, offset) in stream.arrivals.offsets(random).enumerate() {
            let intended = start + offset;
            tokio::time::sleep_until(intended).await;
            let Ok(permit) = self.outstanding.clone().try_acquire_owned() else {
                self.incidents.report(
                    format!("load generator, traffic {}", stream.name),
                    format!("{OUTSTANDING} requests have no outcome yet: lower the rate, or the patience"),
                );
                return;
            };
            let correlation = format!("{}-{}-{}", self.marker, stream.name, number + 1);
            let (load, stream, done) = (self.clone(), stream.clone(), done.clone());
            let halt = self.halt.clone();
            let request = async move {
                if halt
                    .run_until_cancelled(load.send_one(&stream, correlation, intended))
                    .await
                    .is_some()
                {
                    done();
                }
                drop(permit);
            };
            self.host.spawn(self.tasks.track_future(request));
        }
    }

    async fn send_one(&self, stream: &Stream, correlation: String, intended: Instant) {
        let started_us = self.clock.now_us();
        let mut local_address = None;
        let idempotency_key = stream.idempotency_key.then(|| correlation.clone());
        let names = Names {
            correlation: &correlation,
            idempotency_key: idempotency_key.as_deref(),
        };
        let sending = stream.sender.send(&names, &mut local_address);
        let outcome = match tokio::time::timeout(stream.patience, sending).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(outcome::failure(&error)),
            Err(_) => Err(FailureSeen {
                kind: FailureKind::TimedOut,
                detail: format!("no answer within {:?}", stream.patience),
            }),
        };
        let record = ClientRecord {
            traffic: stream.name.clone(),
            correlation,
            idempotency_key,
            intended_us: self.clock.at_us(intended),
            started_us,
            finished_us: self.clock.now_us(),
            method: stream.method.clone(),
            url: stream.url.clone(),
            local_address,
            outcome,
        };
        self.records
            .lock()
            .expect("recording does not panic")
            .push(record);
    }
}

#[cfg(test)]
mod tests;
