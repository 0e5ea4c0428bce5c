//! `hallway doctor`: what Hallway can use on this machine, what each missing thing costs, and how to install it.
//!
//! - [`languages`]: the runtimes of the sample services, and the scenarios that need them
//! - [`machine`]: the kernel; [`benches`]: the programs that benches use; [`clients`]: clients that nobody here wrote
//! - [`text`]: all of it for people

mod benches;
mod clients;
mod languages;
mod machine;
mod text;

use std::process::ExitCode;

use hallway_grade::report::Styles;
use serde::Serialize;

use self::benches::Peer;
use self::clients::Client;
use self::languages::Language;
use self::machine::Feature;
use crate::arguments::Doctor;
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::{report, runtime};

/// What was found.
#[derive(Debug, Serialize)]
struct Findings {
    /// The version of Hallway.
    version: &'static str,
    /// Whether the default path works: `hallway` without a command. In continuous integration every language belongs to it.
    works: bool,
    languages: Vec<Language>,
    clients: Vec<Client>,
    benches: Vec<Peer>,
    machine: Vec<Feature>,
}

/// Says what is there. The exit code is 1 when the default path does not work; what is optional may be missing.
pub(crate) fn doctor(
    catalogue: impl FnOnce() -> Result<Catalogue, Failure>,
    arguments: &Doctor,
) -> Result<ExitCode, Failure> {
    let catalogue = catalogue()?;
    let scenarios = catalogue.all()?;
    let runtimes = catalogue.languages()?;
    let languages = runtime::run(async |cancel| {
        tokio::select! {
            languages = languages::find(&runtimes, &scenarios) => Ok(languages),
            () = cancel.cancelled() => Err(Failure::Interrupted),
        }
    })??;
    let machine = machine::features();
    let is_complete = languages.iter().all(|language| language.problem.is_none());
    let findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        works: machine.iter().all(Feature::suffices) && (is_complete || !report::in_ci()),
        languages,
        clients: clients::find(),
        benches: benches::find(),
        machine,
    };
    if arguments.json {
        let json = serde_json::to_string_pretty(&findings).expect("findings are plain data");
        anstream::println!("{json}");
    } else {
        anstream::print!("{}", text::text(&findings, &Styles::coloured(), report::in_ci()));
    }
    Ok(ExitCode::from(u8::from(!findings.works)))
}
