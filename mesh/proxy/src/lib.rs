//! The data plane: one proxy, as a sidecar or as a gateway.
//!
//! [`run`] is a whole proxy. As a sidecar, its application speaks plaintext HTTP to its outbound listener, and its peers speak mutual
//! TLS to its inbound listener. As a gateway, clients outside of the mesh speak HTTPS or HTTP to it. All of them speak HTTP/1.1 or
//! HTTP/2, and peers speak lanes (`hallway-lanes`) with each other. What it does with a request is in `request`, which is the file to read first.
//!
//! A request, from top to bottom:
//! - `outbound`, `inbound`, `gateway`, `listener`: accepted connections and who is there (`downstream`, `peer`)
//! - `request`: the path of a request; `authentication`, `authorization`: whose it is, and whether it may pass; `head` checks its head and writes it anew, `body` holds or streams its body
//! - `attempt`: one attempt, with an `outgoing` request; `connection`, `pool`, `dial`: the connections that attempts use
//! - `response`: the body on its way down, `patience`: how long a connection waits for it; `reply`: answers of the proxy itself
//! - `access`: what is recorded of a request; `journal`: records on their way out; `metrics`: what is counted
//!
//! Below both directions: `transport` (bytes, TLS), `incoming` (bodies, whatever carries them), `http2` and `cork`.
//!
//! What it works on:
//! - `proxy`: what all parts of one proxy share; `worker`: what one thread of it has for itself, `horizon` among it
//! - `configuration`, `cluster`, `front`: the snapshot in force, compiled; `retry_budget`: what a cluster may try again
//!
//! Its own life:
//! - `run`: from the bootstrap to the drain (`workers`, `drain`); `admin`: for operators
//! - `control_plane`: how it speaks to the control plane; `discovery`: configurations; `svid`: its identity
//! - `lifetime`: how long a connection may live; `events`: what ends it from outside; `backoff`, `randomness`, `time`: small tools

mod access;
mod admin;
mod attempt;
mod authentication;
mod authorization;
mod backoff;
mod body;
mod cluster;
mod configuration;
mod connection;
mod control_plane;
mod cork;
mod dial;
mod discovery;
mod downstream;
mod drain;
mod events;
mod front;
mod gateway;
mod head;
mod horizon;
mod http2;
mod inbound;
mod incoming;
mod journal;
mod lifetime;
mod listener;
mod metrics;
mod outbound;
mod outgoing;
mod patience;
mod peer;
mod pool;
mod proxy;
mod randomness;
mod reply;
mod request;
mod response;
mod retry_budget;
mod run;
mod svid;
mod time;
mod transport;
mod worker;
mod workers;

pub use run::{ProxyError, run};
