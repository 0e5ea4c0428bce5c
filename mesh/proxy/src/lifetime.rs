//! How long a mutual TLS connection may live.
//!
//! Certificates are checked in handshakes only, so a connection that outlived them would make their short lives
//! meaningless. It is retired (no further request, closed when idle) well before the first of both certificates expires,
//! at a random moment so that not all connections are opened anew at once, and cut off shortly before the expiry.
//! The client's side retires earlier than the server's, so that a server seldom closes on a request that is on its way.

use std::ops::Range;
use std::time::SystemTime;

use rand::{Rng, RngExt};
use tokio::time::Instant;

/// The life of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    /// From here on it takes no further request.
    pub(crate) retire_at: Instant,
    /// Here it is cut off, whatever it carries.
    pub(crate) close_at: Instant,
    /// When the first of both certificates expires.
    pub(crate) expires: SystemTime,
}

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Client,
    Server,
}

/// The part of what is left of the certificates after which each side retires a connection.
const CLIENT_RETIRES: Range<f64> = 0.6..0.75;
const SERVER_RETIRES: Range<f64> = 0.8..0.9;

/// The part after which it is cut off: a machine that is busy closes late.
const CUT_OFF: f64 = 0.95;

impl Lifetime {
    /// The life of a connection that is opened `now`, between certificates that expire at `expires`.
    pub(crate) fn new(side: Side, now: SystemTime, expires: SystemTime, random: &mut impl Rng) -> Self {
        let left = expires.duration_since(now).unwrap_or_default();
        let share = random.random_range(match side {
            Side::Client => CLIENT_RETIRES,
            Side::Server => SERVER_RETIRES,
        });
        let opened = Instant::now();
        Self {
            retire_at: opened + left.mul_f64(share),
            close_at: opened + left.mul_f64(CUT_OFF),
            expires,
        }
    }
}

/// Waits until `moment`; forever when there is none.
pub(crate) async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use hallway_host::Random;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_connection_retires_before_it_closes_and_closes_before_the_expiry(left in 100u64..10_000_000, seed: u64) {
            let left = Duration::from_millis(left);
            let mut random = Random::derive(seed, "lifetime");
            let before = Instant::now();
            let client = Lifetime::new(Side::Client, UNIX_EPOCH, UNIX_EPOCH + left, &mut random);
            let server = Lifetime::new(Side::Server, UNIX_EPOCH, UNIX_EPOCH + left, &mut random);
            let after = Instant::now();
            prop_assert!(client.retire_at - before < left.mul_f64(0.76) + (after - before));
            prop_assert!(client.retire_at <= server.retire_at);
            prop_assert!(client.retire_at < client.close_at && server.retire_at < server.close_at);
            prop_assert!(client.close_at < after + left && server.close_at < after + left);
        }
    }

    #[test]
    fn an_expired_certificate_leaves_no_time() {
        let mut random = Random::derive(1, "lifetime");
        let now = UNIX_EPOCH + Duration::from_secs(1);
        let life = Lifetime::new(Side::Client, now, UNIX_EPOCH, &mut random);
        assert!(life.retire_at <= Instant::now() && life.close_at <= Instant::now());
    }
}
