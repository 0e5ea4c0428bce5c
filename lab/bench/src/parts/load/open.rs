//! Open loop: requests at a fixed rate. Who is late pays for it: latency counts from when a request should have been sent, also when it had
//! to wait for a sender.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_host::Host;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::sender::Sender;
use super::ticker::tickets;
use super::{Latencies, Request, Told};
use crate::statistics::quantile;

/// How many requests can be under way.
const SENDERS: usize = 64;
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(host: &Host, request: &Request, rate: u32, duration: Duration) -> Result<(), String> {
    let mut senders = Sender::connect(host, request, SENDERS).await?;
    for sender in &mut senders {
        sender.exchange().await?;
    }
    let requests = (duration.as_secs_f64() * f64::from(rate)).max(1.0) as u32;
    let tickets = Mutex::new(tickets(Duration::from_secs(1) / rate, requests));
    let latencies = RefCell::new(Vec::with_capacity(requests as usize));
    let serve = async |sender: &mut Sender| -> Result<(), String> {
        loop {
            let ticket = tickets.lock().await.recv().await;
            let Some(intended) = ticket else { return Ok(()) };
            sender.exchange().await?;
            let latency = Instant::now().saturating_duration_since(intended);
            latencies.borrow_mut().push(latency);
        }
    };
    timeout(duration + PATIENCE, try_join_all(senders.iter_mut().map(serve)))
        .await
        .map_err(|_| format!("{rate} requests per second are too many: answers are still missing"))??;
    host.record(&Told::Latencies(quantiles(latencies.into_inner())));
    Ok(())
}

fn quantiles(mut latencies: Vec<Duration>) -> Latencies {
    latencies.sort_unstable();
    let of = |share| quantile(&latencies, share).expect("at least one request was sent");
    Latencies {
        p50: of(0.5),
        p90: of(0.9),
        p99: of(0.99),
    }
}
