//! Certificates and requests that an honest authority or workload would not make.

use hallway_identity::{Authority, KeyPair, Svid};
use hallway_model::SpiffeId;
use rcgen::{CertificateParams, DistinguishedName, IsCa, Issuer, KeyUsagePurpose, PKCS_ED25519, SanType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Issues a certificate with any URI names, which [`Authority`] itself would not.
pub(crate) fn chain_with_uris(authority: &Authority, uris: &[&str]) -> (String, rcgen::KeyPair) {
    sign(authority, uris, vec![KeyUsagePurpose::DigitalSignature])
}

pub(crate) fn signing_chain(authority: &Authority, uri: &str) -> (String, rcgen::KeyPair) {
    sign(
        authority,
        &[uri],
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign],
    )
}

pub(crate) fn mint_with_uris(authority: &Authority, uris: &[&str]) -> Svid {
    let key = KeyPair::generate();
    let issuer = issuer(authority);
    let request =
        rcgen::CertificateSigningRequestParams::from_pem(&key.signing_request()).expect("a request");
    let chain = parameters(uris, vec![KeyUsagePurpose::DigitalSignature])
        .signed_by(&request.public_key, &issuer)
        .expect("a certificate")
        .pem();
    Svid::new(&chain, &key).expect("an SVID")
}

fn sign(authority: &Authority, uris: &[&str], usages: Vec<KeyUsagePurpose>) -> (String, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let chain = parameters(uris, usages)
        .signed_by(&key, &issuer(authority))
        .expect("a certificate")
        .pem();
    (chain, key)
}

fn issuer(authority: &Authority) -> Issuer<'static, rcgen::KeyPair> {
    let key = rcgen::KeyPair::from_pem(&authority.key_pem()).expect("a key");
    Issuer::from_ca_cert_pem(authority.root_pem(), key).expect("a root")
}

fn parameters(uris: &[&str], usages: Vec<KeyUsagePurpose>) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = usages;
    parameters.subject_alt_names = uris
        .iter()
        .map(|uri| SanType::URI((*uri).try_into().expect("ASCII")))
        .collect();
    parameters
}

/// A signing request that asks for a name, with the key that signed it.
pub(crate) fn request_with_uri(uri: &str) -> (String, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let mut parameters = CertificateParams::default();
    parameters.subject_alt_names = vec![SanType::URI(uri.try_into().expect("ASCII"))];
    let request = parameters
        .serialize_request(&key)
        .and_then(|request| request.pem())
        .expect("a request");
    (request, key)
}

/// A request of `key` with another public key put in its place, so that its signature no longer fits.
pub(crate) fn with_another_key(key: &rcgen::KeyPair) -> String {
    let request = CertificateParams::default()
        .serialize_request(key)
        .expect("a request");
    let other = rcgen::KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let mut der = request.der().to_vec();
    let (own, other) = (key.public_key_raw(), other.public_key_raw());
    let at = der
        .windows(own.len())
        .position(|window| window == own)
        .expect("the request holds its public key");
    der[at..at + other.len()].copy_from_slice(other);
    pem(&der)
}

fn pem(der: &[u8]) -> String {
    use std::fmt::Write as _;
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE REQUEST-----\n");
    for chunk in der.chunks(48) {
        for three in chunk.chunks(3) {
            let bits =
                three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for place in 0..4 {
                let symbol = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize] as char;
                let _ = text.write_char(if place > three.len() { '=' } else { symbol });
            }
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE REQUEST-----\n"
}

pub(crate) fn identity_in(chain: &str) -> SpiffeId {
    let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).expect("a chain");
    let (_, certificate) = x509_parser::parse_x509_certificate(&leaf).expect("a certificate");
    let names = certificate
        .subject_alternative_name()
        .expect("well-formed")
        .expect("there are names");
    match names.value.general_names[..] {
        [x509_parser::extensions::GeneralName::URI(uri)] => uri.parse().expect("an identity"),
        ref others => panic!("{others:?}"),
    }
}
