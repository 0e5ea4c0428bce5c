//! The runtimes of the sample services, and the scenarios that need them.

use std::iter::once;

use hallway_scenario::Ground;
use hallway_scenario::load::Loaded;
use hallway_scenario::topology::{self, Service};
use hallway_world::Languages;
use hallway_world::languages::least_version;
use serde::Serialize;

/// What was found of a language.
#[derive(Debug, Serialize)]
pub(super) struct Language {
    pub(super) name: String,
    /// The least version that can be used; nothing for Rust, which is part of Hallway.
    pub(super) least: Option<String>,
    /// The version that was found, if it can be used.
    pub(super) version: Option<String>,
    /// Where.
    pub(super) path: Option<String>,
    /// Why it cannot be used.
    pub(super) problem: Option<String>,
    /// What to do about that.
    pub(super) next_step: Option<String>,
    /// The scenarios that cannot run on processes without it.
    pub(super) needed_by: Vec<String>,
    /// The scenarios in which Rust stands in for it.
    pub(super) replaceable_in: Vec<String>,
}

/// Looks for all languages.
pub(super) async fn find(runtimes: &Languages, scenarios: &[Loaded]) -> Vec<Language> {
    let mut found = Vec::new();
    for language in topology::Language::ALL {
        let runtime = runtimes.runtime(language).await;
        let absence = runtime.as_ref().err();
        let usable = runtime.as_ref().ok().and_then(Option::as_ref);
        let (replaceable_in, needed_by) = users(language, scenarios);
        found.push(Language {
            name: language.to_string(),
            least: least_version(language).map(|version| version.to_string()),
            version: usable.map(|runtime| runtime.version.to_string()),
            path: usable.map(|runtime| runtime.path.display().to_string()),
            problem: absence.map(ToString::to_string),
            next_step: absence.map(|absence| absence.next_step()),
            needed_by,
            replaceable_in,
        });
    }
    found
}

/// The scenarios that use `language` on processes: those in which Rust stands in for it wherever they do, and the others.
fn users(language: topology::Language, scenarios: &[Loaded]) -> (Vec<String>, Vec<String>) {
    if language == topology::Language::Rust {
        return (Vec::new(), Vec::new());
    }
    let here = scenarios
        .iter()
        .filter(|loaded| loaded.scenario.grounds.include(Ground::Processes));
    let users = here.filter(|loaded| services_in(language, loaded).next().is_some());
    let (replaceable, needed): (Vec<&Loaded>, Vec<&Loaded>) =
        users.partition(|loaded| services_in(language, loaded).all(|service| service.fallback.is_some()));
    let names = |users: Vec<&Loaded>| users.iter().map(|loaded| loaded.name.clone()).collect();
    (names(replaceable), names(needed))
}

/// The services in `language` of a scenario and of its controls.
fn services_in(language: topology::Language, loaded: &Loaded) -> impl Iterator<Item = &Service> {
    once(&loaded.scenario)
        .chain(loaded.controls.values())
        .flat_map(|scenario| scenario.topology.services.values())
        .filter(move |service| service.language == language)
}
