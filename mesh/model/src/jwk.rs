//! Public keys that tokens are checked with: JSON Web Keys (RFC 7517), as far as this mesh takes them.
//!
//! The key decides the algorithm, and there is one for each kind of key: RSA of at least 2048 bits signs with RS256, the curve P-256 with
//! ES256, Ed25519 with EdDSA (RFC 7518, RFC 8037). What a token says of its algorithm can only agree. A shared secret is no key here:
//! whoever can check a token could make one.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// A public key, with the name that tokens call it by.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct JsonWebKey {
    /// `kid`.
    pub id: Option<String>,
    /// The key itself.
    pub public: PublicKey,
}

/// A public key of one of the kinds that are taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PublicKey {
    /// RSA: modulus and exponent, big-endian without leading zeros.
    Rsa {
        /// The modulus, of 2048 to 8192 bits.
        modulus: Vec<u8>,
        /// The exponent.
        exponent: Vec<u8>,
    },
    /// A point of the curve P-256.
    P256 {
        /// One coordinate, big-endian.
        x: [u8; 32],
        /// The other one.
        y: [u8; 32],
    },
    /// A point of the curve Ed25519, encoded as in RFC 8032.
    Ed25519([u8; 32]),
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JwtAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// Why something is no key that this mesh takes.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum JwkError {
    /// It is no JSON, or no set of keys.
    #[error("this is no JSON Web Key Set: {0}")]
    Set(String),
    /// There are no keys, or more than [`MOST_KEYS`].
    #[error("a set has 1 to {MOST_KEYS} keys, not {0}")]
    Count(usize),
    /// Two keys have one name.
    #[error("two keys are called `{0}`")]
    Duplicate(String),
    /// One key is wrong.
    #[error("{name}: {mistake}")]
    Key {
        /// Which one: `key 1`, or what it is called.
        name: String,
        /// What is wrong with it.
        mistake: String,
    },
}

/// The most keys of one set: each may have to be tried.
pub const MOST_KEYS: usize = 16;

/// The sizes of an RSA modulus, in bytes.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// The parameters that only a private key has (RFC 7518 §6.2.2 and §6.3.2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Reads a JSON Web Key Set.
///
/// # Errors
/// When it is none, or has a key that this mesh does not take.
pub fn parse_set(text: &str) -> Result<Vec<JsonWebKey>, JwkError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Map<String, Value>>,
    }
    let set: Set = serde_json::from_str(text).map_err(|error| JwkError::Set(error.to_string()))?;
    if !(1..=MOST_KEYS).contains(&set.keys.len()) {
        return Err(JwkError::Count(set.keys.len()));
    }
    let mut keys: Vec<JsonWebKey> = Vec::new();
    for (index, parameters) in set.keys.into_iter().enumerate() {
        let name = match parameters.get("kid").and_then(Value::as_str) {
            Some(id) => format!("key `{id}`"),
            None => format!("key {}", index + 1),
        };
        let key = JsonWebKey::try_from(parameters).map_err(|mistake| JwkError::Key { name, mistake })?;
        match &key.id {
            Some(id) if keys.iter().any(|other| other.id.as_ref() == Some(id)) => {
                return Err(JwkError::Duplicate(id.clone()));
            }
            _ => keys.push(key),
        }
    }
    Ok(keys)
}

impl PublicKey {
    /// How whoever has its private half signs.
    pub fn algorithm(&self) -> JwtAlgorithm {
        match self {
            Self::Rsa { .. } => JwtAlgorithm::Rs256,
            Self::P256 { .. } => JwtAlgorithm::Es256,
            Self::Ed25519(_) => JwtAlgorithm::EdDsa,
        }
    }

    fn read(parameters: &Parameters<'_>) -> Result<Self, String> {
        let curve = || parameters.text("crv");
        match parameters.text("kty")? {
            "RSA" => Self::rsa(parameters.bytes("n")?, parameters.bytes("e")?),
            "EC" if curve()? == "P-256" => Ok(Self::P256 {
                x: parameters.array("x")?,
                y: parameters.array("y")?,
            }),
            "OKP" if curve()? == "Ed25519" => Ok(Self::Ed25519(parameters.array("x")?)),
            "EC" | "OKP" => Err(format!(
                "its curve is `{}`; P-256 and Ed25519 are supported",
                curve()?
            )),
            "oct" => Err(
                "it is a shared secret, with which whoever can check tokens can make them; use a public key"
                    .to_owned(),
            ),
            other => Err(format!(
                "its kind `{other}` is not supported; RSA, EC and OKP are"
            )),
        }
    }

    fn rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Result<Self, String> {
        if [&modulus, &exponent]
            .iter()
            .any(|number| number.first() == Some(&0))
        {
            return Err("its numbers begin with zeros".to_owned());
        }
        let bits = modulus
            .first()
            .map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
        if !MODULUS.contains(&modulus.len()) || bits < *MODULUS.start() * 8 {
            return Err(format!("it has {bits} bits; RSA keys have 2048 to 8192"));
        }
        // Whether it is a good exponent is for whoever made the key; these are none.
        let is_odd = exponent.last().is_some_and(|last| last % 2 == 1);
        if !is_odd || exponent == [1] || exponent.len() > 4 {
            return Err("its exponent `e` cannot be one; 65537 (`AQAB`) is usual".to_owned());
        }
        Ok(Self::Rsa { modulus, exponent })
    }
}

impl JwtAlgorithm {
    /// Whether `alg` in a key or a token means this one. RFC 9864 has a name of its own for EdDSA with Ed25519.
    pub fn is_called(self, name: &str) -> bool {
        match self {
            Self::EdDsa => matches!(name, "EdDSA" | "Ed25519"),
            Self::Rs256 | Self::Es256 => name == self.to_string(),
        }
    }
}

impl fmt::Display for JwtAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        })
    }
}

impl TryFrom<Map<String, Value>> for JsonWebKey {
    type Error = String;

    fn try_from(parameters: Map<String, Value>) -> Result<Self, String> {
        if let Some(private) = PRIVATE.iter().find(|name| parameters.contains_key(**name)) {
            return Err(format!(
                "it has its private half (`{private}`); remove that, and replace the key: rules are no place for secrets"
            ));
        }
        let parameters = Parameters(&parameters);
        let public = PublicKey::read(&parameters)?;
        let algorithm = public.algorithm();
        if let Some(name) = parameters
            .optional("alg")?
            .filter(|name| !algorithm.is_called(name))
        {
            return Err(format!(
                "its algorithm is `{name}`; with a key of this kind, {algorithm} is supported"
            ));
        }
        if let Some(purpose) = parameters.optional("use")?.filter(|purpose| *purpose != "sig") {
            return Err(format!(
                "its use is `{purpose}`, and not to check signatures (`sig`)"
            ));
        }
        let id = parameters.optional("kid")?.map(str::to_owned);
        Ok(Self { id, public })
    }
}

impl From<JsonWebKey> for Map<String, Value> {
    fn from(key: JsonWebKey) -> Self {
        let encoded = |bytes: &[u8]| Value::from(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let mut parameters = Map::new();
        let mut put = |name: &str, value: Value| drop(parameters.insert(name.to_owned(), value));
        match &key.public {
            PublicKey::Rsa { modulus, exponent } => {
                put("kty", "RSA".into());
                put("n", encoded(modulus));
                put("e", encoded(exponent));
            }
            PublicKey::P256 { x, y } => {
                put("kty", "EC".into());
                put("crv", "P-256".into());
                put("x", encoded(x));
                put("y", encoded(y));
            }
            PublicKey::Ed25519(x) => {
                put("kty", "OKP".into());
                put("crv", "Ed25519".into());
                put("x", encoded(x));
            }
        }
        if let Some(id) = key.id {
            put("kid", id.into());
        }
        parameters
    }
}

/// The parameters of a key.
struct Parameters<'a>(&'a Map<String, Value>);

impl<'a> Parameters<'a> {
    fn optional(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("its `{name}` is no text")),
        }
    }

    fn text(&self, name: &str) -> Result<&'a str, String> {
        self.optional(name)?.ok_or_else(|| format!("it has no `{name}`"))
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, String> {
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(self.text(name)?);
        decoded.map_err(|error| format!("its `{name}` is no base64url: {error}"))
    }

    fn array(&self, name: &str) -> Result<[u8; 32], String> {
        let bytes = self.bytes(name)?;
        let length = bytes.len();
        bytes
            .try_into()
            .map_err(|_| format!("its `{name}` has {length} bytes, not 32"))
    }
}
