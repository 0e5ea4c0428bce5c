//! SPIFFE identities: certificate authority, SVIDs, trust bundles and TLS configurations.
//!
//! A workload makes a [`KeyPair`] and asks for a certificate ([`KeyPair::signing_request`]); the [`Authority`] of its trust domain issues
//! one that names the identity which the *authority* knows it by; together they are an [`Svid`]. An [`SvidStore`] holds the SVID
//! and the [`Bundle`] of trusted roots of one program, and can be rotated at any time; [`tls`] makes rustls configurations
//! that ask it anew in every handshake.
//!
//! - [`authority`]: the certificate authority of one trust domain
//! - [`key`]: key pairs and signing requests
//! - [`svid`]: an identity with the certificate and the key that prove it
//! - [`bundle`]: the roots that are trusted, each for its own trust domain only
//! - [`store`]: what one program presents and trusts at the moment
//! - [`tls`]: configurations for both sides of a connection: TLS 1.3, without resumption or early data
//! - [`edge`]: TLS of a gateway, towards clients that are not of the mesh
//! - [`web`]: an authority for host names, and clients that trust it
//! - [`verify`]: whether a peer is who it says
//! - [`jwt`]: whether a token is what it says
//! - [`certificate`]: what a certificate says, read out
//! - [`refusal`]: why a handshake failed, in the words of the mesh
//! - [`error`]: what is wrong with keys, certificates and requests
//!
//! All keys of the mesh are Ed25519: signatures have one length, so that a simulated network sees the same sizes in every run.
//! Sources: <https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md>, RFC 5280, RFC 8446.

pub mod authority;
pub mod bundle;
pub mod certificate;
pub mod edge;
pub mod error;
pub mod jwt;
pub mod key;
pub mod refusal;
pub mod store;
pub mod svid;
pub mod tls;
pub mod verify;
pub mod web;

pub use authority::{Authority, Issued, Validity};
pub use bundle::Bundle;
pub use certificate::PeerCertificate;
pub use edge::{ServerIdentity, edge_config};
pub use error::CredentialError;
pub use key::KeyPair;
pub use refusal::{HandshakeFailure, Refuser};
pub use store::SvidStore;
pub use svid::Svid;
pub use tls::{Agreed, ClientAuthentication, Versions, client_config, server_config, server_name};
pub use verify::PeerError;
pub use web::{KeyKind, WebAuthority, web_client_config};
