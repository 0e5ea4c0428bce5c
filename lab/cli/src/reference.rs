//! The reference: what rules, checks and scenario files can hold. Its source is the JSON Schemas that files are validated against.
//!
//! | module | concept |
//! | --- | --- |
//! | `topic` | what can be looked up, and the schema that knows it |
//! | `render` | an outline as text |
//! | `example` | a check as a scenario uses it |

mod example;
mod render;
mod topic;

pub(crate) use example::example;
pub(crate) use topic::Topic;

use hallway_yaml::suggest;

use crate::failure::Failure;
use render::{Section, kinds};

/// The page about `path`, or about all of `topic`; with `all`, about everything below it too.
///
/// # Errors
/// [`Failure::Input`] when `path` leads nowhere, with the nearest name that does.
pub(crate) fn page(topic: Topic, path: Option<&str>, all: bool) -> Result<String, Failure> {
    let names: Vec<&str> = path.map(steps).unwrap_or_default();
    let (kind, names) = match (topic, names.split_first()) {
        (Topic::Rules, None) => return Ok(kinds()),
        (Topic::Rules, Some((name, rest))) => (Some(topic::kind(name)?), rest.to_vec()),
        (_, _) => (None, names),
    };
    let schema = topic.schema(kind);
    let mut section = Section::beginning(topic, kind, &schema);
    for name in names {
        section = section.inside(name).map_err(|unknown| {
            let hint = suggest::did_you_mean(name, unknown.known.iter().map(String::as_str));
            Failure::input(format_args!(
                "{} has no field `{name}`{}\n`{}` shows what it has",
                section.title(),
                hint.map(|hint| format!(": {hint}")).unwrap_or_default(),
                section.command(),
            ))
        })?;
    }
    Ok(section.page(all))
}

/// The names in `HTTPRoute.spec.rules[0].retry`, as diagnostics and people write it.
fn steps(path: &str) -> Vec<&str> {
    path.split('.')
        .map(|step| step.split('[').next().unwrap_or(step))
        .filter(|step| !step.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
