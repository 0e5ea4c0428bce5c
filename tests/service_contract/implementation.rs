//! The implementations, and how each is started.

use std::fmt;
use std::process::Stdio;

use tokio::process::Command;

use crate::own_retries::{self, Policy};
use crate::{Failure, fail};

/// A sample service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Implementation {
    Rust,
    Python,
}

impl Implementation {
    pub(crate) const ALL: [Self; 2] = [Self::Rust, Self::Python];

    /// The command that runs it.
    pub(crate) fn command(self) -> Command {
        match self {
            Self::Rust => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_hallway"));
                command.arg("service");
                command
            }
            Self::Python => {
                let mut command = Command::new("python3");
                command.arg(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/../../services/python/service.py"
                ));
                command
            }
        }
    }

    /// Whether it has the optional group of HTTP/2 and gRPC.
    pub(crate) fn has_http2(self) -> bool {
        match self {
            Self::Rust => true,
            Self::Python => false,
        }
    }

    /// What its team's own retries do, if it has that optional group.
    pub(crate) fn own_retries(self) -> Option<Policy> {
        own_retries::policy(&self.to_string())
    }

    /// Whether what it needs is installed here.
    pub(crate) async fn runtime(self) -> Result<(), Failure> {
        let program = match self {
            Self::Rust => return Ok(()),
            Self::Python => "python3",
        };
        let mut version = Command::new(program);
        version
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match version.status().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => fail(format!("`{program} --version` ended with {status}")),
            Err(error) => fail(format!("`{program}` cannot be started: {error}")),
        }
    }
}

impl fmt::Display for Implementation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Rust => "rust",
            Self::Python => "python",
        })
    }
}
