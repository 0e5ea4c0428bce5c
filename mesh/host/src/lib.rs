//! The machine a program runs on: sockets, tasks, clocks, randomness and its output.
//!
//! Every program of the mesh and of the lab gets a [`Host`] and reaches the world through nothing else, so that
//! the same code runs as an operating-system process over real sockets and inside a simulation (a [`Ground`]).
//! One enum branch is paid per I/O operation; dynamic dispatch only per connect, listen and spawn.
//!
//! - [`host`]: `Host` itself and the `Ground` trait behind its virtual variant
//! - [`stream`]: a connection; [`listener`]: its accepting side, which is also an `axum` listener
//! - [`task`]: spawned work; [`thread`]: work on a thread of its own
//! - [`random`]: independent random streams, one for each label
//! - [`output`]: the records (JSON lines) that a program leaves behind
//!
//! Monotonic time is `tokio::time` everywhere; wall time is [`Host::wall_clock`].

pub mod host;
pub mod listener;
pub mod output;
pub mod random;
pub mod stream;
pub mod task;
pub mod thread;

pub use host::{Ground, Host};
pub use listener::{Accept, Listener, Socket};
pub use output::Output;
pub use random::Random;
pub use stream::{Io, Stream};
pub use task::Task;
pub use thread::Thread;
