//! Connections that wait: each has had one answer, and has nothing more to say.

use std::future::pending;

use hallway_host::Host;

use super::sender::Sender;
use super::{Request, Told};

/// Holds them until the process is killed.
pub(super) async fn run(host: &Host, request: &Request, connections: usize) -> Result<(), String> {
    let mut open = Vec::new();
    for _ in 0..connections {
        // One after the other: a queue of connections that nobody has accepted yet would overflow.
        for mut sender in Sender::connect(host, request, 1).await? {
            sender.exchange().await?;
            open.push(sender);
        }
    }
    host.record(&Told::Begin);
    pending().await
}
