//! How many requests a client may make: a token bucket for each client.
//!
//! A bucket holds as many tokens as the limit allows requests, is full in the beginning, and gets as many again over the interval, at an even
//! pace. A request takes one token, or is refused. So in any span of time a client makes at most the burst, and the rate times the time. This is
//! Envoy's local rate limit
//! (<https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter>) as Envoy Gateway sets it up.
//!
//! A full bucket is as good as none, so only clients are remembered that have made requests a short while ago: at most [`MOST_CLIENTS`] for
//! each limit. When there would be more, the one with the fullest bucket is forgotten and may begin anew. To refuse the newcomer instead
//! would let whoever has many addresses lock everybody else out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hallway_model::RateLimit;

/// How many clients are remembered for each limit: about 12 MiB.
pub const MOST_CLIENTS: usize = 65_536;

/// What is counted apart from others: an address, at one route. As in Envoy Gateway, each route has counters of its own.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Client {
    /// The address; an IPv4 address not in the form of an IPv6 one.
    pub address: IpAddr,
    /// The route.
    pub route: Arc<str>,
}

/// Limits, all of which hold.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    buckets: Vec<Buckets>,
}

/// A client has made as many requests as it may.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TooMany {
    /// The limit that refuses it; of several, the one that does for longest.
    pub limit: RateLimit,
    /// When it allows the next request.
    pub retry_after: Duration,
}

/// The buckets of one limit. Times are in parts of a nanosecond, as many as the limit allows requests: so nothing has to be rounded.
#[derive(Clone, Debug)]
struct Buckets {
    limit: RateLimit,
    most_clients: usize,
    /// The latest time that it was told: an earlier one is taken for this one.
    now: u128,
    /// When each bucket is full again.
    full_at: BTreeMap<Client, u128>,
    /// The same, the fullest first.
    by_time: BTreeSet<(u128, Client)>,
}

impl RateLimiter {
    /// Limits that nobody has drawn on.
    pub fn new(limits: &[RateLimit]) -> Self {
        Self::remembering(limits, MOST_CLIENTS)
    }

    fn remembering(limits: &[RateLimit], most_clients: usize) -> Self {
        let buckets = limits.iter().map(|limit| Buckets {
            limit: limit.clone(),
            most_clients,
            now: 0,
            full_at: BTreeMap::new(),
            by_time: BTreeSet::new(),
        });
        Self {
            buckets: buckets.collect(),
        }
    }

    /// Whether `client` may make a request at `now`, which is counted from a moment that the owner chooses. A request that is refused counts
    /// nowhere.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn allow(&mut self, client: &Client, now: Duration) -> Result<(), TooMany> {
        let concerned = |buckets: &&mut Buckets| buckets.limit.clients.contains(client.address);
        let waits = self.buckets.iter_mut().filter(concerned).filter_map(|buckets| {
            let retry_after = buckets.wait(client, now)?;
            let limit = buckets.limit.clone();
            Some(TooMany { limit, retry_after })
        });
        if let Some(refused) = waits.max_by_key(|refused| refused.retry_after) {
            return Err(refused);
        }
        for buckets in self.buckets.iter_mut().filter(concerned) {
            buckets.take(client);
        }
        Ok(())
    }
}

impl Buckets {
    /// How long it takes until `client` has a token; `None` when it has one.
    fn wait(&mut self, client: &Client, now: Duration) -> Option<Duration> {
        self.now = self.now.max(now.as_nanos() * self.requests());
        while let Some((full_at, _)) = self.by_time.first()
            && *full_at <= self.now
        {
            self.forget_first();
        }
        let full_at = self.full_at.get(client).copied().unwrap_or(self.now);
        let capacity = self.token() * self.requests();
        let missing = (full_at - self.now + self.token()).checked_sub(capacity)?;
        if missing == 0 {
            return None;
        }
        let nanoseconds = missing.div_ceil(self.requests());
        Some(Duration::from_nanos(nanoseconds.try_into().unwrap_or(u64::MAX)))
    }

    /// Takes a token that is there.
    fn take(&mut self, client: &Client) {
        let known = self.full_at.remove(client);
        if let Some(full_at) = known {
            self.by_time.remove(&(full_at, client.clone()));
        }
        if self.full_at.len() >= self.most_clients {
            self.forget_first();
        }
        let full_at = known.unwrap_or(self.now) + self.token();
        self.full_at.insert(client.clone(), full_at);
        self.by_time.insert((full_at, client.clone()));
    }

    fn forget_first(&mut self) {
        if let Some((_, client)) = self.by_time.pop_first() {
            self.full_at.remove(&client);
        }
    }

    fn requests(&self) -> u128 {
        u128::from(self.limit.requests.get())
    }

    /// How long it takes to fill in a token.
    fn token(&self) -> u128 {
        self.limit.interval.as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use hallway_model::RateLimit;

    use super::{Client, RateLimiter};

    fn limit(requests: u32) -> RateLimit {
        RateLimit {
            origin: None,
            clients: "0.0.0.0/0".parse().expect("a block"),
            requests: requests.try_into().expect("at least one"),
            interval: Duration::from_secs(1),
        }
    }

    fn client(number: u32) -> Client {
        Client {
            address: Ipv4Addr::from_bits(number).into(),
            route: "shop/checkout".into(),
        }
    }

    #[test]
    fn memory_is_bounded_and_the_fullest_bucket_goes_first() {
        let mut limiter = RateLimiter::remembering(&[limit(2)], 3);
        let now = Duration::ZERO;
        for number in [1, 1, 2, 2, 3] {
            limiter.allow(&client(number), now).expect("two each");
        }
        limiter.allow(&client(4), now).expect("a newcomer is served");
        assert_eq!(limiter.buckets[0].full_at.len(), 3);
        assert_eq!(limiter.buckets[0].by_time.len(), 3);
        for number in [1, 2] {
            limiter.allow(&client(number), now).expect_err("it is remembered");
        }
        for _ in 0..2 {
            limiter
                .allow(&client(3), now)
                .expect("it was forgotten, having had the fullest bucket");
        }
    }

    #[test]
    fn clients_whose_buckets_are_full_are_forgotten() {
        let mut limiter = RateLimiter::new(&[limit(10)]);
        for number in 0..1000 {
            limiter.allow(&client(number), Duration::ZERO).expect("the first");
        }
        assert_eq!(limiter.buckets[0].full_at.len(), 1000);
        limiter
            .allow(&client(2000), Duration::from_millis(100))
            .expect("the first");
        assert_eq!(limiter.buckets[0].full_at.len(), 1);
        assert_eq!(limiter.buckets[0].by_time.len(), 1);
    }
}
