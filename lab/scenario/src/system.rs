//! Systems: services and their calls, described once beside the scenarios (`scenarios/city.yaml`), from which topologies take parts.
//!
//! A topology with `from: city` names services of that system. Each has the language and the calls that the system gives it, with whatever the
//! topology says itself in their place. Calls to services that the topology leaves out are left out too, unless `with_callees` takes
//! these in. It is done on the document, before it is read: so what comes from the system has its place there, and the
//! rest of the loader knows nothing of it.

use hallway_yaml::{
    Content, Diagnostic, Diagnostics, Entry, Mapping, Node, Path, SourceFile, parse_one, suggest,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::topology::Language;

/// A system: services that belong together, whoever runs them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Its name, which is that of its file.
    pub system: String,
    /// What it is, in one line.
    pub title: String,
    /// Its services, by name.
    pub services: IndexMap<String, Member>,
}

/// A service of a system.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The team that owns it.
    pub team: String,
    /// The language of its program.
    pub language: Language,
    /// The services of the system that it calls for every request, in this order.
    #[serde(default)]
    pub calls: Vec<String>,
}

impl System {
    /// The services in `names`, and whom they call, and whom those call, in the order in which they are met.
    fn with_callees(&self, names: Vec<String>) -> Vec<String> {
        let mut met = names;
        let mut next = 0;
        while let Some(name) = met.get(next) {
            let calls = self.services.get(name).map_or(&[][..], |member| &member.calls);
            let new: Vec<String> = calls
                .iter()
                .filter(|called| !met.contains(called))
                .cloned()
                .collect();
            met.extend(new);
            next += 1;
        }
        met
    }
}

/// `document` with what its topology takes from a system in its place; as it is when it takes nothing. `read` gives the file of the system of that
/// name.
pub(crate) fn expand(
    document: &Node,
    read: &dyn Fn(&str) -> std::io::Result<SourceFile>,
) -> Result<Node, Diagnostics> {
    let topology = Path::keys(["topology"]);
    let from = document.at(&topology.with("from")).and_then(Node::as_text);
    let services = document.at(&topology.with("services")).and_then(Node::as_mapping);
    let (Some(name), Some(services)) = (from, services) else {
        return Ok(document.clone());
    };
    let (system, described) = read_system(document, name, read)?;
    check_names(name, &system, services)?;
    let named: Vec<String> = services
        .entries()
        .iter()
        .map(|entry| entry.key.name.clone())
        .collect();
    let with_callees = document
        .at(&topology.with("with_callees"))
        .is_some_and(|node| matches!(node.content, Content::Boolean(true)));
    let taken = match with_callees {
        true => system.with_callees(named),
        false => named,
    };
    let described = described
        .get("services")
        .and_then(Node::as_mapping)
        .cloned()
        .unwrap_or_default();
    let entries = taken.iter().filter_map(|name| {
        let member = described.entry(name)?;
        let part = part(&member.value, &taken);
        Some(match services.entry(name) {
            Some(own) => Entry {
                key: own.key.clone(),
                value: part.merge_patch(&own.value),
            },
            None => Entry {
                key: member.key.clone(),
                value: part,
            },
        })
    });
    let entries = Content::Mapping(Mapping::from_unique(entries.collect()));
    Ok(replaced(document, &["topology", "services"], &entries))
}

/// The system `name`, and its document.
fn read_system(
    document: &Node,
    name: &str,
    read: &dyn Fn(&str) -> std::io::Result<SourceFile>,
) -> Result<(System, Node), Diagnostics> {
    let source = read(name).map_err(|error| {
        let span = document.span(&Path::keys(["topology", "from"]));
        let message = format!("there is no system `{name}`: {error}");
        let label = format!("expected the name of a file `{name}.yaml` beside the scenario's directory");
        one(Diagnostic::error(message, span, label))
    })?;
    let described = parse_one(&source)?;
    let system: System = described.decode()?;
    let mut found = Diagnostics::new();
    if system.system != name {
        let message = format!("the system is named `{}`, its file `{name}.yaml`", system.system);
        let span = described.span(&Path::keys(["system"]));
        found.push(Diagnostic::error(message, span, "expected the name of the file"));
    }
    for (caller, member) in &system.services {
        for (index, called) in member.calls.iter().enumerate() {
            if !system.services.contains_key(called) {
                let path = Path::keys(["services", caller, "calls"]).with(index);
                found.push(unknown(&system.system, &system, called, described.span(&path)));
            }
        }
    }
    match found.has_errors() {
        true => Err(found),
        false => Ok((system, described)),
    }
}

/// Every service of the topology must be one of the system.
fn check_names(name: &str, system: &System, services: &Mapping) -> Result<(), Diagnostics> {
    let entries = services.entries().iter();
    let found: Diagnostics = entries
        .filter(|entry| !system.services.contains_key(&entry.key.name))
        .map(|entry| unknown(name, system, &entry.key.name, entry.key.span.clone()))
        .collect();
    match found.has_errors() {
        true => Err(found),
        false => Ok(()),
    }
}

fn unknown(name: &str, system: &System, written: &str, span: hallway_yaml::Span) -> Diagnostic {
    let known = || system.services.keys().map(String::as_str);
    let message = format!("the system `{name}` has no service `{written}`");
    let label = format!("expected {}", suggest::one_of(known()));
    Diagnostic::error(message, span, label).with_help(suggest::did_you_mean(written, known()))
}

/// What a topology takes of a service, when it takes the services `taken`: its language, and its calls to those.
fn part(member: &Node, taken: &[String]) -> Node {
    let entries = member.as_mapping().map_or(&[][..], Mapping::entries).iter();
    let kept = entries.filter(|entry| entry.key.name != "team").map(|entry| {
        let mut entry = entry.clone();
        if let Content::Sequence(calls) = &mut entry.value.content {
            calls.retain(|call| {
                call.as_text()
                    .is_some_and(|called| taken.iter().any(|name| name == called))
            });
        }
        entry
    });
    Node {
        span: member.span.clone(),
        content: Content::Mapping(Mapping::from_unique(kept.collect())),
    }
}

/// `node` with `content` at the end of these keys, which are there.
fn replaced(node: &Node, keys: &[&str], content: &Content) -> Node {
    let content = match keys {
        [] => content.clone(),
        [key, rest @ ..] => {
            let entries = node.as_mapping().map_or(&[][..], Mapping::entries).iter();
            let entries = entries.map(|entry| match entry.key.name == *key {
                true => Entry {
                    key: entry.key.clone(),
                    value: replaced(&entry.value, rest, content),
                },
                false => entry.clone(),
            });
            Content::Mapping(Mapping::from_unique(entries.collect()))
        }
    };
    Node {
        span: node.span.clone(),
        content,
    }
}

fn one(diagnostic: Diagnostic) -> Diagnostics {
    [diagnostic].into_iter().collect()
}
