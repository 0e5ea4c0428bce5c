//! What a server has chosen, read from its first record.

use serde::Serialize;

/// What the two ends of a connection agreed on.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Agreement {
    /// The cipher suite, by its name in RFC 8446.
    pub cipher_suite: String,
}

const HANDSHAKE_RECORD: u8 = 22;
const SERVER_HELLO: u8 = 2;
/// The extension that tells TLS 1.3 from its elders, and what it says.
const SUPPORTED_VERSIONS: u16 = 43;
const TLS_1_3: u16 = 0x0304;

/// Reads a ServerHello at the beginning of `bytes` (RFC 8446 §4.1.3, §5.1).
///
/// # Errors
/// In one sentence, what it is instead of one of TLS 1.3.
pub(super) fn parse(bytes: &[u8]) -> Result<Agreement, String> {
    let (suite, version) = chosen(bytes).ok_or("its second sidecar does not begin with a ServerHello")?;
    if version != Some(TLS_1_3) {
        return Err(format!("its sidecars do not speak TLS 1.3, but {version:04x?}"));
    }
    let name = match suite {
        0x1301 => "TLS_AES_128_GCM_SHA256".to_owned(),
        0x1302 => "TLS_AES_256_GCM_SHA384".to_owned(),
        0x1303 => "TLS_CHACHA20_POLY1305_SHA256".to_owned(),
        other => format!("{other:#06x}"),
    };
    Ok(Agreement { cipher_suite: name })
}

/// The cipher suite, and the version by the extension.
fn chosen(bytes: &[u8]) -> Option<(u16, Option<u16>)> {
    let mut record = Reader(bytes);
    (record.byte()? == HANDSHAKE_RECORD).then_some(())?;
    record.take(4)?;
    (record.byte()? == SERVER_HELLO).then_some(())?;
    // Its length, the version as it was called of old, and 32 random bytes.
    record.take(3 + 2 + 32)?;
    let session = record.byte()?;
    record.take(session.into())?;
    let suite = record.short()?;
    record.byte()?;
    let length = record.short()?;
    let mut extensions = Reader(record.take(length.into())?);
    while let Some(kind) = extensions.short() {
        let length = extensions.short()?;
        let mut body = Reader(extensions.take(length.into())?);
        if kind == SUPPORTED_VERSIONS {
            return Some((suite, body.short()));
        }
    }
    Some((suite, None))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().expect("two bytes")))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn hello(suite: [u8; 2], extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([4, 1, 2, 3, 4]);
        body.extend(suite);
        body.push(0);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut bytes = vec![22, 3, 3, 0, (body.len() + 4) as u8, 2, 0, 0, body.len() as u8];
        bytes.extend(body);
        bytes
    }

    #[test]
    fn the_suite_is_read_behind_the_session_id() {
        let key_share_then_version = [0, 51, 0, 2, 0, 29, 0, 43, 0, 2, 3, 4];
        let agreed = parse(&hello([0x13, 1], &key_share_then_version)).expect("TLS 1.3");
        assert_eq!(agreed.cipher_suite, "TLS_AES_128_GCM_SHA256");
    }

    #[test]
    fn other_versions_and_other_bytes_are_told() {
        let elder = parse(&hello([0xc0, 0x2f], &[])).expect_err("TLS 1.2");
        assert!(elder.contains("do not speak TLS 1.3"), "{elder}");
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse(&hello([0x13, 1], &[])[..20]).is_err());
    }
}
