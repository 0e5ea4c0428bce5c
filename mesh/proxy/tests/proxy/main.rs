//! The whole proxy over real sockets on loopback: [`hallway_proxy::run`] between a small control plane, applications and clients.

mod first_hop;
mod support;
