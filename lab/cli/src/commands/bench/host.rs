//! `hallway bench host`: what the seam under every program costs on real sockets.
//!
//! The same round trips over the loopback device, once with tokio's own sockets and once through [`Host`], where each read and write
//! takes one branch more (real or virtual). Both ends run in one thread, whose CPU time is measured, the kernel's part included. All take
//! turns, so that they meet the same disturbances; a second connection of tokio's own sockets shows how much two equal things differ.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use hallway_host::Host;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
#[expect(clippy::disallowed_types, reason = "what the seam is compared with")]
use tokio::net::{TcpListener, TcpStream};

use crate::arguments::BenchHost;
use crate::failure::Failure;

/// How often each connection has its turn.
const TURNS: usize = 40;
/// The round trips of one turn.
const ROUND_TRIPS: u32 = 5_000;
/// A small request's worth of bytes.
const MESSAGE: usize = 256;
/// Any free port of this machine.
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What was measured, in nanoseconds of CPU time per round trip (two writes and two reads).
#[derive(Debug, Serialize)]
struct Measured {
    sockets: Spread,
    /// The same again.
    other_sockets: Spread,
    host: Spread,
}

/// The middle of all turns, and the quarters around it.
#[derive(Debug, Serialize)]
struct Spread {
    lower_quartile: f64,
    median: f64,
    upper_quartile: f64,
}

/// Measures, and prints words or JSON.
pub(crate) fn host(arguments: &BenchHost) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::lab(format_args!("cannot start the runtime: {error}")))?;
    let measured = runtime
        .block_on(measure())
        .map_err(|error| Failure::lab(format_args!("cannot measure: {error}")))?;
    if arguments.json {
        let text = serde_json::to_string_pretty(&measured).expect("figures are plain data");
        anstream::println!("{text}");
    } else {
        anstream::println!("CPU time of a round trip, both ends, over {TURNS} turns of {ROUND_TRIPS}\n");
        for (name, spread) in [
            ("tokio's sockets", &measured.sockets),
            ("the same again", &measured.other_sockets),
            ("through Host", &measured.host),
        ] {
            let difference = (spread.median / measured.sockets.median - 1.0) * 100.0;
            anstream::println!(
                "  {name:<16} {:>8.0} ns   {difference:>+6.2}%   (half of the turns: {:.0} to {:.0})",
                spread.median,
                spread.lower_quartile,
                spread.upper_quartile
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure() -> std::io::Result<Measured> {
    let (mut one, mut other, mut host) = (sockets().await?, sockets().await?, through_host().await?);
    let mut turns = [Vec::new(), Vec::new(), Vec::new()];
    for turn in 0..=TURNS {
        for place in 0..3 {
            // Nobody is always the first.
            let whose = (turn + place) % 3;
            let took = match whose {
                0 => turn_of(&mut one).await?,
                1 => turn_of(&mut other).await?,
                _ => turn_of(&mut host).await?,
            };
            // The first turn warms up.
            if turn > 0 {
                turns[whose].push(took);
            }
        }
    }
    let [sockets, other_sockets, host] = turns.map(Spread::of);
    Ok(Measured {
        sockets,
        other_sockets,
        host,
    })
}

/// A connection of tokio's own sockets.
#[expect(clippy::disallowed_types, reason = "what the seam is compared with")]
async fn sockets() -> std::io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(ANYWHERE).await?;
    let (client, accepted) = tokio::try_join!(TcpStream::connect(listener.local_addr()?), listener.accept())?;
    client.set_nodelay(true)?;
    accepted.0.set_nodelay(true)?;
    Ok((client, accepted.0))
}

/// A connection as programs of the mesh have it.
async fn through_host() -> std::io::Result<(hallway_host::Stream, hallway_host::Stream)> {
    let host = Host::real_unseeded();
    let mut listener = host.listen(ANYWHERE).await?;
    let client = host.connect(listener.local_address()?).await?;
    Ok((client, listener.accept().await.0))
}

/// Nanoseconds of CPU time per round trip.
async fn turn_of<Io: AsyncRead + AsyncWrite + Unpin>(
    (client, server): &mut (Io, Io),
) -> std::io::Result<f64> {
    let (mut there, mut back) = ([1; MESSAGE], [0; MESSAGE]);
    let started = cpu_nanoseconds();
    for _ in 0..ROUND_TRIPS {
        client.write_all(&there).await?;
        server.read_exact(&mut back).await?;
        server.write_all(&back).await?;
        client.read_exact(&mut there).await?;
    }
    Ok((cpu_nanoseconds() - started) / f64::from(ROUND_TRIPS))
}

/// The CPU time of this thread so far.
fn cpu_nanoseconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

impl Spread {
    fn of(mut turns: Vec<f64>) -> Self {
        turns.sort_by(f64::total_cmp);
        let quarter = |quarters: usize| turns[(turns.len() - 1) * quarters / 4];
        Self {
            lower_quartile: quarter(1),
            median: quarter(2),
            upper_quartile: quarter(3),
        }
    }
}
