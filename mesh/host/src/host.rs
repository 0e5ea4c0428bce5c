//! What a program gets from the machine it runs on.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde::Serialize;

use crate::{Listener, Output, Random, Socket, Stream, Task, Thread, random};

/// A boxed future, as a [`Ground`] takes and returns it.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The machine a program runs on. Cheap to clone.
#[derive(Clone)]
pub enum Host {
    /// This machine: kernel sockets, the tokio runtime of the caller, the system clock.
    Real(RealHost),
    /// A machine of a virtual ground.
    Virtual(Arc<dyn Ground>),
}

/// This machine.
#[derive(Clone)]
pub struct RealHost {
    seed: u64,
    output: Output,
    /// What was opened for the program before it started.
    inherited: Arc<Mutex<Vec<Socket>>>,
}

/// A virtual machine, as a simulator provides it. One value stands for one machine.
// ANCHOR: ground
pub trait Ground: Send + Sync {
    /// Starts to accept connections at `address`; port 0 takes a free one.
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Listener>>;
    /// Opens a connection to `address`.
    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Stream>>;
    /// Runs `task` until it ends, is aborted, or its machine dies.
    fn spawn(&self, task: BoxFuture<()>) -> Task;
    /// The time of day of this machine, skew included.
    fn wall_clock(&self) -> SystemTime;
    /// The seed from which this machine's random streams derive.
    fn seed(&self) -> u64;
    /// Takes one record (a line of JSON without its newline).
    fn record(&self, line: String);
}
// ANCHOR_END: ground

impl Host {
    /// This machine, with random streams derived from `seed` and records written to `output`.
    pub fn real(seed: u64, output: Output) -> Self {
        Self::activated(seed, output, Vec::new())
    }

    /// This machine, for a program that was started for the sake of `sockets`, which were opened before (socket activation, as systemd has it):
    /// [`Host::listen`] gives each of them at its address, once, with the connections that wait there.
    pub fn activated(seed: u64, output: Output, sockets: Vec<Socket>) -> Self {
        Self::Real(RealHost {
            seed,
            output,
            inherited: Arc::new(Mutex::new(sockets)),
        })
    }

    /// This machine with a seed from the operating system's entropy and no output, for tools and tests.
    pub fn real_unseeded() -> Self {
        Self::real(random::entropy(), Output::discard())
    }

    /// Starts to accept connections at `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// What the machine says: the port is in use, or not ours to take.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        match self {
            Self::Real(host) => match host.inherited(address) {
                Some(socket) => socket.listen(),
                None => Listener::bind(address).await,
            },
            Self::Virtual(ground) => ground.listen(address).await,
        }
    }

    /// Opens a connection to `address`. Nagle's algorithm is off.
    ///
    /// # Errors
    /// What the machine says: refused, unreachable, or timed out.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        match self {
            Self::Real(_) => Stream::dial(address).await,
            Self::Virtual(ground) => ground.connect(address).await,
        }
    }

    /// Runs `task` in the background. It belongs to this machine and ends with it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Task {
        match self {
            Self::Real(_) => Task::start(task),
            Self::Virtual(ground) => ground.spawn(Box::pin(task)),
        }
    }

    /// The time of day, for certificates, logs and `Date` headers; never for measuring how long something took.
    pub fn wall_clock(&self) -> SystemTime {
        match self {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the place that the rest of the code asks"
            )]
            Self::Real(_) => SystemTime::now(),
            Self::Virtual(ground) => ground.wall_clock(),
        }
    }

    /// A random stream of its own for the component `label`: a new draw in one never shifts another.
    pub fn random(&self, label: &str) -> Random {
        let seed = match self {
            Self::Real(host) => host.seed,
            Self::Virtual(ground) => ground.seed(),
        };
        Random::derive(seed, label)
    }

    /// Leaves one record behind: a JSON line that survives this program's death once the call has returned.
    pub fn record(&self, record: &impl Serialize) {
        let mut line = serde_json::to_vec(record).expect("records are plain data with string keys");
        line.push(b'\n');
        self.record_lines(&line);
    }

    /// Leaves several records behind at once: lines of JSON, each with its newline.
    ///
    /// # Panics
    /// When they are no text, as JSON always is.
    pub fn record_lines(&self, lines: &[u8]) {
        match self {
            Self::Real(host) => host.output.write(lines),
            Self::Virtual(ground) => {
                let lines = std::str::from_utf8(lines).expect("JSON is text");
                lines.lines().for_each(|line| ground.record(line.to_owned()));
            }
        }
    }

    /// Runs `work` on a thread of its own, with a tokio runtime of its own.
    ///
    /// # Errors
    /// When the machine gives no thread. A virtual machine has only the one that all of them share.
    pub fn start_thread<Work>(
        &self,
        name: &str,
        work: impl FnOnce() -> Work + Send + 'static,
    ) -> io::Result<Thread>
    where
        Work: Future<Output = ()>,
    {
        match self {
            Self::Real(_) => Thread::start(name, work),
            Self::Virtual(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a virtual machine has one thread",
            )),
        }
    }
}

impl RealHost {
    /// The socket that was opened at `address` before the program started.
    fn inherited(&self, address: SocketAddr) -> Option<Socket> {
        let mut sockets = self.inherited.lock().expect("a look into a list does not panic");
        let is_it = |socket: &Socket| socket.local_address().is_ok_and(|local| local == address);
        let position = sockets.iter().position(is_it)?;
        Some(sockets.swap_remove(position))
    }
}

impl<F> hyper::rt::Executor<F> for Host
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.spawn(future);
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Real(_) => "Host::Real",
            Self::Virtual(_) => "Host::Virtual",
        })
    }
}
