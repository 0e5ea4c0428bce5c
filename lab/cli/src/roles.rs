//! Programs that the binary becomes when the lab starts it again: the roles.
//!
//! Every role is started alike. The first line of its standard input is its bootstrap, in JSON; the end of that input is the
//! order to stop, so that no crash of the lab leaves a program behind. SIGTERM and SIGINT are the same order.
//!
//! Sockets that were opened before the program started are taken as systemd hands them over (`LISTEN_FDS`, see sd_listen_fds(3)).

use std::fmt::Display;
use std::io::{self, BufRead, Read};
use std::process::ExitCode;

use hallway_host::{Host, Output, Socket};
use hallway_model::bootstrap::{ControlBootstrap, ProxyBootstrap};
use listenfd::ListenFd;
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The largest bootstrap, in bytes.
const BOOTSTRAP_LIMIT: u64 = 1024 * 1024;

/// The exit code of a role whose bootstrap is unusable: as for everything else that is wrong with what was asked.
const BAD_BOOTSTRAP: u8 = 2;

/// The exit code of a role that cannot do what its bootstrap says: as for everything else that is wrong with the lab.
const FAILED: u8 = 3;

/// The sample service of `services/CONTRACT.md`.
pub(crate) fn service() -> ExitCode {
    run_role(
        |bootstrap: &hallway_service::contract::Bootstrap| bootstrap.seed,
        hallway_service::run,
    )
}

/// A sidecar proxy.
pub(crate) fn proxy() -> ExitCode {
    run_role(|bootstrap: &ProxyBootstrap| bootstrap.seed, hallway_proxy::run)
}

/// The control plane.
pub(crate) fn control_plane() -> ExitCode {
    run_role(
        |bootstrap: &ControlBootstrap| bootstrap.seed,
        hallway_control::run,
    )
}

/// Reads the bootstrap and runs `program` on this machine until it ends by itself or is told to stop.
fn run_role<Bootstrap, Running, Problem>(
    seed: impl FnOnce(&Bootstrap) -> u64,
    program: impl FnOnce(Host, Bootstrap, CancellationToken) -> Running,
) -> ExitCode
where
    Bootstrap: DeserializeOwned,
    Running: Future<Output = Result<(), Problem>>,
    Problem: Display,
{
    let sockets = match inherited_sockets() {
        Ok(sockets) => sockets,
        Err(error) => {
            return failed(
                format_args!("a socket of LISTEN_FDS is unusable: {error}"),
                BAD_BOOTSTRAP,
            );
        }
    };
    let bootstrap: Bootstrap = match read_bootstrap() {
        Ok(bootstrap) => bootstrap,
        Err(error) => {
            return failed(
                format_args!("the bootstrap on standard input is unusable: {error}"),
                BAD_BOOTSTRAP,
            );
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(format_args!("cannot start the runtime: {error}"), FAILED),
    };
    let host = Host::activated(seed(&bootstrap), Output::standard(), sockets);
    let ended = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        host.spawn(cancel_when_told(shutdown.clone()));
        program(host, bootstrap, shutdown).await
    });
    // The thread that reads standard input may wait for ever; it is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error, FAILED),
    }
}

fn inherited_sockets() -> io::Result<Vec<Socket>> {
    let mut inherited = ListenFd::from_env();
    let sockets = (0..inherited.len()).filter_map(|index| inherited.take_tcp_listener(index).transpose());
    sockets.map(|socket| Socket::new(socket?)).collect()
}

fn read_bootstrap<Bootstrap: DeserializeOwned>() -> io::Result<Bootstrap> {
    let mut line = String::new();
    io::stdin().lock().take(BOOTSTRAP_LIMIT).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

async fn cancel_when_told(shutdown: CancellationToken) {
    tokio::select! {
        () = end_of_input() => {}
        () = raised(SignalKind::terminate()) => {}
        () = raised(SignalKind::interrupt()) => {}
    }
    shutdown.cancel();
}

async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut ignored = [0; 1024];
    while input.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
}

async fn raised(kind: SignalKind) {
    let mut signals = signal(kind).expect("a runtime with a driver can listen for this signal");
    signals.recv().await;
}

fn failed(reason: impl Display, code: u8) -> ExitCode {
    eprintln!("error: {reason}");
    ExitCode::from(code)
}
