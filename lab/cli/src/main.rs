//! The `hallway` binary: the lab's commands, and the roles that it starts again as children.
//!
//! | module | concept |
//! | --- | --- |
//! | `arguments` | the command line |
//! | `commands` | one file per command |
//! | `catalogue` | where the scenarios are |
//! | `conduct` | a scenario and its controls, run and graded |
//! | `progress` | what a person sees meanwhile |
//! | `runtime` | the lab's own runtime, and interrupts |
//! | `roles` | the programs of the mesh: control plane, proxy, service |
//! | `failure` | exit codes, and what is said with them |

mod arguments;
mod catalogue;
mod commands;
mod conduct;
mod failure;
mod progress;
mod roles;
mod runtime;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::catalogue::Catalogue;
use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let catalogue = || Catalogue::find(arguments.scenarios.as_deref());
    let ended = match &arguments.command {
        Some(Command::Service) => return roles::service(),
        Some(Command::Proxy) => return roles::proxy(),
        Some(Command::ControlPlane) => return roles::control_plane(),
        None => catalogue().and_then(|catalogue| commands::grade::grade_all(&catalogue)),
        Some(Command::Run(run)) => catalogue().and_then(|catalogue| commands::run::run(&catalogue, run)),
        Some(Command::Grade(grade)) => {
            catalogue().and_then(|catalogue| commands::grade::grade(&catalogue, grade))
        }
        Some(Command::List) => catalogue().and_then(|catalogue| commands::list::list(&catalogue)),
        Some(Command::Show(show)) => commands::show::show(catalogue, show),
        Some(Command::Check(check)) => commands::check::check(check),
    };
    ended.unwrap_or_else(|failure: Failure| {
        anstream::eprintln!("{failure}");
        failure.code()
    })
}
