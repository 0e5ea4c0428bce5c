//! What carries bytes and does nothing else, one upstream connection per downstream connection: with TLS between two of them, the limit
//! of what a pair of proxies can reach.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hallway_host::{Host, Stream};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{self, cipher_suite::TLS13_AES_128_GCM_SHA256};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde::{Deserialize, Serialize};
use tokio::io::copy_bidirectional;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Listening;

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

/// Credentials in PEM files.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Files {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
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

impl Files {
    fn client(&self) -> Result<ClientConfig, String> {
        let verifier = WebPkiServerVerifier::builder_with_provider(self.roots()?, provider())
            .build()
            .map_err(|error| error.to_string())?;
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| error.to_string())?
            .with_webpki_verifier(verifier)
            .with_client_auth_cert(self.chain()?, self.key()?)
            .map_err(|error| error.to_string())?;
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn server(&self) -> Result<ServerConfig, String> {
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots()?, provider())
            .build()
            .map_err(|error| error.to_string())?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain()?, self.key()?)
            .map_err(|error| error.to_string())?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, String> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(&self.authority).map_err(|error| error.to_string())?;
        roots.add(root).map_err(|error| error.to_string())?;
        Ok(Arc::new(roots))
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let certificate = CertificateDer::from_pem_file(&self.certificate);
        Ok(vec![certificate.map_err(|error| error.to_string())?])
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, String> {
        PrivateKeyDer::from_pem_file(&self.key).map_err(|error| error.to_string())
    }
}

/// The one cipher suite that everybody is measured with.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
        ..ring::default_provider()
    })
}
