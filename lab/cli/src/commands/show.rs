//! `hallway show`: a scenario's lesson and files, a page of the reference, or the schema of scenario files.

use std::path::Path;
use std::process::ExitCode;

use hallway_scenario::Loaded;
use hallway_yaml::suggest;

use crate::arguments::Show;
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::reference::{self, Topic};

/// The word for the JSON Schema of scenario files.
const SCHEMA: &str = "schema";

/// Prints the lesson of a scenario, then the scenario file; or a page of the reference; or the JSON Schema.
pub(crate) fn show(
    catalogue: impl FnOnce() -> Result<Catalogue, Failure>,
    arguments: &Show,
) -> Result<ExitCode, Failure> {
    if let Some(topic) = Topic::named(&arguments.subject) {
        let path = arguments.path.as_deref();
        let page = reference::page(topic, path, arguments.all)?;
        anstream::print!("{page}");
        if let (Topic::Checks, Some(kind)) = (topic, path) {
            // Without scenarios, or with one that somebody is just changing, the page has no example.
            let scenarios = catalogue().and_then(|catalogue| catalogue.all());
            let example = scenarios
                .ok()
                .and_then(|scenarios| reference::example(&scenarios, kind));
            anstream::print!("{}", example.unwrap_or_default());
        }
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.path.is_some() || arguments.all {
        return Err(Failure::input(format_args!(
            "only {} have pages to choose from: write `hallway show {}` alone",
            suggest::all_of(Topic::ALL.map(Topic::name)),
            arguments.subject,
        )));
    }
    if arguments.subject == SCHEMA {
        anstream::println!("{:#}", hallway_scenario::schema::json_schema());
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = catalogue()?.load(&arguments.subject);
    show_scenario(&loaded.map_err(|failure| or_topic(failure, &arguments.subject))?)
}

fn show_scenario(loaded: &Loaded) -> Result<ExitCode, Failure> {
    if let Some(lesson) = &loaded.lesson {
        anstream::println!("{}", read(lesson)?.trim_end());
    }
    let file = loaded.files.path(hallway_scenario::load::SCENARIO_FILE);
    anstream::println!("\n# {}\n\n{}", file.display(), read(&file)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The failure to find a scenario, unless a part of the reference seems to have been meant.
fn or_topic(failure: Failure, subject: &str) -> Failure {
    let words = Topic::ALL.map(Topic::name).into_iter().chain([SCHEMA]);
    match suggest::closest(subject, words) {
        Some(topic) => Failure::input(format_args!(
            "there is no scenario `{subject}`: did you mean `hallway show {topic}`?"
        )),
        None => failure,
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::input(format_args!("cannot read {}: {error}", path.display())))
}
