//! The processes of its own that a bench consists of: the binary starts itself again as each of them.
//!
//! - [`exec`]: a program on one core, that dies with the bench
//! - [`application`]: whom requests are for
//! - [`load`]: who sends them
//! - [`splice`]: what carries bytes and does nothing else: the limit of what a proxy can reach
//!
//! All but the first are told what to do by a line of JSON on standard input.

pub(crate) mod application;
mod exec;
pub(crate) mod load;
pub(crate) mod splice;

use std::io::{self, BufRead, Read};

pub use exec::{Exec, exec};
use hallway_host::{Host, Output};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The largest order, in bytes.
const ORDER_LIMIT: u64 = 64 * 1024;

/// What the process is to be.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    Application(application::Application),
    Load(load::Load),
    Splice(splice::Splice),
}

/// What an application or a splice says first.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Listening {
    pub(crate) listening: std::net::SocketAddr,
}

/// Reads an order from standard input and carries it out, for as long as it takes.
///
/// # Errors
/// In one sentence, why it could not be carried out.
pub fn play() -> Result<(), String> {
    let part: Part =
        read_order().map_err(|error| format!("the order on standard input is unusable: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let host = Host::real(0, Output::standard());
    runtime.block_on(async {
        match part {
            Part::Application(application) => application::serve(host, application).await,
            Part::Load(load) => load::run(host, load).await,
            Part::Splice(splice) => splice::serve(host, splice).await,
        }
    })
}

fn read_order<T: DeserializeOwned>() -> io::Result<T> {
    let mut line = String::new();
    io::stdin().lock().take(ORDER_LIMIT).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
