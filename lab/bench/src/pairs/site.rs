//! Where a pair is made: what its programs are told, and where their files are.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use super::{ANYWHERE, Workshop};
use crate::child::{Child, Program};
use crate::error::BenchError;
use crate::inspection::Relay;
use crate::instructions;
use crate::setup::Setup;

/// Where a pair is made.
pub(super) struct Site<'a> {
    pub(super) workshop: &'a Workshop,
    pub(super) setup: Setup,
    /// What stands between the two sidecars, if anything.
    pub(super) relay: Option<&'a Relay>,
    /// For what these programs read and write.
    pub(super) directory: &'a Path,
    pub(super) application: SocketAddr,
}

impl Site<'_> {
    /// Where the first sidecar finds the second, which listens at `port`.
    pub(super) fn endpoints(&self, port: u16) -> Vec<SocketAddr> {
        match self.relay {
            Some(relay) => {
                relay.lead_to((Ipv4Addr::LOCALHOST, port).into());
                vec![relay.address()]
            }
            None => self
                .setup
                .addresses()
                .map(|address| (address, port).into())
                .collect(),
        }
    }

    /// Writes a file, and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<String, BenchError> {
        let path = self.directory.join(name);
        std::fs::write(&path, text).map_err(BenchError::write(path.clone()))?;
        Ok(path.display().to_string())
    }

    /// Starts a program that is measured.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(&self, program: &Program) -> Result<Child, BenchError> {
        let core = self.workshop.cores.proxies;
        let Some(valgrind) = &self.workshop.callgrind else {
            return self.workshop.starter.start(program, core, self.directory);
        };
        let mut output = OsString::from("--callgrind-out-file=");
        output.push(instructions::output(self.directory));
        let counting = [valgrind.clone().into(), "--tool=callgrind".into(), output];
        let counted = Program {
            name: program.name.clone(),
            command: counting.into_iter().chain(program.command.clone()).collect(),
        };
        self.workshop.starter.start(&counted, core, self.directory)
    }
}

/// A port that was free a moment ago, for programs that do not tell which one they took.
///
/// # Errors
/// When there is none.
pub(super) fn free_port() -> Result<u16, BenchError> {
    let listener = TcpListener::bind(ANYWHERE).and_then(|listener| listener.local_addr());
    Ok(listener.map_err(BenchError::machine("find a free port"))?.port())
}
