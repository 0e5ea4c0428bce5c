//! What carries bytes and does nothing else, one upstream connection per downstream connection: with TLS between two of them, the limit
//! of what a pair of proxies can reach.

use std::net::SocketAddr;
use std::sync::Arc;

use hallway_host::{Host, Stream};
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::io::copy_bidirectional;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Listening;
use super::tls::Files;

/// What to splice.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Splice {
    pub(crate) listen: SocketAddr,
    pub(crate) target: SocketAddr,
    pub(crate) tls: Tls,
}

/// On which leg TLS is spoken.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tls {
    Nowhere,
    /// Towards the target, which must be called `peer`.
    Upstream {
        credentials: Files,
        peer: String,
    },
    /// Towards who connects.
    Downstream {
        credentials: Files,
    },
}

#[derive(Clone)]
enum Leg {
    Plain,
    Upstream(TlsConnector, ServerName<'static>),
    Downstream(TlsAcceptor),
}

/// Serves until the process is killed.
pub(super) async fn serve(host: Host, splice: Splice) -> Result<(), String> {
    let leg = splice.tls.leg()?;
    let mut listener = host
        .listen(splice.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", splice.listen))?;
    let listening = listener.local_address().map_err(|error| error.to_string())?;
    host.record(&Listening { listening });
    loop {
        let (downstream, _) = listener.accept().await;
        let (leg, connecting) = (leg.clone(), host.clone());
        host.spawn(async move {
            // Both ends see that the connection breaks off; there is nobody else to tell.
            let _ = carry(&connecting, leg, downstream, splice.target).await;
        });
    }
}

async fn carry(host: &Host, leg: Leg, mut downstream: Stream, target: SocketAddr) -> std::io::Result<()> {
    let mut upstream = host.connect(target).await?;
    match leg {
        Leg::Plain => copy_bidirectional(&mut downstream, &mut upstream).await?,
        Leg::Upstream(connector, name) => {
            let mut upstream = connector.connect(name, upstream).await?;
            copy_bidirectional(&mut downstream, &mut upstream).await?
        }
        Leg::Downstream(acceptor) => {
            let mut downstream = acceptor.accept(downstream).await?;
            copy_bidirectional(&mut downstream, &mut upstream).await?
        }
    };
    Ok(())
}

impl Tls {
    fn leg(&self) -> Result<Leg, String> {
        Ok(match self {
            Self::Nowhere => Leg::Plain,
            Self::Upstream { credentials, peer } => {
                let name = ServerName::try_from(peer.clone()).map_err(|error| error.to_string())?;
                Leg::Upstream(Arc::new(credentials.client()?).into(), name)
            }
            Self::Downstream { credentials } => Leg::Downstream(Arc::new(credentials.server()?).into()),
        })
    }
}
