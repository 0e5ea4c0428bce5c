//! Which workload holds each certificate that is still good. Replicas share an identity, so a certificate does not say it,
//! and the one of a replica that is gone must not live on by the right of the others.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// The certificates by serial number, until they expire.
#[derive(Default)]
pub(crate) struct IssuedCertificates {
    holders: BTreeMap<String, Holder>,
}

struct Holder {
    workload: String,
    expires: SystemTime,
    gone: bool,
}

impl IssuedCertificates {
    /// Notes that `workload` holds the certificate `serial`, unless another is known to, and forgets those that have expired.
    pub(crate) fn note(&mut self, serial: &str, workload: &str, expires: SystemTime, now: SystemTime) {
        self.holders.retain(|_, holder| holder.expires >= now);
        let holder = Holder {
            workload: workload.to_owned(),
            expires,
            gone: false,
        };
        self.holders.entry(serial.to_owned()).or_insert(holder);
    }

    /// Notes that `workload` is gone, and with it the right to use its certificates.
    pub(crate) fn void(&mut self, workload: &str) {
        let held = self
            .holders
            .values_mut()
            .filter(|holder| holder.workload == workload);
        held.for_each(|holder| holder.gone = true);
    }

    /// Whether the workload that held the certificate is gone. One that is not known was issued by an earlier start of this
    /// control plane.
    pub(crate) fn is_void(&self, serial: &str) -> bool {
        self.holders.get(serial).is_some_and(|holder| holder.gone)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::IssuedCertificates;

    #[test]
    fn the_certificates_of_who_is_gone_are_void_and_forgotten_when_they_expire() {
        let at = |second: u64| UNIX_EPOCH + Duration::from_secs(second);
        let mut issued = IssuedCertificates::default();
        issued.note("01", "orders-1", at(10), at(0));
        issued.note("02", "orders-1", at(15), at(5));
        issued.note("03", "orders-2", at(15), at(5));
        issued.note("03", "orders-1", at(15), at(5));
        issued.void("orders-1");
        issued.note("04", "orders-1", at(20), at(10));
        let void =
            |issued: &IssuedCertificates| ["01", "02", "03", "04", "05"].map(|serial| issued.is_void(serial));
        assert_eq!(void(&issued), [true, true, false, false, false]);
        issued.note("05", "orders-1", at(30), at(16));
        assert_eq!(issued.holders.keys().collect::<Vec<_>>(), ["04", "05"]);
    }
}
