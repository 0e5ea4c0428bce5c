//! What a schema asks for, as the noun phrases of a reference.

use serde_json::Value;

use crate::outline::{each, is_null};
use crate::validate::expectation;
use crate::{schema, suggest};

/// More words than these are not listed where there is room for a phrase only.
const MOST_WORDS: usize = 8;

/// How the phrase for an enum of a few fields begins.
const ONE_OF_FIELDS: &str = "one of the fields";

/// What is written where `schema` is asked for: `a duration (GEP-2257) such as …`, `a list of 1 to 16 items`, `fields`.
pub(crate) fn phrase(root: &Value, schema: &Value) -> String {
    let schema = schema::resolve(root, schema);
    let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf"));
    match alternatives.and_then(Value::as_array) {
        Some(alternatives) => {
            let real = alternatives.iter().filter(|branch| !is_null(branch));
            phrase_of_alternatives(root, &real.collect::<Vec<_>>())
        }
        None => phrase_of_one(root, schema),
    }
}

/// A default as a file would hold it; nothing if it is an absence itself.
pub(crate) fn default_phrase(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::Array(items) if items.is_empty() => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) => Some(format!(
            "[{}]",
            items.iter().map(word).collect::<Vec<_>>().join(", ")
        )),
        _ => Some(word(value)),
    }
}

/// A value that a schema lists, as a file would hold it.
pub(crate) fn word(value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => value.to_string(),
    }
}

/// The text of a doc comment without its line breaks.
pub(crate) fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn phrase_of_one(root: &Value, schema: &Value) -> String {
    if schema.get("properties").is_some() {
        return "fields".to_owned();
    }
    let types: Vec<&str> = schema::types(schema)
        .into_iter()
        .filter(|name| *name != "null")
        .collect();
    match (types.as_slice(), each(schema)) {
        (["array"], Some(item)) => format!("a list{}{}", items(schema), each_is(root, item)),
        (["object"], Some(value)) => format!("a mapping by name{}", each_is(root, value)),
        (["object"], None) => "a mapping".to_owned(),
        _ => match schema.get("title").and_then(Value::as_str) {
            Some(title) => format!("{title}{}", such_as(schema)),
            None if types == ["integer"] && schema::listed(schema).is_none() => whole_number(schema),
            None => expectation(schema),
        },
    }
}

fn phrase_of_alternatives(root: &Value, alternatives: &[&Value]) -> String {
    if let [only] = alternatives {
        return phrase(root, only);
    }
    let resolved = alternatives.iter().map(|branch| schema::resolve(root, branch));
    let words: Vec<String> = resolved
        .clone()
        .flat_map(|branch| schema::listed(branch).unwrap_or_default())
        .map(word)
        .collect();
    if words.len() == alternatives.len() {
        return match words.len() > MOST_WORDS {
            true => format!("one of {} words", words.len()),
            false => suggest::one_of(words.iter().map(String::as_str)),
        };
    }
    let fields: Vec<&str> = resolved
        .clone()
        .filter_map(|branch| schema::external_tag(branch))
        .map(|(name, _)| name)
        .collect();
    if fields.len() == alternatives.len() {
        return match fields.len() > MOST_WORDS {
            true => format!("one of {} fields", fields.len()),
            false => format!("{ONE_OF_FIELDS} {}", suggest::all_of(fields)),
        };
    }
    let mut phrases: Vec<String> = Vec::new();
    for next in resolved.map(|branch| phrase(root, branch)) {
        if !phrases.contains(&next) {
            phrases.push(next);
        }
    }
    // Where one of them is a list itself, `or` would not tell where it ends.
    let is_list = |phrase: &String| phrase.contains(',') || phrase.starts_with(ONE_OF_FIELDS);
    match phrases.iter().any(is_list) {
        true => phrases.join("; or "),
        false => suggest::in_prose(phrases, "or"),
    }
}

/// ` such as` the first of the examples.
fn such_as(schema: &Value) -> String {
    let example = schema.pointer("/examples/0").map(word);
    example
        .map(|example| format!(" such as `{example}`"))
        .unwrap_or_default()
}

/// `, each a duration`; nothing where there is more to say than a phrase can.
fn each_is(root: &Value, inner: &Value) -> String {
    match phrase(root, inner) {
        fields if fields.starts_with("fields") || fields.contains("one of ") => String::new(),
        value => format!(", each {value}"),
    }
}

/// ` of 1 to 16 items`
fn items(schema: &Value) -> String {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    match (bound("minItems"), bound("maxItems")) {
        (Some(1), Some(1)) => " of one item".to_owned(),
        (Some(least), Some(most)) => format!(" of {least} to {most} items"),
        (Some(1), None) => " of one item or more".to_owned(),
        (Some(least), None) => format!(" of {least} items or more"),
        (None, Some(most)) => format!(" of at most {most} items"),
        (None, None) => String::new(),
    }
}

/// A range that is only that of a Rust type says nothing to a reader.
fn whole_number(schema: &Value) -> String {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let most = bound("maximum").filter(|most| *most < u64::from(u16::MAX));
    match (bound("minimum").unwrap_or(0), most) {
        (0, None) => "a whole number".to_owned(),
        (0, Some(most)) => format!("a whole number up to {most}"),
        (least, None) => format!("a whole number of at least {least}"),
        (least, Some(most)) => format!("a whole number from {least} to {most}"),
    }
}
