//! Connections that wait: each has had one answer, and has nothing more to say.

use std::future::pending;

use hallway_host::Host;

use super::sender::Sender;
use super::{Request, Told};

/// Holds them until the process is killed.
pub(super) async fn run(host: &Host, request: &Request, connections: usize) -> Result<(), String> {
    let mut senders = Sender::connect(host, request, connections).await?;
    for sender in &mut senders {
        sender.exchange().await?;
    }
    host.record(&Told::Begin);
    pending().await
}
