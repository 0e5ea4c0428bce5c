//! New connections with mutual TLS, each for one request: what a sidecar pays for those that do not stay.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_host::Host;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::sender::exchange_http1;
use super::{Request, closed};
use crate::http1::Connection;
use crate::parts::tls::Files;

pub(super) async fn run(
    host: &Host,
    request: &Request,
    concurrency: usize,
    credentials: &Files,
    warm_up: Duration,
    duration: Duration,
) -> Result<(), String> {
    let mut config = credentials.client_of_anybody()?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let message = request.http1();
    let answers = Cell::new(0);
    let repeat = async |_| -> Result<(), String> {
        loop {
            once(host, &connector, request, &message).await?;
            answers.set(answers.get() + 1);
        }
    };
    let sending = try_join_all((0..concurrency).map(repeat));
    closed::count(host, &answers, sending, warm_up, duration).await
}

async fn once(
    host: &Host,
    connector: &TlsConnector,
    request: &Request,
    message: &[u8],
) -> Result<(), String> {
    let name = ServerName::try_from("server.bench.test").expect("a well-formed name");
    let stream = host.connect(request.target).await;
    let stream = stream.map_err(|error| format!("cannot connect to {}: {error}", request.target))?;
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| format!("no TLS with {}: {error}", request.target))?;
    exchange_http1(&mut Connection::new(stream), message, request.answer).await
}
