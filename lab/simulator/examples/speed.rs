//! Prints how fast a mesh of 14 machines is simulated: `cargo run --release -p hallway-simulator --example speed`.

use std::time::Duration;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() {
    let lasting = Duration::from_secs(1200);
    #[expect(clippy::disallowed_methods, reason = "it measures real time")]
    let start = std::time::Instant::now();
    let outcome = support::run(1, lasting);
    let wall = start.elapsed();
    println!(
        "{} virtual seconds in {:.2} s: {:.0} per second; {} requests, {} answered, {} segments, {} events",
        lasting.as_secs(),
        wall.as_secs_f64(),
        lasting.as_secs_f64() / wall.as_secs_f64(),
        outcome.records.len(),
        outcome.answered(),
        outcome.fingerprint.segment_count,
        outcome.fingerprint.event_count,
    );
}
