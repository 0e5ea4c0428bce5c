//! The whole proxy over real sockets on loopback: [`hallway_proxy::run`] between a small control plane, applications and clients.

mod admin;
mod authentication;
mod authorization;
mod bodies;
mod configurations;
mod connections;
mod drain;
mod first_hop;
mod gateway;
mod http2;
mod hygiene;
mod limits;
mod peers;
mod redirects;
mod refusals;
mod retries;
mod retry_budgets;
mod splits;
mod support;
mod timeouts;
mod workers;
