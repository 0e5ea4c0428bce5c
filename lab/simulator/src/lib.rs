//! The virtual ground: machines, a network and a clock, simulated deterministically from a seed.
//!
//! Programs that reach the world through [`hallway_host::Host`] run here unmodified, many in one thread, under a clock that jumps from
//! event to event. The same seed gives the same run, event by event and segment by segment ([`Fingerprint`]); only the bytes inside TLS differ.
//!
//! A [`Simulation`] has [`Machine`]s: an address, a kernel and a wall clock each. On a machine run [`Process`]es: tasks, sockets and records,
//! which live and die together. The [`Network`] connects the machines by [`Link`]s, and shows every [`Segment`] to those who watch.
//!
//! - [`simulation`]: builds the runtime and runs an experiment in it
//! - [`machine`] and [`process`]: what programs run on, with the faults that can befall them; `life`: what a program sees until it dies;
//!   `task` wraps what it spawns
//! - [`network`]: how the machines are connected, with its faults; [`link`]: how long a segment takes
//! - [`trace`]: what happened, as events, as segments and as a fingerprint
//! - `clock`: virtual time, and what makes it pass; `queue`: what the network will do, and when; `watchdog`: time that does not pass
//! - `kernel`: the ports of a machine; `listener`: who accepts connections there; `socket`: what programs hold of both
//! - `connection`: one TCP connection as both its kernels see it; `system_call`: what programs ask of it; `transport`: how its segments
//!   travel; `reception`: what they do on arrival
//! - `state`: everything that changes, in one place
//!
//! # Time
//!
//! The clock is tokio's, paused. tokio's timers fire on whole milliseconds from the start, never before their deadline, as they do on a real
//! runtime. The network is finer: the clock also stops at every arrival of a segment, to the nanosecond, so that a link of 0.25 ms takes
//! 0.25 ms. The order at one instant is fixed: programs run until all of them wait; then the network delivers the segments that are
//! due, in the order in which they were sent; programs run again; and only when nothing is due does the clock move, to the next segment or timer.
//! Computing takes no time: a program that is slow because it is busy must say so with a sleep.
//!
//! # What differs from a real network
//!
//! A write is one segment of up to 64 KiB (1,460 bytes where bandwidth is limited). Congestion control is not modelled, the window has a
//! fixed size, and acknowledgements cost nothing. What a partition held back arrives as soon as it is healed, without waiting for the next
//! retransmission. There is no keep-alive: who only reads from a machine that is gone waits for ever, as a program does by default.

#[cfg(not(tokio_unstable))]
compile_error!(
    "hallway-simulator needs `--cfg tokio_unstable`, which .cargo/config.toml sets for the workspace. \
     A RUSTFLAGS variable overrides that file: unset it, or add `--cfg tokio_unstable` to it."
);

mod clock;
mod connection;
mod kernel;
mod life;
pub mod link;
mod listener;
pub mod machine;
pub mod network;
pub mod process;
mod queue;
mod reception;
pub mod simulation;
mod socket;
mod state;
mod system_call;
mod task;
pub mod trace;
mod transport;
mod watchdog;

pub use link::Link;
pub use machine::{Machine, Skew};
pub use network::Network;
pub use process::Process;
pub use simulation::{Options, Simulation};
pub use socket::OpenPort;
pub use trace::{Event, Fingerprint, Happening, Segment, SegmentKind};
