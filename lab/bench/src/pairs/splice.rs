//! Two processes that carry bytes: the least that anybody can do.

use super::site::Site;
use super::{ANYWHERE, Door, Sidecars};
use crate::error::BenchError;
use crate::parts::Part;
use crate::parts::splice::{Splice, Tls};
use crate::parts::tls::Files;

/// In the clear.
pub(super) async fn plain(site: &Site<'_>) -> Result<Sidecars, BenchError> {
    start(site, Tls::Nowhere, Tls::Nowhere, None).await
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
    start(
        site,
        upstream,
        downstream,
        Some(credentials.outbound.files.clone()),
    )
    .await
}

async fn start(
    site: &Site<'_>,
    outbound: Tls,
    inbound: Tls,
    key: Option<Files>,
) -> Result<Sidecars, BenchError> {
    let (mut measured, mut door, mut target) = (Vec::new(), None, site.application);
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
        if door.is_none() {
            door = Some(target);
            target = site.endpoints(target.port())[0];
        }
        measured.push(child);
    }
    Ok(Sidecars {
        entry: target,
        door: door
            .zip(key)
            .map(|(address, credentials)| Door { address, credentials }),
        measured,
        _beside: Vec::new(),
    })
}
