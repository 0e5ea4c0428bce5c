//! Independent random streams.

use rand::rngs::{SysRng, Xoshiro256PlusPlus};
use rand::{Rng, SeedableRng, TryRng};

/// A random stream: fast, reproducible from its seed on every platform, and not for secrets (keys and tokens come
/// from the TLS provider and from [`entropy`]).
#[derive(Clone, Debug)]
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream of the component `label` under `seed`.
    pub fn derive(seed: u64, label: &str) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed ^ fnv1a(label.as_bytes())))
    }
}

impl TryRng for Random {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill_bytes(destination);
        Ok(())
    }
}

/// Eight bytes of the operating system's entropy.
///
/// # Panics
/// When the operating system has none to give, which no program can mend.
pub fn entropy() -> u64 {
    SysRng
        .try_next_u64()
        .expect("the operating system provides entropy")
}

/// FNV-1a, 64 bits: the standard hasher is not stable between Rust releases, and a seed must replay after an upgrade.
/// Source: <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::Random;

    fn draws(seed: u64, label: &str) -> Vec<u64> {
        let mut random = Random::derive(seed, label);
        (0..4).map(|_| random.next_u64()).collect()
    }

    #[test]
    fn a_seed_and_a_label_fix_the_stream() {
        assert_eq!(draws(1, "retries"), draws(1, "retries"));
        assert_ne!(draws(1, "retries"), draws(2, "retries"));
        assert_ne!(draws(1, "retries"), draws(1, "balancer"));
    }
}
