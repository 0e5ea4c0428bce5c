//! The data plane: the sidecar proxy.
//!
//! [`run`] is a whole proxy. Its application speaks plaintext HTTP/1.1 to its outbound listener; its peers speak mutual
//! TLS to its inbound listener. What it does with a request is in `request`, which is the file to read first.
//!
//! A request, from top to bottom:
//! - `outbound`, `inbound`, `listener`: accepted connections and who is there (`downstream`)
//! - `request`: the path of a request; `head` checks and rewrites its head, `body` holds or streams its body
//! - `attempt`: one attempt; `connection`, `pool`, `dial`, `transport`: the connections that attempts use
//! - `response`: the body on its way down; `reply`: answers of the proxy itself
//! - `access`: what is recorded of a request; `metrics`: what is counted
//!
//! What it works on:
//! - `proxy`: what all parts of one proxy share; `configuration`, `cluster`: the snapshot in force, compiled
//!
//! Its own life:
//! - `run`: from the bootstrap to the drain (`drain`); `admin`: for operators
//! - `control_plane`: how it speaks to the control plane; `discovery`: configurations; `svid`: its identity
//! - `lifetime`: how long a connection may live; `backoff`, `randomness`, `time`: small tools

mod access;
mod admin;
mod attempt;
mod backoff;
mod body;
mod cluster;
mod configuration;
mod connection;
mod control_plane;
mod dial;
mod discovery;
mod downstream;
mod drain;
mod head;
mod inbound;
mod lifetime;
mod listener;
mod metrics;
mod outbound;
mod pool;
mod proxy;
mod randomness;
mod reply;
mod request;
mod response;
mod run;
mod svid;
mod time;
mod transport;

pub use run::{ProxyError, run};
