//! The sample service in Rust, and the types of its contract.
//!
//! `services/CONTRACT.md` says what a sample service does, whatever its language. This is the implementation that runs
//! on every ground: it reaches the world through [`Host`] alone.
//!
//! - [`contract`]: the JSON of the contract, shared with the lab
//! - [`grpc`]: how gRPC puts it into HTTP/2, shared as well; [`payments`]: the gRPC service
//! - [`server`]: accepts connections, serves HTTP/1.1 or HTTP/2 on them, drains and resets them; [`idle`] knows when they are idle
//! - [`application`]: what happens to one request, from its arrival to its answer
//! - [`behaviour`]: decides, when a request arrives, what will happen to it; [`attempts`] counts and [`latency`] draws for it,
//!   and [`validity`] says which behaviours make sense
//! - [`queue`]: who may work, and who waits for it; [`effects`]: what the work leaves behind
//! - [`ledger`]: writes down what arrived and how it ended
//! - [`client`]: calls other services; [`call`] is a call that has been checked
//! - [`control`]: the control endpoint
//! - [`message`]: reading bodies within their limit, and building answers; [`ticks`] are those that are streams of events

pub mod contract;
pub mod grpc;
pub mod payments;

mod application;
mod attempts;
mod behaviour;
mod call;
mod client;
mod control;
mod effects;
mod idle;
mod latency;
mod ledger;
mod message;
mod queue;
mod server;
mod ticks;
mod validity;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hallway_host::{Host, Listener, Random};
use tokio_util::sync::CancellationToken;

use crate::application::Application;
use crate::behaviour::Behaving;
use crate::call::CheckedCall;
use crate::client::Client;
use crate::contract::{Bootstrap, Call, Protocol, Record};
use crate::control::Control;
use crate::effects::Effects;
use crate::ledger::Ledger;
use crate::server::Server;

pub use crate::call::InvalidCall;
pub use crate::validity::InvalidBehaviour;

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// An address could not be listened on.
    #[error("cannot serve the {endpoint} at {address}: {source}; is the port in use?")]
    Listen {
        /// Which of the two endpoints.
        endpoint: &'static str,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the machine said.
        source: io::Error,
    },
    /// A call of the bootstrap cannot be made.
    #[error("the bootstrap asks for a call that cannot be made: {0}")]
    Call(#[from] InvalidCall),
    /// The behaviour of the bootstrap makes no sense.
    #[error("the bootstrap asks for an impossible behaviour: {0}")]
    Behaviour(#[from] InvalidBehaviour),
}

/// Serves until `shutdown` is cancelled, then finishes what is in flight, for at most five seconds.
///
/// # Errors
/// When the bootstrap makes no sense or an address cannot be listened on; never once it serves.
pub async fn run(host: Host, bootstrap: Bootstrap, shutdown: CancellationToken) -> Result<(), ServiceError> {
    let calls = checked(&bootstrap.calls)?;
    let first_calls = checked(&bootstrap.first_calls)?;
    let random = Random::derive(bootstrap.seed, "behaviour");
    let behaving = Arc::new(Behaving::new(bootstrap.behaviour.clone(), random)?);
    let client = Arc::new(Client::new(
        host.clone(),
        bootstrap.proxy,
        bootstrap.addresses.clone(),
    ));

    let (application_listener, application_address) = listen(&host, "application", bootstrap.listen).await?;
    let (control_listener, control_address) =
        listen(&host, "control endpoint", bootstrap.control.listen).await?;

    let control = Arc::new(Control::new(
        bootstrap.control.token.clone(),
        behaving.clone(),
        client.clone(),
    ));
    let application = Arc::new(Application {
        ledger: Ledger::new(host.clone(), &bootstrap),
        service: bootstrap.service,
        version: bootstrap.version,
        instance: bootstrap.instance,
        calls,
        call_order: bootstrap.call_order,
        behaving,
        effects: Effects::default(),
        client,
        stop: shutdown.clone(),
    });

    host.record(&Record::Listening {
        application: application_address,
        control: control_address,
    });
    let server = Server::new(host, shutdown.clone());
    tokio::join!(
        server.serve(application_listener, bootstrap.protocol, application.clone()),
        server.serve(control_listener, Protocol::Http1, control),
        shutdown.run_until_cancelled(application.call_first(&first_calls)),
    );
    server.drained().await;
    Ok(())
}

fn checked(calls: &[Call]) -> Result<Vec<CheckedCall>, InvalidCall> {
    calls.iter().map(CheckedCall::try_from).collect()
}

async fn listen(
    host: &Host,
    endpoint: &'static str,
    address: SocketAddr,
) -> Result<(Listener, SocketAddr), ServiceError> {
    let refused = |source| ServiceError::Listen {
        endpoint,
        address,
        source,
    };
    let listener = host.listen(address).await.map_err(refused)?;
    let taken = listener.local_address().map_err(refused)?;
    Ok((listener, taken))
}
