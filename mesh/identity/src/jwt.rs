//! Whether a JSON Web Token (RFC 7519) is what it says, by the rules of RFC 8725.
//!
//! A token is believed when one key of its issuer has signed it and it is for us and valid now. The key decides the algorithm: a token that
//! names another one is refused before anything is computed, so `none` has no meaning here, and a public key cannot be used as the secret of
//! an HMAC. Nothing in a token is believed before its signature was checked, but its issuer, which only chooses whose keys are tried.
//! Errors contain no part of the token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hallway_model::jwk::PublicKey;
use hallway_model::{JsonWebKey, JwtRule};
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The longest token that is looked at, in bytes.
pub const LONGEST_TOKEN: usize = 16 * 1024;

/// How far the issuer's clock may be from ours (Envoy's default).
pub const LEEWAY: Duration = Duration::from_secs(60);

/// What a token proves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    /// Who issued it.
    pub issuer: String,
    /// About whom it speaks.
    pub subject: Option<String>,
}

impl Claims {
    /// Issuer and subject as Istio writes them, `https://issuer.test/ann`; none without a subject.
    pub fn request_principal(&self) -> Option<String> {
        let subject = self.subject.as_ref().filter(|subject| !subject.is_empty())?;
        Some(format!("{}/{subject}", self.issuer))
    }
}

/// Why a token is not believed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum JwtError {
    /// It is longer than [`LONGEST_TOKEN`].
    #[error("it is longer than {LONGEST_TOKEN} bytes")]
    TooLong,
    /// It has not the form of a signed token in compact serialisation.
    #[error("it is not three parts of base64url with JSON in the first two")]
    Malformed,
    /// Its header names an extension that must be understood (RFC 7515 §4.1.11).
    #[error("it needs an extension of the standard (`crit`)")]
    Critical,
    /// No rule is about its issuer.
    #[error("its issuer is not one that is configured")]
    Issuer,
    /// No key of the issuer has the name and the algorithm that its header names.
    #[error("no key of its issuer has its `kid` and its `alg`")]
    Key,
    /// No key of the issuer has signed it.
    #[error("its signature is wrong")]
    Signature,
    /// It is for somebody else.
    #[error("it is for another audience")]
    Audience,
    /// It does not say until when it is valid.
    #[error("it has no `exp`, so it would be valid for ever")]
    NoExpiry,
    /// It is no longer valid.
    #[error("it has expired")]
    Expired,
    /// It is not valid yet.
    #[error("it is not valid yet")]
    NotYetValid,
}

/// What `token` proves at `now` by one of `rules`, and by which.
///
/// # Errors
/// When it proves nothing.
pub fn verify<'r>(
    token: &str,
    rules: impl IntoIterator<Item = &'r JwtRule>,
    now: SystemTime,
) -> Result<(Claims, &'r JwtRule), JwtError> {
    let token = Token::parse(token)?;
    let claims: Body = decoded(token.claims)?;
    let mut reason = JwtError::Issuer;
    for rule in rules
        .into_iter()
        .filter(|rule| claims.iss.as_deref() == Some(&rule.issuer))
    {
        match token
            .check_signature(&rule.keys)
            .and_then(|()| claims.check(&rule.audiences, now))
        {
            Ok(()) => {
                let claims = Claims {
                    issuer: rule.issuer.clone(),
                    subject: claims.sub,
                };
                return Ok((claims, rule));
            }
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

/// A token taken apart.
struct Token<'t> {
    header: Header,
    claims: &'t str,
    /// Header and claims, as they were signed.
    signed: &'t str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Body {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    /// Seconds since the Unix epoch; fractions are allowed.
    exp: Option<f64>,
    nbf: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl<'t> Token<'t> {
    fn parse(token: &'t str) -> Result<Self, JwtError> {
        if token.len() > LONGEST_TOKEN {
            return Err(JwtError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed)?;
        let header: Header = decoded(header)?;
        if header.crit.is_some() {
            return Err(JwtError::Critical);
        }
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature);
        Ok(Self {
            header,
            claims,
            signed,
            signature: signature.map_err(|_| JwtError::Malformed)?,
        })
    }

    /// Whether one of `keys` that agrees with the header has signed it.
    fn check_signature(&self, keys: &[JsonWebKey]) -> Result<(), JwtError> {
        let agrees = |key: &&JsonWebKey| {
            let same_name = match (&key.id, &self.header.kid) {
                (Some(own), Some(asked)) => own == asked,
                (None, _) | (_, None) => true,
            };
            same_name && key.public.algorithm().is_called(&self.header.alg)
        };
        let mut keys = keys.iter().filter(agrees).peekable();
        keys.peek().ok_or(JwtError::Key)?;
        match keys.any(|key| has_signed(&key.public, self.signed.as_bytes(), &self.signature)) {
            true => Ok(()),
            false => Err(JwtError::Signature),
        }
    }
}

impl Body {
    fn check(&self, audiences: &[String], now: SystemTime) -> Result<(), JwtError> {
        let meant: &[String] = match &self.aud {
            None => &[],
            Some(Audience::One(audience)) => std::slice::from_ref(audience),
            Some(Audience::Several(audiences)) => audiences,
        };
        if !audiences.is_empty() && !meant.iter().any(|audience| audiences.contains(audience)) {
            return Err(JwtError::Audience);
        }
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let leeway = LEEWAY.as_secs_f64();
        if self.exp.ok_or(JwtError::NoExpiry)? <= now - leeway {
            return Err(JwtError::Expired);
        }
        match self.nbf {
            Some(begins) if begins > now + leeway => Err(JwtError::NotYetValid),
            _ => Ok(()),
        }
    }
}

fn has_signed(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let by_point = |algorithm: &'static dyn VerificationAlgorithm, point: &[u8]| {
        UnparsedPublicKey::new(algorithm, point).verify(message, signature)
    };
    let verified = match key {
        PublicKey::Rsa { modulus, exponent } => {
            let key = PublicKeyComponents {
                n: modulus,
                e: exponent,
            };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
        }
        // The uncompressed form of a point (SEC 1, 2.3.3). Whether it is on the curve is checked with the signature.
        PublicKey::P256 { x, y } => by_point(&ECDSA_P256_SHA256_FIXED, &[&[4], &x[..], &y[..]].concat()),
        PublicKey::Ed25519(point) => by_point(&ED25519, point),
    };
    verified.is_ok()
}

/// JSON in base64url. A field that occurs twice is an error.
fn decoded<T: DeserializeOwned>(part: &str) -> Result<T, JwtError> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| JwtError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JwtError::Malformed)
}
