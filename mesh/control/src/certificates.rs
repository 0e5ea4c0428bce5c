//! The certificate service: a join token or a current certificate, and proof of a key, for a short-lived SVID.

use hallway_identity::{PeerCertificate, Validity};
use hallway_model::SpiffeId;
use hallway_model::discovery::{JoinRequest, RenewRequest, SvidResponse};
use hallway_model::telemetry::ControlRecord;
use tokio::time::Instant;

use crate::clock::{microseconds, now_us};
use crate::error::RequestError;
use crate::plane::{ControlPlane, State};
use crate::proxy::Certificate;

impl ControlPlane {
    /// Issues the first SVID of a workload. The token is used up, whatever becomes of the request.
    pub(crate) fn join(&self, request: &JoinRequest) -> Result<SvidResponse, RequestError> {
        let (workload, identity) = {
            let mut state = self.state();
            let workload = state.tokens.redeem(&request.token, Instant::now())?;
            let identity = state.registry.get(&workload)?.identity.clone();
            (workload, identity)
        };
        self.issue(&request.csr, &identity, &workload)
    }

    /// Issues the next SVID to the holder of a current one, under the same identity.
    pub(crate) fn renew(
        &self,
        peer: &PeerCertificate,
        request: &RenewRequest,
    ) -> Result<SvidResponse, RequestError> {
        let workload = holder(&self.state(), peer)?;
        self.issue(&request.csr, &peer.identity, &workload)
    }

    fn issue(
        &self,
        request: &str,
        identity: &SpiffeId,
        workload: &str,
    ) -> Result<SvidResponse, RequestError> {
        let validity = Validity::starting(self.host.wall_clock(), self.svid_lifetime);
        let issued = self.authority.issue(request, identity, validity)?;
        let certificate = Certificate {
            serial: issued.serial,
            expires: validity.not_after,
        };
        if let Some(proxy) = self.state().proxies.get_mut(workload) {
            proxy.hold(certificate);
        }
        self.host.record(&ControlRecord::Issued {
            at_us: now_us(&self.host),
            identity: identity.clone(),
            workload: workload.to_owned(),
            expires_us: microseconds(validity.not_after),
        });
        Ok(SvidResponse {
            chain: issued.chain,
            bundle: self.bundle.to_pem().to_owned(),
        })
    }
}

/// Replicas share an identity, so it is the serial number that tells which workload asks. A control plane that was started anew has forgotten
/// the numbers; then any workload of that identity will do.
fn holder(state: &State, peer: &PeerCertificate) -> Result<String, RequestError> {
    let holds = |name: &str| {
        let proxy = state.proxies.get(name);
        proxy.is_some_and(|proxy| proxy.holds(&peer.serial))
    };
    state
        .registry
        .workloads()
        .filter(|workload| workload.identity == peer.identity)
        .min_by_key(|workload| !holds(&workload.name))
        .map(|workload| workload.name.clone())
        .ok_or_else(|| RequestError::UnregisteredIdentity(peer.identity.clone()))
}
