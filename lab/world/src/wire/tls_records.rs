//! Whether a stream of bytes consists of TLS records, without any key. Source: RFC 8446, 5.1.

/// The content type of records that carry application data. TLS 1.3 gives it to everything that is encrypted.
const APPLICATION_DATA: u8 = 23;

/// The most that one record may hold: 2^14 bytes, and 2048 that TLS 1.2 allows for encryption.
const LARGEST: usize = (1 << 14) + 2048;

const HEADER: usize = 5;

/// Reads one direction of a connection, in segments of any size.
#[derive(Debug, Default)]
pub(super) struct TlsRecords {
    header: [u8; HEADER],
    header_length: usize,
    /// What is still to come of the current record.
    remaining: usize,
    application_records: u64,
    broken: bool,
}

impl TlsRecords {
    /// Reads the next bytes.
    pub(super) fn read(&mut self, mut segment: &[u8]) {
        while !self.broken && !segment.is_empty() {
            if self.remaining > 0 {
                let skipped = self.remaining.min(segment.len());
                self.remaining -= skipped;
                segment = &segment[skipped..];
            } else {
                self.read_header(segment[0]);
                segment = &segment[1..];
            }
        }
    }

    /// Whether every byte so far is inside of a TLS record.
    pub(super) fn is_tls(&self) -> bool {
        !self.broken
    }

    /// Records with the type of application data, counted when they begin.
    pub(super) fn application_records(&self) -> u64 {
        self.application_records
    }

    fn read_header(&mut self, byte: u8) {
        self.header[self.header_length] = byte;
        self.header_length += 1;
        self.broken = !match self.header_length {
            1 => (20..=APPLICATION_DATA).contains(&byte),
            2 => byte == 3,
            3 => byte <= 4,
            _ => true,
        };
        if self.header_length < HEADER {
            return;
        }
        let [kind, _, _, high, low] = self.header;
        self.header_length = 0;
        self.remaining = usize::from(u16::from_be_bytes([high, low]));
        self.broken = self.remaining > LARGEST;
        self.application_records += u64::from(kind == APPLICATION_DATA && !self.broken);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::TlsRecords;

    fn record(kind: u8, length: u16) -> Vec<u8> {
        let mut bytes = vec![kind, 3, 3];
        bytes.extend(length.to_be_bytes());
        bytes.resize(bytes.len() + usize::from(length), b'G');
        bytes
    }

    fn read(segments: &[&[u8]]) -> (bool, u64) {
        let mut records = TlsRecords::default();
        for segment in segments {
            records.read(segment);
        }
        (records.is_tls(), records.application_records())
    }

    #[test]
    fn what_is_no_record_is_told_from_its_first_wrong_byte() {
        assert_eq!(read(&[b"GET / HTTP/1.1\r\n"]), (false, 0));
        assert_eq!(read(&[b"G"]), (false, 0));
        assert_eq!(read(&[&record(22, 40), b"GET /"]), (false, 0));
        assert_eq!(
            read(&[&[23, 3, 3, 0xff, 0xff]]),
            (false, 0),
            "a record that is too long"
        );
        assert_eq!(read(&[&[23, 2, 0]]), (false, 0), "SSL 2");
    }

    #[test]
    fn nothing_and_the_beginning_of_a_record_are_not_outside_of_one() {
        assert_eq!(read(&[]), (true, 0));
        assert_eq!(read(&[&[22, 3]]), (true, 0));
        assert_eq!(read(&[&record(23, 9)[..7]]), (true, 1));
    }

    proptest! {
        #[test]
        fn segments_make_no_difference(
            records in prop::collection::vec((20..=23u8, 0..300u16), 0..20),
            spoilt_at in prop::option::of(0..4000usize),
            cuts in prop::collection::vec(1..97usize, 1..400),
        ) {
            let mut bytes: Vec<u8> = records.iter().flat_map(|(kind, length)| record(*kind, *length)).collect();
            if let Some(byte) = spoilt_at.and_then(|at| bytes.get_mut(at)) {
                *byte = b'!';
            }
            let mut segments = Vec::new();
            let mut rest = bytes.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (segment, tail) = rest.split_at((*cut).min(rest.len()));
                segments.push(segment);
                rest = tail;
            }
            prop_assert_eq!(read(&segments), read(&[bytes.as_slice()]));
            if spoilt_at.is_none() {
                let data = records.iter().filter(|(kind, _)| *kind == 23).count();
                prop_assert_eq!(read(&segments), (true, u64::try_from(data).unwrap()));
            }
        }
    }
}
