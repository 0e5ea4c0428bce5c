//! The whole proxy over real sockets on loopback: [`hallway_proxy::run`] between a small control plane, applications and clients.

mod configurations;
mod first_hop;
mod refusals;
mod retries;
mod support;
mod timeouts;
