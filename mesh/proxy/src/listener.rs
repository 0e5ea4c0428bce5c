//! Accepting connections, and serving HTTP on them until they end, retire, or the proxy drains.

mod http1;
mod http2;
mod idle;
mod lanes;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hallway_host::{Listener, Stream};
use hallway_model::telemetry::Direction;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::downstream::Downstream;
use crate::drain::Drain;
use crate::events::Events;
use crate::lifetime::{Lifetime, reached};
use crate::transport::{Carrier, Transport};
use crate::worker::Worker;

/// How long a head may take to arrive, and a connection may wait for its next request. Peers keep theirs for less.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a client outside may send nothing in the midst of its request, or take nothing of its answer. Those inside have deadlines of
/// their own.
pub(crate) const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long whoever connects may take for a TLS handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Accepts connections until `drain` begins, and gives each to `serve` as a task of its own. `places` are those of all
/// workers together.
pub(crate) async fn accept<Serving>(
    worker: &Arc<Worker>,
    mut listener: Listener,
    places: Arc<Semaphore>,
    direction: Direction,
    drain: Drain,
    serve: impl Fn(Stream, SocketAddr, Drain) -> Serving,
) where
    Serving: Future<Output = ()> + Send + 'static,
{
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.begun() => return,
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            worker.proxy.metrics.connection_overflowed(direction);
            continue;
        };
        let serving = serve(stream, address, drain.clone());
        let proxy = Arc::clone(&worker.proxy);
        worker.proxy.host.spawn(async move {
            proxy.metrics.downstream_opened(direction);
            serving.await;
            proxy.metrics.downstream_closed(direction);
            drop(place);
        });
    }
}

/// Serves the requests of one connection, as they travel on it, and gives how many there were.
pub(crate) async fn serve(
    worker: &Arc<Worker>,
    transport: Transport,
    carrier: Carrier,
    downstream: Downstream,
    lifetime: Option<Lifetime>,
    drain: &Drain,
) -> u64 {
    let end = Ending { lifetime, drain };
    let downstream = Arc::new(downstream);
    match carrier {
        Carrier::Http1 => http1::serve(worker, transport, downstream, end).await,
        Carrier::Http2 => http2::serve(worker, transport, downstream, end).await,
        Carrier::Lanes => lanes::serve(worker, transport, downstream, end).await,
    }
}

/// What ends a connection from this side.
struct Ending<'a> {
    lifetime: Option<Lifetime>,
    drain: &'a Drain,
}

/// What happens to a connection from outside.
enum Event {
    Retire,
    CutOff,
}

/// What became of a connection.
enum Ended<T> {
    /// It has ended by itself.
    ByItself(T),
    /// It was cut off.
    CutOff,
}

impl Ending<'_> {
    /// Polls `connection` to its end. When it is to retire, `retire` tells it so, once; when its time is up, or the
    /// `patience` with it, it is cut off.
    async fn watch<Connection: Future>(
        &self,
        mut connection: Pin<&mut Connection>,
        retire: impl Fn(Pin<&mut Connection>),
        patience: impl Future<Output = ()>,
    ) -> Ended<Connection::Output> {
        let life = |moment: fn(Lifetime) -> Instant| reached(self.lifetime.map(moment));
        let mut events = Events::none()
            .and(self.drain.begun(), Event::Retire)
            .and(life(|lifetime| lifetime.retire_at), Event::Retire)
            .and(self.drain.over(), Event::CutOff)
            .and(life(|lifetime| lifetime.close_at), Event::CutOff);
        let mut patience = pin!(patience);
        let mut retiring = false;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return Ended::ByItself(ended),
                () = patience.as_mut() => return Ended::CutOff,
                event = events.next() => match event {
                    Event::CutOff => return Ended::CutOff,
                    Event::Retire if retiring => {}
                    Event::Retire => {
                        retiring = true;
                        retire(connection.as_mut());
                    }
                },
            }
        }
    }
}
