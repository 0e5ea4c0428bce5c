//! What keeps a connection going in the background, and what is to be said of it when it ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::SystemTime;

use hallway_model::telemetry::{Connection as ConnectionRecord, Direction, ProxyRecord};
use tokio_util::sync::CancellationToken;

use super::{Account, Connection, http1, http2};
use crate::cluster::EndpointKey;
use crate::lifetime::{Lifetime, reached};
use crate::peer::Peer;
use crate::pool::{Pool, Slot};
use crate::time::epoch_micros;
use crate::worker::Worker;

/// What does the work of a connection, by version.
pub(super) enum Driver {
    Http1(Box<http1::Driver>),
    Http2(Box<http2::Driver>),
}

pub(super) struct Life {
    pub(super) worker: Arc<Worker>,
    pub(super) pool: Arc<Pool<Connection>>,
    pub(super) key: EndpointKey,
    pub(super) id: u64,
    pub(super) direction: Direction,
    pub(super) peer: Option<Arc<Peer>>,
    pub(super) opened: SystemTime,
    pub(super) lifetime: Option<Lifetime>,
    pub(super) account: Arc<Account>,
    pub(super) abort: CancellationToken,
    pub(super) _slot: Slot<Connection>,
}

impl Driver {
    /// Ends with the connection. Its errors reach the requests that it carries.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Http1(driver) => Pin::new(driver).poll(context).map(drop),
            Self::Http2(driver) => driver.poll(context),
        }
    }
}

impl Life {
    pub(super) async fn drive(self, mut driver: Driver) {
        self.worker.proxy.metrics.upstream_opened(self.direction);
        let retire = async {
            reached(self.lifetime.map(|lifetime| lifetime.retire_at)).await;
            // Without the pool's hold on it, it ends with the last request that it carries.
            self.pool.evict(&self.key, self.id);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = poll_fn(|context| driver.poll(context)) => {}
            () = self.abort.cancelled() => {}
            () = reached(self.lifetime.map(|lifetime| lifetime.close_at)) => {}
            () = retire => {}
        }
        self.pool.evict(&self.key, self.id);
        self.record();
    }

    /// Leaves a record, but not of connections to this proxy's own application: they are not between sidecars.
    fn record(&self) {
        let proxy = &self.worker.proxy;
        proxy.metrics.upstream_closed(self.direction);
        if self.direction == Direction::Inbound {
            return;
        }
        self.worker.record(&ProxyRecord::Connection(ConnectionRecord {
            proxy: proxy.workload().to_owned(),
            direction: self.direction,
            peer_address: self.key.address,
            peer: self.peer.as_ref().map(|peer| peer.identity.clone()),
            opened_us: epoch_micros(self.opened),
            closed_us: epoch_micros(proxy.host.wall_clock()),
            certificates_expire_us: self.lifetime.map(|lifetime| epoch_micros(lifetime.expires)),
            requests: self.account.requests.load(Ordering::Relaxed),
        }));
    }
}
