//! What the peers prove who they are with. (Hallway's sidecars get theirs from their control plane.)
//!
//! The keys are ECDSA P-256: Envoy takes no Ed25519. Each certificate has a DNS name and a SPIFFE ID, so that everybody can check the kind
//! of name that they know.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};

use crate::error::BenchError;
use crate::parts::splice::Files;

/// The credentials of two sidecars, in files.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// The client's.
    pub(crate) outbound: Sidecar,
    /// The application's.
    pub(crate) inbound: Sidecar,
}

/// The credentials of one sidecar.
#[derive(Clone, Debug)]
pub(crate) struct Sidecar {
    pub(crate) files: Files,
    /// Certificate and key in one file, as HAProxy wants them.
    pub(crate) combined: PathBuf,
    /// Its name in DNS.
    pub(crate) name: String,
    /// Its SPIFFE ID.
    pub(crate) identity: String,
}

impl Credentials {
    /// Makes an authority, which is forgotten, and two certificates.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub(crate) fn create(directory: &Path) -> Result<Self, BenchError> {
        let key = new_key();
        let mut parameters = CertificateParams::default();
        parameters
            .distinguished_name
            .push(DnType::CommonName, "hallway bench");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = parameters
            .self_signed(&key)
            .expect("a root can be signed with its own key");
        let authority = directory.join("authority.pem");
        write(&authority, &root.pem())?;
        let issuer = Issuer::new(parameters, key);
        Ok(Self {
            outbound: Sidecar::issue("client", &issuer, &authority, directory)?,
            inbound: Sidecar::issue("server", &issuer, &authority, directory)?,
        })
    }
}

impl Sidecar {
    fn issue(
        who: &str,
        issuer: &Issuer<'_, KeyPair>,
        authority: &Path,
        directory: &Path,
    ) -> Result<Self, BenchError> {
        let key = new_key();
        let name = format!("{who}.bench.test");
        let identity = format!("spiffe://bench.test/ns/bench/sa/{who}");
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, who);
        parameters.subject_alt_names = vec![
            SanType::DnsName(name.as_str().try_into().expect("ASCII")),
            SanType::URI(identity.as_str().try_into().expect("ASCII")),
        ];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let certificate = parameters
            .signed_by(&key, issuer)
            .expect("the parameters are well-formed")
            .pem();
        let key = key.serialize_pem();
        let path = |suffix: &str| directory.join(format!("{who}.{suffix}"));
        let files = Files {
            authority: authority.to_owned(),
            certificate: path("pem"),
            key: path("key"),
        };
        let combined = path("combined.pem");
        write(&files.certificate, &certificate)?;
        write(&files.key, &key)?;
        write(&combined, &(certificate + &key))?;
        Ok(Self {
            files,
            combined,
            name,
            identity,
        })
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the operating system provides entropy")
}

/// Writes a file that only we can read.
fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(BenchError::write(path.to_owned()))
}
