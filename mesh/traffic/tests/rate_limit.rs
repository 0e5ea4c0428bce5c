//! Rate limits against a naive reference that keeps a count of tokens for each client, and against what they promise.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use hallway_model::RateLimit;
use hallway_traffic::rate_limit::{Client, RateLimiter, TooMany};
use proptest::prelude::*;

fn limit(clients: &str, requests: u32, interval: Duration) -> RateLimit {
    RateLimit {
        origin: None,
        clients: clients.parse().expect("a block"),
        requests: requests.try_into().expect("at least one"),
        interval,
    }
}

fn client(address: impl Into<IpAddr>, route: &str) -> Client {
    Client {
        address: address.into(),
        route: Arc::from(route),
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_burst_is_allowed_and_then_the_pace_of_the_limit() {
    let mut limiter = RateLimiter::new(&[limit("0.0.0.0/0", 4, SECOND)]);
    let one = client(Ipv4Addr::LOCALHOST, "shop/checkout");
    for _ in 0..4 {
        assert_eq!(limiter.allow(&one, Duration::ZERO), Ok(()));
    }
    let refused = limiter
        .allow(&one, Duration::from_millis(100))
        .expect_err("the burst is used up");
    assert_eq!(refused.retry_after, Duration::from_millis(150));
    assert_eq!(
        limiter.allow(&one, Duration::from_millis(249)).map_err(|_| ()),
        Err(())
    );
    assert_eq!(limiter.allow(&one, Duration::from_millis(250)), Ok(()));
    limiter
        .allow(&one, Duration::from_millis(250))
        .expect_err("that was the one");
}

#[test]
fn addresses_and_routes_are_counted_apart_and_others_are_not_limited() {
    let mut limiter = RateLimiter::new(&[limit("10.0.0.0/8", 1, SECOND)]);
    let near = Ipv4Addr::new(10, 0, 0, 1);
    let mut allowed = |address: IpAddr, route| limiter.allow(&client(address, route), Duration::ZERO).is_ok();
    assert!(allowed(near.into(), "a"));
    assert!(!allowed(near.into(), "a"));
    assert!(allowed(near.into(), "b"));
    assert!(allowed(Ipv4Addr::new(10, 0, 0, 2).into(), "a"));
    for _ in 0..10 {
        assert!(allowed(Ipv4Addr::LOCALHOST.into(), "a"));
        assert!(allowed("2001:db8::1".parse().expect("an address"), "a"));
    }
}

#[test]
fn of_several_limits_all_hold_and_what_one_refuses_costs_the_others_nothing() {
    let minute = limit("0.0.0.0/0", 3, Duration::from_secs(60));
    let second = limit("0.0.0.0/0", 2, SECOND);
    let mut limiter = RateLimiter::new(&[minute.clone(), second.clone()]);
    let one = client(Ipv4Addr::LOCALHOST, "a");
    let mut at = |seconds| limiter.allow(&one, Duration::from_secs(seconds));
    assert_eq!((at(0), at(0)), (Ok(()), Ok(())));
    for _ in 0..5 {
        let refused = at(0).expect_err("two in a second");
        assert_eq!(
            refused,
            TooMany {
                limit: second.clone(),
                retry_after: Duration::from_millis(500)
            }
        );
    }
    assert_eq!(at(1), Ok(()), "the refused ones took nothing of the three");
    let refused = at(1).expect_err("three in a minute");
    assert_eq!(
        refused,
        TooMany {
            limit: minute,
            retry_after: Duration::from_secs(19)
        }
    );
}

#[test]
fn a_clock_that_steps_back_is_taken_for_one_that_stands() {
    let mut limiter = RateLimiter::new(&[limit("0.0.0.0/0", 1, SECOND)]);
    let one = client(Ipv4Addr::LOCALHOST, "a");
    assert_eq!(limiter.allow(&one, Duration::from_secs(10)), Ok(()));
    let refused = limiter
        .allow(&one, Duration::from_secs(5))
        .expect_err("no time has passed");
    assert_eq!(refused.retry_after, SECOND);
    assert_eq!(limiter.allow(&one, Duration::from_secs(11)), Ok(()));
}

/// Tokens of each client, counted in parts: a token is the interval in nanoseconds, and a nanosecond brings one part for each request of the limit.
#[derive(Default)]
struct Naive(BTreeMap<Client, (u128, u128)>);

impl Naive {
    fn allow(&mut self, limit: &RateLimit, client: &Client, now: Duration) -> bool {
        let (token, now) = (limit.interval.as_nanos(), now.as_nanos());
        let full = token * u128::from(limit.requests.get());
        let (parts, since) = self.0.entry(client.clone()).or_insert((full, now));
        *parts = full.min(*parts + (now - *since) * u128::from(limit.requests.get()));
        *since = now;
        if *parts < token {
            return false;
        }
        *parts -= token;
        true
    }
}

proptest! {
    #[test]
    fn a_client_never_makes_more_than_the_burst_and_the_rate_allow(
        requests in 1_u32..7,
        interval in prop::sample::select(vec![1_000_u64, 60_000, 3_600_000]),
        // Who asks, and after how many thousandths of the interval and nanoseconds beside.
        arrivals in prop::collection::vec((0_u32..3, 0_u64..700, 0_u64..3), 1..120),
    ) {
        let interval = Duration::from_millis(interval);
        let limit = limit("0.0.0.0/0", requests, interval);
        let mut limiter = RateLimiter::new(std::slice::from_ref(&limit));
        let mut naive = Naive::default();
        let mut now = Duration::ZERO;
        let mut allowed: BTreeMap<u32, Vec<Duration>> = BTreeMap::new();
        for (number, thousandths, nanoseconds) in arrivals {
            // Mostly close together, so that the limit is reached.
            now += interval * u32::try_from(thousandths / 4).expect("small") / 1000 + Duration::from_nanos(nanoseconds);
            let one = client(Ipv4Addr::from_bits(number), "a");
            let answer = limiter.allow(&one, now);
            prop_assert_eq!(answer.is_ok(), naive.allow(&limit, &one, now));
            match answer {
                Ok(()) => allowed.entry(number).or_default().push(now),
                Err(refused) => {
                    let mut later = limiter.clone();
                    let early = refused.retry_after - Duration::from_nanos(1);
                    prop_assert!(later.allow(&one, now + early).is_err());
                    prop_assert!(later.allow(&one, now + refused.retry_after).is_ok());
                }
            }
        }
        for times in allowed.values() {
            for (first, begin) in times.iter().enumerate() {
                for (last, end) in times.iter().enumerate().skip(first) {
                    let rate_times_time = (*end - *begin).as_nanos() * u128::from(requests) / interval.as_nanos();
                    prop_assert!((last - first + 1) as u128 <= u128::from(requests) + rate_times_time);
                }
            }
        }
    }
}
