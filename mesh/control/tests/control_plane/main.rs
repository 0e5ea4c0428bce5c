//! The control plane over loopback, with real TLS: what operators and proxies see of it.

mod admin;
mod certificates;
mod discovery;
mod gateways;
mod proxy;
mod rules;
mod support;
