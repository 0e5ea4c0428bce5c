//! The roots that are trusted, each for its own trust domain only.

use std::collections::BTreeMap;

use hallway_model::TrustDomain;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::{CredentialError, certificate};

/// Root certificates by trust domain. A root says itself which trust domain it vouches for (its one URI name,
/// `spiffe://<trust domain>`), and vouches for no other: whoever adds a root decides to believe it about that domain.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bundle {
    roots: BTreeMap<TrustDomain, Vec<CertificateDer<'static>>>,
    pem: String,
}

impl Bundle {
    /// Reads the roots of one or more trust domains.
    ///
    /// # Errors
    /// When the text is no PEM, holds no certificate, or one that is no root of a trust domain.
    pub fn from_pem(pem: &str) -> Result<Self, CredentialError> {
        let not_pem = |reason: String| CredentialError::Pem {
            expected: "root certificates",
            reason,
        };
        let mut roots = BTreeMap::<_, Vec<_>>::new();
        for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let root = root.map_err(|error| not_pem(error.to_string()))?;
            roots.entry(trust_domain_of(&root)?).or_default().push(root);
        }
        if roots.is_empty() {
            return Err(not_pem("it holds no certificate".to_owned()));
        }
        let pem = pem.trim_end().to_owned() + "\n";
        Ok(Self { roots, pem })
    }

    /// The same roots as text.
    pub fn to_pem(&self) -> &str {
        &self.pem
    }

    /// Trusts the roots of `other` too.
    pub fn add(&mut self, other: Self) {
        for (trust_domain, roots) in other.roots {
            self.roots.entry(trust_domain).or_default().extend(roots);
        }
        self.pem.push_str(&other.pem);
    }

    /// The trust domains that it has roots of.
    pub fn trust_domains(&self) -> impl Iterator<Item = &TrustDomain> {
        self.roots.keys()
    }

    pub(crate) fn roots(&self) -> &BTreeMap<TrustDomain, Vec<CertificateDer<'static>>> {
        &self.roots
    }

    pub(crate) fn single_root(self) -> Result<(TrustDomain, CertificateDer<'static>), CredentialError> {
        let mut roots = self
            .roots
            .into_iter()
            .flat_map(|(domain, roots)| roots.into_iter().map(move |root| (domain.clone(), root)));
        match (roots.next(), roots.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(CredentialError::Certificate(
                "expected exactly one root".to_owned(),
            )),
        }
    }
}

fn trust_domain_of(root: &CertificateDer<'_>) -> Result<TrustDomain, CredentialError> {
    let certificate = certificate::parse(root)?;
    let names = certificate::uri_names(&certificate)?;
    let [uri] = names[..] else {
        return Err(CredentialError::UriNames(names.len()));
    };
    if !certificate.is_ca() {
        return Err(CredentialError::NotAnAuthority(uri.to_owned()));
    }
    Ok(TrustDomain::new(uri.strip_prefix("spiffe://").unwrap_or(uri))?)
}
