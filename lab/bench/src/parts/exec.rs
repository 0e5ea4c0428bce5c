//! A program on one core, that dies with the bench, however that dies.
//!
//! A process can give itself to a core and ask to be killed with its parent, and both outlast `exec`; so the binary starts itself,
//! does both, and becomes the program, whichever it is.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{
    Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{CpuSet, sched_setaffinity};

/// What to become, and where.
#[derive(Debug)]
pub struct Exec {
    /// The core.
    pub core: usize,
    /// The process that it dies with.
    pub parent: i32,
    /// The program and its arguments.
    pub command: Vec<OsString>,
}

/// Becomes the program.
///
/// # Errors
/// When it does not: this process goes on.
pub fn exec(exec: &Exec) -> io::Result<Infallible> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Who died before the line above will not be heard of.
    if getppid().map(|parent| parent.as_raw_nonzero().get()) != Some(exec.parent) {
        return Err(io::Error::other("the bench has gone"));
    }
    let mut cores = CpuSet::new();
    cores.set(exec.core);
    sched_setaffinity(None, &cores)?;
    allow_many_connections()?;
    let [program, arguments @ ..] = exec.command.as_slice() else {
        return Err(io::Error::other("no program is named"));
    };
    Err(Command::new(program).args(arguments).exec())
}

/// As many descriptors as the machine lets us have.
fn allow_many_connections() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    Ok(setrlimit(Resource::Nofile, most)?)
}
