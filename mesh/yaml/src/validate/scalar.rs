//! Single values: their types, the values that are listed, patterns, lengths and ranges; and what messages call them.

use regex::RegexBuilder;
use serde_json::{Number, Value};

use super::Validator;
use crate::diagnostic::Diagnostic;
use crate::node::{Content, Node};
use crate::{schema, suggest};

/// Found text is quoted in messages up to this many characters.
const QUOTED: usize = 60;

impl<'s> Validator<'s> {
    /// Checks a value that has one of the types of `schema`.
    pub(super) fn check_scalar(&mut self, node: &Node, schema: &'s Value) {
        if let Some(listed) = schema::listed(schema)
            && !listed.contains(&&node.to_json())
        {
            return self.unknown_value(node, schema, &listed);
        }
        let holds = match &node.content {
            Content::Text(text) => matches_text(text, schema),
            Content::Number(number) => in_range(number, schema),
            _ => true,
        };
        if !holds {
            let expected = expectation(schema);
            let message = format!("{} must be {expected}, not {}", self.path.subject(), found(node));
            self.report(Diagnostic::error(
                message,
                node.head(),
                format!("expected {expected}"),
            ));
        }
    }

    /// `node` is none of the values `listed` by `schema`.
    pub(super) fn unknown_value(&mut self, node: &Node, schema: &'s Value, listed: &[&Value]) {
        if let Some(name) = node.as_text()
            && let Some(reason) = schema::unsupported(self.root, schema, name)
        {
            return self.unsupported(name, node.head(), reason);
        }
        let names: Vec<String> = listed
            .iter()
            .filter(|value| !value.is_null())
            .map(|value| plain(value))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let written = node.as_text().unwrap_or_default();
        let message = format!(
            "unknown value {} for {}",
            quoted(&plain(&node.to_json())),
            self.path.subject()
        );
        let diagnostic = Diagnostic::error(
            message,
            node.head(),
            format!("expected {}", suggest::one_of(names.clone())),
        );
        self.report(diagnostic.with_help(suggest::did_you_mean(written, names)));
    }
}

/// Whether the node has one of the types that the schema names; a schema that names none takes all.
pub(super) fn has_type(node: &Node, schema: &Value) -> bool {
    let types = schema::types(schema);
    let has = |name: &&str| match &node.content {
        Content::Null => *name == "null",
        Content::Boolean(_) => *name == "boolean",
        Content::Number(number) => *name == "number" || *name == "integer" && !number.is_f64(),
        Content::Text(_) => *name == "string",
        Content::Sequence(_) => *name == "array",
        Content::Mapping(_) => *name == "object",
    };
    types.is_empty() || types.iter().any(has)
}

/// What the schema asks for, as a noun phrase: its title, or its description where a pattern needs one, or its type.
pub(crate) fn expectation(schema: &Value) -> String {
    let words = |name: &str| schema.get(name).and_then(Value::as_str);
    let types: Vec<&str> = schema::types(schema)
        .into_iter()
        .filter(|name| *name != "null")
        .collect();
    let of_type = || suggest::in_prose(types.iter().map(|name| type_phrase(name, schema)), "or");
    let is_object = types == ["object"];
    match (words("title"), words("pattern"), words("description")) {
        (Some(title), ..) if !is_object => title.to_owned() + &examples(schema),
        (_, Some(_), Some(description)) => first_sentence(description) + &examples(schema),
        (_, Some(pattern), None) => format!("text that matches `{pattern}`") + &examples(schema),
        _ => match schema::listed(schema) {
            Some(values) => {
                let names: Vec<String> = values.iter().map(|value| plain(value)).collect();
                suggest::one_of(names.iter().map(String::as_str))
            }
            None => of_type(),
        },
    }
}

/// What was written, with its type.
pub(super) fn found(node: &Node) -> String {
    match &node.content {
        Content::Null => "nothing".to_owned(),
        Content::Boolean(boolean) => format!("`{boolean}`"),
        Content::Number(_) => format!("the number {}", quoted(node.span.text())),
        Content::Text(text) => format!("the text {}", quoted(text)),
        Content::Sequence(_) => "a list".to_owned(),
        Content::Mapping(_) => "a mapping of fields".to_owned(),
    }
}

/// A next step for the usual slips of YAML.
pub(super) fn mistaken_for(node: &Node, schemas: &[&Value]) -> Option<String> {
    let wants = |name: &str| schemas.iter().any(|schema| schema::types(schema).contains(&name));
    match &node.content {
        Content::Number(_) | Content::Boolean(_) if wants("string") => {
            let written = node.span.first_line();
            let would_do = schemas.iter().any(|schema| matches_text(written.text(), schema));
            would_do.then(|| format!("put it in quotes: \"{}\"", written.text()))
        }
        Content::Text(text) if wants("boolean") => match text.to_lowercase().as_str() {
            "yes" | "on" => Some("write `true`".to_owned()),
            "no" | "off" => Some("write `false`".to_owned()),
            _ => None,
        },
        Content::Text(text) if wants("integer") && text.parse::<f64>().is_ok() => {
            Some("remove the quotes".to_owned())
        }
        Content::Null | Content::Sequence(_) => None,
        _ if wants("array") => Some("write a list: begin each item with `- `".to_owned()),
        _ => None,
    }
}

/// A field's or type's description down to its first full stop, as a noun phrase inside a sentence.
pub(super) fn first_sentence(description: &str) -> String {
    let paragraph = description
        .split("\n\n")
        .next()
        .unwrap_or(description)
        .replace('\n', " ");
    let sentence = paragraph
        .split(". ")
        .next()
        .unwrap_or(&paragraph)
        .trim_end_matches('.');
    let mut letters = sentence.chars();
    match (letters.next(), letters.next()) {
        // An acronym keeps its capitals.
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(sentence.chars().skip(1)).collect()
        }
        _ => sentence.to_owned(),
    }
}

fn type_phrase(name: &str, schema: &Value) -> String {
    match name {
        "string" => match length_bounds(schema) {
            (1, None) => "text that is not empty".to_owned(),
            (least, Some(most)) => format!("text of {least} to {most} characters"),
            _ => "text".to_owned(),
        },
        "integer" => format!("a whole number{}", range_phrase(schema)),
        "number" => format!("a number{}", range_phrase(schema)),
        "boolean" => "`true` or `false`".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "a mapping of fields".to_owned(),
        _ => "nothing".to_owned(),
    }
}

fn range_phrase(schema: &Value) -> String {
    match bounds(schema) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" of at least {least}"),
        (None, Some(most)) => format!(" of at most {most}"),
        (None, None) => String::new(),
    }
}

fn examples(schema: &Value) -> String {
    let examples = schema
        .get("examples")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let examples: Vec<String> = examples.map(plain).collect();
    if examples.is_empty() {
        return String::new();
    }
    format!(
        " such as {}",
        suggest::one_of(examples.iter().map(String::as_str))
    )
}

fn matches_text(text: &str, schema: &Value) -> bool {
    let (least, most) = length_bounds(schema);
    let length = text.chars().count() as u64;
    let matches_pattern = |pattern: &str| {
        let regex = RegexBuilder::new(pattern).size_limit(1 << 20).build();
        regex
            .expect("the patterns of our own schemas are valid")
            .is_match(text)
    };
    length >= least
        && most.is_none_or(|most| length <= most)
        && schema
            .get("pattern")
            .and_then(Value::as_str)
            .is_none_or(matches_pattern)
}

fn length_bounds(schema: &Value) -> (u64, Option<u64>) {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    (bound("minLength").unwrap_or(0), bound("maxLength"))
}

fn in_range(number: &Number, schema: &Value) -> bool {
    let (least, most) = bounds(schema);
    least.is_none_or(|least| !less(number, &least)) && most.is_none_or(|most| !less(&most, number))
}

/// The bounds that the schema states, otherwise those of the Rust type that `format` names.
fn bounds(schema: &Value) -> (Option<Number>, Option<Number>) {
    let stated = |name: &str| schema.get(name).and_then(Value::as_number).cloned();
    let of_type = match schema.get("format").and_then(Value::as_str) {
        Some("int8") => Some((i64::from(i8::MIN), i8::MAX as u64)),
        Some("int16") => Some((i64::from(i16::MIN), i16::MAX as u64)),
        Some("int32") => Some((i64::from(i32::MIN), i32::MAX as u64)),
        Some("uint8") => Some((0, u64::from(u8::MAX))),
        Some("uint16") => Some((0, u64::from(u16::MAX))),
        Some("uint32") => Some((0, u64::from(u32::MAX))),
        _ => None,
    };
    let least = stated("minimum").or(of_type.map(|(least, _)| least.into()));
    (least, stated("maximum").or(of_type.map(|(_, most)| most.into())))
}

fn less(one: &Number, other: &Number) -> bool {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one < other,
        _ => one.as_f64() < other.as_f64(),
    }
}

/// A JSON value as a file would hold it.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    if text.chars().count() <= QUOTED {
        return format!("`{text}`");
    }
    let beginning: String = text.chars().take(QUOTED).collect();
    format!("`{beginning}…`")
}
