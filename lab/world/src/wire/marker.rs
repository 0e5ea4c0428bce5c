//! Looks for a text in a stream of bytes, however the stream is cut into segments.

/// A streaming search by the method of Knuth, Morris and Pratt: it keeps one number between segments and no bytes.
#[derive(Debug)]
pub(super) struct MarkerSearch {
    marker: Vec<u8>,
    /// For each length of a matched prefix, the longest proper prefix that is also its suffix.
    fallback: Vec<usize>,
    matched: usize,
    found: bool,
}

impl MarkerSearch {
    /// # Panics
    /// When the marker is empty.
    pub(super) fn new(marker: &str) -> Self {
        assert!(!marker.is_empty(), "an empty marker is everywhere");
        let marker = marker.as_bytes().to_vec();
        let mut fallback = vec![0; marker.len()];
        for end in 1..marker.len() {
            fallback[end] = advance(&marker, &fallback, fallback[end - 1], marker[end]);
        }
        Self {
            marker,
            fallback,
            matched: 0,
            found: false,
        }
    }

    /// Whether the marker has been seen, in `segment` or before.
    pub(super) fn seen_in(&mut self, segment: &[u8]) -> bool {
        for &byte in segment {
            if self.found {
                break;
            }
            self.matched = advance(&self.marker, &self.fallback, self.matched, byte);
            self.found = self.matched == self.marker.len();
        }
        self.found
    }
}

/// How much of the marker is matched after `byte`, when `matched` of it was before.
fn advance(marker: &[u8], fallback: &[usize], mut matched: usize, byte: u8) -> usize {
    while matched > 0 && marker[matched] != byte {
        matched = fallback[matched - 1];
    }
    matched + usize::from(marker[matched] == byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::MarkerSearch;

    #[test]
    fn a_marker_is_found_across_segments() {
        let mut search = MarkerSearch::new("abcabd");
        assert!(!search.seen_in(b"GET / abcab"));
        assert!(search.seen_in(b"d HTTP/1.1"));
        assert!(search.seen_in(b"and stays found"));
    }

    proptest! {
        /// Few letters, so that near misses and overlaps are frequent.
        #[test]
        fn it_agrees_with_a_search_in_the_whole(marker in "[ab]{1,6}", segments in prop::collection::vec("[abc]{0,9}", 0..12)) {
            let mut search = MarkerSearch::new(&marker);
            let mut found = false;
            for segment in &segments {
                found = search.seen_in(segment.as_bytes());
            }
            prop_assert_eq!(found, segments.concat().contains(&marker));
        }
    }
}
