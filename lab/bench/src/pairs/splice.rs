//! Two processes that carry bytes: the least that anybody can do.

use super::{ANYWHERE, Sidecars, Site};
use crate::error::BenchError;
use crate::parts::Part;
use crate::parts::splice::{Splice, Tls};

/// In the clear.
pub(super) async fn plain(site: &Site<'_>) -> Result<Sidecars, BenchError> {
    start(site, Tls::Nowhere, Tls::Nowhere).await
}

/// With mutual TLS between the two.
pub(super) async fn tls(site: &Site<'_>) -> Result<Sidecars, BenchError> {
    let credentials = &site.workshop.credentials;
    let upstream = Tls::Upstream {
        credentials: credentials.outbound.files.clone(),
        peer: credentials.inbound.name.clone(),
    };
    let downstream = Tls::Downstream {
        credentials: credentials.inbound.files.clone(),
    };
    start(site, upstream, downstream).await
}

async fn start(site: &Site<'_>, outbound: Tls, inbound: Tls) -> Result<Sidecars, BenchError> {
    let (mut measured, mut target) = (Vec::new(), site.application);
    for (name, tls) in [("inbound", inbound), ("outbound", outbound)] {
        let part = Part::Splice(Splice {
            listen: ANYWHERE,
            target,
            tls,
        });
        let workshop = site.workshop;
        let core = workshop.cores.proxies;
        let mut child = workshop
            .starter
            .start_part(name, &part, core, site.directory)
            .await?;
        target = child.listening().await?;
        measured.push(child);
    }
    Ok(Sidecars {
        entry: target,
        measured,
        beside: Vec::new(),
    })
}
