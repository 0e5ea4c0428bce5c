//! Secrets: whether they are certificates with their keys.

use hallway_yaml::{Diagnostic, Path};

use super::{Checker, Place};
use crate::kind::Kind;
use crate::secret::{SecretError, SecretPart};

impl Checker<'_> {
    pub(super) fn secrets(&mut self) {
        for secret in self.resources.secrets.values() {
            let Err(error) = secret.value.certificate() else {
                continue;
            };
            let field = error.part().field();
            let form = if part_is_in_data(&secret.value.data, error.part()) {
                "data"
            } else {
                "stringData"
            };
            let path = Path::keys([form, field]);
            let place = Place {
                kind: Kind::Secret,
                document: &secret.document,
                path: &path,
            };
            let diagnostic = Diagnostic::error(error.to_string(), secret.document.key_span(&path), "");
            self.report(place, diagnostic.with_help(help(error).to_owned()));
        }
    }
}

fn part_is_in_data(data: &crate::secret::TlsData, part: SecretPart) -> bool {
    match part {
        SecretPart::Certificate => data.certificate.is_some(),
        SecretPart::Key => data.key.is_some(),
    }
}

fn help(error: SecretError) -> &'static str {
    match error {
        SecretError::Missing(_) => {
            "write both `tls.crt` and `tls.key`: in base64 under `data`, or as they are under `stringData`"
        }
        SecretError::Twice(_) => "keep one of the two",
        SecretError::Base64(_) => "encode it, or write it as it is under `stringData`",
        SecretError::Pem(_) => "write PEM: from `-----BEGIN …-----` to `-----END …-----`, with line breaks",
        SecretError::Unusable(_) => "use X.509, with a key of RSA, of ECDSA (P-256 or P-384) or of Ed25519",
        SecretError::Mismatch => "write the key that the first certificate was issued for",
    }
}
