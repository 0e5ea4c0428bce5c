//! Ready-made commands that send requests to a topology that is up: through its gateway, by the rules; and from inside, as the application beside a sidecar.
//! Pure.

mod inside;
mod outside;

use std::collections::BTreeMap;
use std::path::Path;

use hallway_config::Resources;
use hallway_scenario::Scenario;
use hallway_world::up::Places;
use serde::Serialize;

use crate::shell;

/// No more commands are told of each kind: a topology can have hundreds of routes.
const MOST: usize = 12;

/// A ready-made command.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Example {
    /// What it asks for and where that goes, such as `GET https://shop.test/ → storefront`.
    pub(super) title: String,
    /// What to type.
    pub(super) command: String,
}

/// Commands of one kind.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(super) struct Examples {
    /// The first of them.
    pub(super) commands: Vec<Example>,
    /// How many more there are.
    pub(super) more: usize,
    /// How many are left out, by the reason why no command can be made of them.
    pub(super) left_out: BTreeMap<&'static str, usize>,
}

impl Examples {
    /// Through the gateway: one for each port, host name and match of a route. `root` is the file with what its certificates are proved by.
    pub(super) fn outside(
        resources: &Resources,
        scenario: &Scenario,
        places: &Places,
        root: Option<&Path>,
    ) -> Self {
        outside::examples(resources, scenario, places, root)
    }

    /// As the application beside a sidecar: the calls of the topology, and those of the traffic.
    pub(super) fn inside(scenario: &Scenario, places: &Places) -> Self {
        inside::examples(scenario, places)
    }

    fn leave_out(&mut self, why: &'static str) {
        *self.left_out.entry(why).or_default() += 1;
    }

    /// Adds an example, unless it is there already.
    fn add(&mut self, example: Example) {
        if self.commands.iter().any(|known| known.command == example.command) {
            return;
        }
        match self.commands.len() < MOST {
            true => self.commands.push(example),
            false => self.more += 1,
        }
    }
}

/// `curl` with these arguments, and then a URL.
fn curl(arguments: &[String], url: &str) -> String {
    // curl would resolve `..` before it asks.
    let is_as_it_is = ["/./", "/../"].iter().any(|part| url.contains(part));
    let as_it_is = is_as_it_is.then(|| "--path-as-is".to_owned());
    let arguments = as_it_is
        .into_iter()
        .chain(arguments.iter().cloned())
        .chain([url.to_owned()]);
    let quoted = arguments.map(|argument| shell::quoted(&argument));
    std::iter::once("curl".to_owned())
        .chain(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The arguments with which curl uses another method than GET. `HEAD` has no body to wait for, which curl must be told in its own way.
fn method(method: &str) -> Vec<String> {
    match method {
        "GET" => Vec::new(),
        "HEAD" => vec!["--head".to_owned()],
        method => vec!["-X".to_owned(), method.to_owned()],
    }
}

#[cfg(test)]
mod tests;
