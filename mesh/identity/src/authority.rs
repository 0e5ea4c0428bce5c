//! The certificate authority of one trust domain.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallway_host::{Host, Random};
use hallway_model::{SpiffeId, TrustDomain};
use rand::Rng;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SanType,
    SerialNumber,
};

use crate::{Bundle, CredentialError, KeyPair, Svid, certificate};

/// How long a root lives: longer than any mesh that is started from a terminal.
const ROOT_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How far `not_before` lies in the past, so that a certificate is good at once on a machine whose clock is behind the authority's.
/// Ten seconds is what SPIRE takes; more would only lengthen the life of a certificate that was stolen from the past.
pub const CLOCK_SKEW: Duration = Duration::from_secs(10);

/// When a certificate is good. X.509 counts whole seconds: parts of a second are lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    /// The first moment.
    pub not_before: SystemTime,
    /// The last moment.
    pub not_after: SystemTime,
}

/// A certificate as it was issued.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issued {
    /// The chain, leaf first, PEM.
    pub chain: String,
    /// The serial number, hexadecimal.
    pub serial: String,
}

/// Vouches for the identities of one trust domain.
pub struct Authority {
    trust_domain: TrustDomain,
    issuer: Issuer<'static, rcgen::KeyPair>,
    root_pem: String,
    serials: Mutex<Random>,
}

impl Validity {
    /// Good for `lifetime` from `now` on, and for [`CLOCK_SKEW`] before; both ends rounded down to whole seconds.
    pub fn starting(now: SystemTime, lifetime: Duration) -> Self {
        Self {
            not_before: whole_seconds(now - CLOCK_SKEW),
            not_after: whole_seconds(now + lifetime),
        }
    }
}

impl Authority {
    /// A new authority, with a new key from the operating system's entropy and a self-signed root.
    ///
    /// # Panics
    /// When the operating system has no entropy to give.
    pub fn new(host: &Host, trust_domain: TrustDomain) -> Self {
        let key = rcgen::KeyPair::generate_for(&PKCS_ED25519).expect("the operating system provides entropy");
        let validity = Validity::starting(host.wall_clock(), ROOT_LIFETIME);
        let parameters = root_parameters(&trust_domain, &key, validity);
        let root_pem = parameters
            .self_signed(&key)
            .expect("a root can always be signed with its own key")
            .pem();
        Self {
            trust_domain,
            issuer: Issuer::new(parameters, key),
            root_pem,
            serials: serials(host),
        }
    }

    /// The authority that [`Authority::root_pem`] and [`Authority::key_pem`] were taken from: a control plane that starts again must
    /// be the same authority, or nobody believes it.
    ///
    /// # Errors
    /// When one of both texts cannot be read, or the root belongs to another key.
    pub fn from_pem(host: &Host, root_pem: &str, key_pem: &str) -> Result<Self, CredentialError> {
        let key = rcgen::KeyPair::from_pem(key_pem).map_err(|error| CredentialError::Pem {
            expected: "a private key",
            reason: error.to_string(),
        })?;
        let (trust_domain, root) = Bundle::from_pem(root_pem)?.single_root()?;
        let certified = certificate::parse(&root)?;
        if certified.public_key().subject_public_key.data != key.der_bytes() {
            return Err(CredentialError::KeyMismatch(format!(
                "the root of `{trust_domain}`"
            )));
        }
        let issuer = Issuer::from_ca_cert_der(&root, key)
            .map_err(|error| CredentialError::Certificate(error.to_string()))?;
        Ok(Self {
            trust_domain,
            issuer,
            root_pem: root_pem.to_owned(),
            serials: serials(host),
        })
    }

    /// The trust domain that it vouches for.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Its root certificate.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// Its private key, to hand to a later start of the same authority. Keep it secret.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A bundle of its root alone.
    pub fn bundle(&self) -> Bundle {
        Bundle::from_pem(&self.root_pem).expect("an authority makes well-formed roots")
    }

    /// Issues an X.509-SVID for the key that signed `request` (PKCS #10, PEM). The identity is the one given here; names inside the
    /// request are ignored.
    ///
    /// # Errors
    /// [`CredentialError::SigningRequest`] when the request is malformed or its signature is wrong,
    /// [`CredentialError::ForeignIdentity`] when `identity` is not of this trust domain.
    pub fn issue(
        &self,
        request: &str,
        identity: &SpiffeId,
        validity: Validity,
    ) -> Result<Issued, CredentialError> {
        let refuse = |error: rcgen::Error| CredentialError::SigningRequest(error.to_string());
        if identity.trust_domain() != &self.trust_domain {
            return Err(CredentialError::ForeignIdentity {
                authority: self.trust_domain.clone(),
                identity: identity.clone(),
            });
        }
        let request = CertificateSigningRequestParams::from_pem(request).map_err(refuse)?;
        let serial = self.next_serial();
        let hexadecimal = certificate::hexadecimal(&serial.to_bytes());
        let certificate = svid_parameters(identity, validity, serial)
            .signed_by(&request.public_key, &self.issuer)
            .map_err(refuse)?;
        Ok(Issued {
            chain: certificate.pem(),
            serial: hexadecimal,
        })
    }

    /// Makes a key and issues an SVID for it, for a program that is its own authority.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub fn mint(&self, identity: &SpiffeId, validity: Validity) -> Result<Svid, CredentialError> {
        let key = KeyPair::generate();
        let issued = self.issue(&key.signing_request(), identity, validity)?;
        Svid::new(&issued.chain, &key)
    }

    /// Sixteen bytes of which the first is positive and not zero, so that all serials are encoded in the same length.
    fn next_serial(&self) -> SerialNumber {
        let mut bytes = [0; 16];
        self.serials
            .lock()
            .expect("drawing a number does not panic")
            .fill_bytes(&mut bytes);
        bytes[0] = bytes[0] & 0x3f | 0x40;
        SerialNumber::from_slice(&bytes)
    }
}

fn whole_seconds(moment: SystemTime) -> SystemTime {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(since) => UNIX_EPOCH + Duration::from_secs(since.as_secs()),
        Err(_) => moment,
    }
}

/// The stream of serial numbers. It differs from start to start of one authority, since no two certificates of an issuer may share a number
/// (RFC 5280, 4.1.2.2).
fn serials(host: &Host) -> Mutex<Random> {
    let started = host
        .wall_clock()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    Mutex::new(host.random(&format!("certificate serials from {started}")))
}

/// The root says which trust domain it vouches for (X.509-SVID, 2), and its name carries the fingerprint of its key: two roots
/// of one trust domain are never mistaken for each other.
fn root_parameters(
    trust_domain: &TrustDomain,
    key: &rcgen::KeyPair,
    validity: Validity,
) -> CertificateParams {
    let mut parameters = parameters(&format!("spiffe://{trust_domain}"), validity);
    let fingerprint = certificate::hexadecimal(&parameters.key_identifier(key)[..8]);
    parameters
        .distinguished_name
        .push(DnType::CommonName, format!("{trust_domain} {fingerprint}"));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    parameters
}

fn svid_parameters(identity: &SpiffeId, validity: Validity, serial: SerialNumber) -> CertificateParams {
    let mut parameters = parameters(&identity.to_string(), validity);
    parameters.serial_number = Some(serial);
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    parameters.use_authority_key_identifier_extension = true;
    parameters
}

fn parameters(uri: &str, validity: Validity) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.not_before = validity.not_before.into();
    parameters.not_after = validity.not_after.into();
    parameters.subject_alt_names = vec![SanType::URI(
        uri.try_into().expect("a SPIFFE ID consists of ASCII characters"),
    )];
    parameters
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Authority({})", self.trust_domain)
    }
}
