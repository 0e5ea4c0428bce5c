//! What one program presents and trusts at the moment.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::verify::Roots;
use crate::{Bundle, Svid};

/// The current SVID and bundle of one program. Clones share them. Every handshake asks it anew, so a rotation
/// takes effect with the next connection, without a restart.
#[derive(Clone)]
pub struct SvidStore {
    current: Arc<ArcSwap<Current>>,
}

struct Current {
    svid: Option<Svid>,
    roots: Arc<Roots>,
}

impl SvidStore {
    /// A store with `svid`, which trusts `bundle`.
    pub fn new(svid: Svid, bundle: &Bundle) -> Self {
        Self::with(Some(svid), bundle)
    }

    /// A store that presents nothing yet, and trusts `bundle`: for a workload that has not joined.
    pub fn anonymous(bundle: &Bundle) -> Self {
        Self::with(None, bundle)
    }

    /// Presents `svid` and trusts `bundle` from now on. Established connections go on with what they were opened with.
    pub fn rotate(&self, svid: Svid, bundle: &Bundle) {
        self.current.store(Arc::new(Current {
            svid: Some(svid),
            roots: Arc::new(Roots::new(bundle)),
        }));
    }

    /// The current SVID.
    pub fn svid(&self) -> Option<Svid> {
        self.current.load().svid.clone()
    }

    pub(crate) fn roots(&self) -> Arc<Roots> {
        self.current.load().roots.clone()
    }

    fn with(svid: Option<Svid>, bundle: &Bundle) -> Self {
        let roots = Arc::new(Roots::new(bundle));
        Self {
            current: Arc::new(ArcSwap::from_pointee(Current { svid, roots })),
        }
    }

    fn certified_key(&self) -> Option<Arc<CertifiedKey>> {
        self.current.load().svid.as_ref().map(Svid::certified_key)
    }
}

impl ResolvesServerCert for SvidStore {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certified_key()
    }
}

impl ResolvesClientCert for SvidStore {
    fn resolve(&self, _root_hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.certified_key()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for SvidStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SvidStore")
            .field("svid", &self.current.load().svid)
            .finish_non_exhaustive()
    }
}
