//! The `hallway` binary: the lab's commands, and the roles that it starts again as children.
//!
//! | module | concept |
//! | --- | --- |
//! | `arguments` | the command line |
//! | `commands` | one file per command |
//! | `catalogue` | where the scenarios are |
//! | `reference` | what rules, checks and scenario files can hold |
//! | `rules` | rule files, checked before anything is started |
//! | `ground` | where a scenario is asked to run, and whether it can |
//! | `conduct` | scenarios and their controls, run and graded |
//! | `markdown` | lessons for a terminal |
//! | `saved` | files that people save |
//! | `report` | what commands print and write of grades |
//! | `progress` | what a person sees meanwhile |
//! | `next` | what a person may want to type next |
//! | `shell` | words as a shell reads them |
//! | `runtime` | the lab's own runtime, and interrupts |
//! | `roles` | the programs of the mesh: control plane, proxy, service |
//! | `failure` | exit codes, and what is said with them |

mod arguments;
mod catalogue;
mod commands;
mod conduct;
mod failure;
mod ground;
mod markdown;
mod next;
mod progress;
mod reference;
mod report;
mod roles;
mod rules;
mod runtime;
mod saved;
mod shell;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Bench, Command, New};
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
        Some(Command::Learn(learn)) => {
            catalogue().and_then(|catalogue| commands::learn::learn(&catalogue, learn))
        }
        Some(Command::CheckLessons(check)) => {
            catalogue().and_then(|catalogue| commands::check_lessons::check_lessons(&catalogue, check))
        }
        Some(Command::Replay(replay)) => {
            catalogue().and_then(|catalogue| commands::replay::replay(&catalogue, replay))
        }
        Some(Command::Up(up)) => catalogue().and_then(|catalogue| commands::up::up(&catalogue, up)),
        Some(Command::Explore(explore)) => {
            catalogue().and_then(|catalogue| commands::explore::explore(&catalogue, explore))
        }
        Some(Command::Bench(Bench::Simulator(bench))) => commands::bench::simulator::simulator(bench),
        Some(Command::Bench(Bench::Host(bench))) => commands::bench::host::host(bench),
        Some(Command::Bench(Bench::Control(bench))) => commands::bench::control::control(bench),
        Some(Command::Bench(Bench::Lab(bench))) => commands::bench::lab::lab(bench),
        Some(Command::Bench(Bench::Teams(bench))) => {
            catalogue().and_then(|catalogue| commands::bench::teams::teams(&catalogue, bench))
        }
        #[cfg(target_os = "linux")]
        Some(Command::Bench(Bench::Instructions(bench))) => {
            commands::bench::instructions::instructions(bench)
        }
        #[cfg(target_os = "linux")]
        Some(Command::Bench(Bench::Sidecar(bench))) => commands::bench::sidecar::sidecar(bench),
        #[cfg(target_os = "linux")]
        Some(Command::Bench(Bench::Part(part))) => commands::bench::sidecar::part(part),
        Some(Command::List) => catalogue().and_then(|catalogue| commands::list::list(&catalogue)),
        Some(Command::Show(show)) => commands::show::show(catalogue, show),
        Some(Command::New(New::Scenario(new))) => commands::new::scenario(new),
        Some(Command::Book(book)) => commands::book::book(book),
        Some(Command::Doctor(doctor)) => commands::doctor::doctor(catalogue, doctor),
        Some(Command::Check(check)) => commands::check::check(check),
    };
    ended.unwrap_or_else(|failure: Failure| {
        anstream::eprintln!("{failure}");
        failure.code()
    })
}
