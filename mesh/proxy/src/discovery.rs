//! The discovery client: reads updates from the control plane, puts them in force, and answers each.
//!
//! What cannot be put in force is refused (NACK) and changes nothing. While the control plane is away, the proxy goes on
//! with what it has, and tries to come back.

use std::convert::Infallible;
use std::time::Duration;

use bytes::BytesMut;
use hallway_model::discovery::{Acknowledgement, Update, Version};
use hallway_model::snapshot::Snapshot;
use hallway_model::telemetry::{Configuration as ConfigurationRecord, ProxyRecord};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::configuration::Configuration;
use crate::control_plane::{ControlPlane, ControlPlaneError, Line};
use crate::lifetime::{Lifetime, Side, reached};
use crate::proxy::Proxy;
use crate::time::epoch_micros;

/// The longest update, in bytes.
const UPDATE_LIMIT: usize = 64 * 1024 * 1024;

/// A stream that lasted so long was a good one, and the next pause is short again. One that ends sooner was not, even if it brought an
/// update: two proxies under one name would otherwise take the stream from each other without end.
const LASTING: Duration = Duration::from_secs(10);

/// Why the stream ended.
#[derive(Debug, Error)]
pub(crate) enum StreamError {
    #[error(transparent)]
    ControlPlane(#[from] ControlPlaneError),
    #[error("the stream broke off: {0}")]
    Broken(#[from] hyper::Error),
    #[error("an update is no JSON of the expected form: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("an update is longer than {UPDATE_LIMIT} bytes")]
    TooLong,
    #[error(
        "version {version} changes version {base}, which this proxy does not have: it asks for the whole"
    )]
    OtherBase { version: Version, base: Version },
    #[error("the control plane closed the stream")]
    Closed,
    #[error("the certificate of the stream is about to expire")]
    Retired,
}

/// Follows the control plane for ever.
pub(crate) async fn follow(proxy: &Proxy, control_plane: &ControlPlane) -> Infallible {
    let mut backoff = Backoff::new();
    loop {
        let mut stream = Stream {
            proxy,
            control_plane,
            acknowledgements: control_plane.line(),
            accepted: None,
        };
        let began = Instant::now();
        let Err(ended) = stream.read().await;
        proxy.disconnected(&ended);
        if began.elapsed() >= LASTING {
            backoff.reset();
        }
        backoff.pause(&proxy.reconnect).await;
    }
}

/// One stream.
struct Stream<'a> {
    proxy: &'a Proxy,
    control_plane: &'a ControlPlane,
    /// Ends with the stream, and so before the certificate that it was opened with.
    acknowledgements: Line<'a>,
    /// The last version of this stream that was put in force.
    accepted: Option<Version>,
}

impl Stream<'_> {
    async fn read(&mut self) -> Result<Infallible, StreamError> {
        let proxy = self.proxy;
        let retire_at = proxy.store.svid().map(|svid| {
            let (now, expires) = (proxy.host.wall_clock(), svid.not_after());
            let draw = |random: &mut _| Lifetime::new(Side::Client, now, expires, random).retire_at;
            proxy.renewals.with(draw)
        });
        let name = utf8_percent_encode(proxy.workload(), NON_ALPHANUMERIC);
        let body = self
            .control_plane
            .stream(&format!("/v1/discovery?proxy={name}"))
            .await?;
        proxy.connected();
        let mut lines = Lines {
            body,
            buffer: BytesMut::new(),
            searched: 0,
        };
        loop {
            let line = tokio::select! {
                line = lines.next() => line?.ok_or(StreamError::Closed)?,
                () = reached(retire_at) => return Err(StreamError::Retired),
            };
            self.apply(serde_json::from_slice(&line)?).await?;
        }
    }

    /// Puts an update in force, or refuses it, and says so.
    async fn apply(&mut self, update: Update) -> Result<(), StreamError> {
        let version = update.version;
        let previous = self.proxy.configuration();
        let base = match (update.base, &previous) {
            (None, _) => Snapshot::default(),
            (Some(base), Some(previous)) if self.accepted == Some(base) => previous.snapshot.clone(),
            (Some(base), _) => return Err(StreamError::OtherBase { version, base }),
        };
        let snapshot = base.with(update.delta);
        let unchanged = previous
            .as_ref()
            .is_some_and(|previous| previous.version == version && previous.snapshot == snapshot);
        let refused = if unchanged {
            None
        } else {
            // ANCHOR: answer
            let environment = self.proxy.environment();
            let compiled = Configuration::compile(version, snapshot, previous.as_deref(), &environment);
            let refused = compiled.as_ref().err().map(ToString::to_string);
            if let Ok(configuration) = compiled {
                self.proxy.put_in_force(configuration);
            }
            self.record(version, refused.clone());
            refused
            // ANCHOR_END: answer
        };
        if refused.is_none() {
            self.accepted = Some(version);
        }
        let acknowledgement = Acknowledgement {
            proxy: self.proxy.workload().to_owned(),
            version,
            refused,
        };
        self.acknowledgements
            .tell("/v1/discovery/acknowledgements", &acknowledgement)
            .await?;
        Ok(())
    }

    fn record(&self, version: Version, refused: Option<String>) {
        if refused.is_some() {
            self.proxy.metrics.configuration_refused();
        }
        self.proxy.record(ProxyRecord::Configuration(ConfigurationRecord {
            proxy: self.proxy.workload().to_owned(),
            at_us: epoch_micros(self.proxy.host.wall_clock()),
            version,
            refused,
        }));
    }
}

/// The lines of a body.
struct Lines {
    body: Incoming,
    buffer: BytesMut,
    /// How much of the buffer has no end of line.
    searched: usize,
}

impl Lines {
    /// The next line that is not blank; none at the end. It can be dropped while it waits.
    async fn next(&mut self) -> Result<Option<BytesMut>, StreamError> {
        loop {
            let unsearched = &self.buffer[self.searched..];
            if let Some(position) = unsearched.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + position + 1);
                self.searched = 0;
                if !line.trim_ascii().is_empty() {
                    return Ok(Some(line));
                }
                continue;
            }
            self.searched = self.buffer.len();
            if self.searched > UPDATE_LIMIT {
                return Err(StreamError::TooLong);
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Some(data) = frame?.data_ref() {
                self.buffer.extend_from_slice(data);
            }
        }
    }
}
