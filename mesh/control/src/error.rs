//! Why a control plane cannot run.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hallway_identity::CredentialError;
use hallway_model::identity::IdentityError;
use hallway_model::{SpiffeId, TrustDomain};
use thiserror::Error;

/// Why the control plane could not start. Once it runs, nothing but the order to stop ends it.
#[derive(Debug, Error)]
pub enum ControlError {
    /// A listener could not be opened.
    #[error(
        "cannot listen on {address} for {purpose}: {source}; choose another address, or port 0 for a free one"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What it was for.
        purpose: &'static str,
        /// What the machine says.
        source: io::Error,
    },
    /// The admin endpoint would be reachable from other machines.
    #[error("the admin endpoint speaks plain HTTP, so it must listen on loopback, not on {0}")]
    AdminNotOnLoopback(SocketAddr),
    /// The directory of rules cannot be read.
    #[error("cannot read the rules directory {}: {source}", path.display())]
    RulesDirectory {
        /// The directory.
        path: PathBuf,
        /// What the machine says.
        source: io::Error,
    },
    /// X.509 counts whole seconds, and certificates are renewed at half their life.
    #[error("certificates cannot live for {0:?}: the shortest life is two seconds")]
    Lifetime(Duration),
    /// The authority in the bootstrap is another trust domain's.
    #[error("the authority given is that of `{authority}`, and the mesh is `{mesh}`")]
    ForeignAuthority {
        /// The trust domain of the authority.
        authority: TrustDomain,
        /// The trust domain of the bootstrap.
        mesh: TrustDomain,
    },
    /// A federated bundle would let others vouch for this mesh's own identities.
    #[error(
        "a federated bundle has a root of `{0}`, the mesh's own trust domain: others would vouch for its workloads"
    )]
    FederatedOwnDomain(TrustDomain),
    /// A certificate or key in the bootstrap is no good.
    #[error("the bootstrap's {what}: {source}")]
    Credential {
        /// Which one.
        what: &'static str,
        /// What is wrong.
        source: CredentialError,
    },
    /// The trust domain leaves no room for the control plane's own identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Why a request to the control plane was refused.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error("workload `{0}` is not registered; register it with POST /v1/workloads first")]
    UnknownWorkload(String),
    #[error(
        "`{value}` is no {what}: expected up to 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends"
    )]
    Name { what: &'static str, value: String },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("{0} workloads are registered, and no more are taken; delete those that are gone")]
    TooManyWorkloads(usize),
    #[error("workload `{0}` is a gateway: it has no application, so it is no endpoint")]
    GatewayEndpoint(String),
    #[error(
        "the join token is unknown, used, replaced or expired; register the workload again for a new one"
    )]
    JoinToken,
    #[error("this needs a client certificate; join first with POST /v1/join")]
    NoCertificate,
    #[error("`{presented}` may not act for `{workload}`, which is registered as `{registered}`")]
    WrongIdentity {
        workload: String,
        registered: String,
        presented: String,
    },
    #[error("the workload that got this certificate of `{0}` is gone; register it again, and join anew")]
    HolderGone(SpiffeId),
    #[error("no registered workload is `{0}`")]
    UnregisteredIdentity(SpiffeId),
    #[error(
        "version {version} of `{proxy}` awaits no answer; it was answered before, or its stream has ended"
    )]
    NotAwaited { proxy: String, version: u64 },
    #[error("{0} discovery streams are open, and no more are taken; try again later")]
    TooManyStreams(usize),
    #[error(transparent)]
    Credential(#[from] CredentialError),
}
