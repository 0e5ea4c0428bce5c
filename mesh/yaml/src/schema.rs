//! JSON Schemas of types (draft 2020-12), and the questions that validation asks of them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// The JSON Schema of `T` as a reader of files sees it.
pub fn schema_for<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// The same as a document with a title, as editors show it.
pub fn titled<T: JsonSchema>(title: &str) -> Value {
    let mut schema = schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}

/// For tests: the file at `path` holds `schema`. With the variable `HALLWAY_UPDATE`, it is written first.
///
/// # Panics
/// When the file holds something else.
pub fn assert_published(path: &str, schema: &Value) {
    let current = serde_json::to_string_pretty(schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("HALLWAY_UPDATE").is_some() {
        std::fs::write(path, &current).expect("the schema can be written");
    }
    let published = std::fs::read_to_string(path).expect("the schema is published");
    assert!(
        published == current,
        "{path} is out of date: run this test with HALLWAY_UPDATE=1"
    );
}

/// Follows `$ref`s, which schemars always points at `#/$defs/NAME`.
pub(crate) fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut schema = schema;
    while let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        schema = match reference.strip_prefix('#') {
            Some(pointer) => root
                .pointer(pointer)
                .expect("a schema refers only to its own definitions"),
            None => unreachable!("schemars refers only into the same schema"),
        };
    }
    schema
}

/// The types that a schema names: `type` holds one or several.
pub(crate) fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The values that a schema lists: `enum` or `const`.
pub(crate) fn listed(schema: &Value) -> Option<Vec<&Value>> {
    match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(values)), _) => Some(values.iter().collect()),
        (_, Some(value)) => Some(vec![value]),
        _ => None,
    }
}

/// The branches of `oneOf` or `anyOf`, resolved, and their branches in their place.
pub(crate) fn branches<'s>(root: &'s Value, schema: &'s Value) -> Option<Vec<&'s Value>> {
    let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    let mut found = Vec::new();
    for alternative in alternatives {
        let alternative = resolve(root, alternative);
        match branches(root, alternative) {
            Some(inner) if alternative.get("properties").is_none() => found.extend(inner),
            _ => found.push(alternative),
        }
    }
    Some(found)
}

/// The names in `required`.
pub(crate) fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The fields in `properties`.
pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let properties: Option<&Map<String, Value>> = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.as_str(), schema))
}

/// The name of the variant if the schema is an externally tagged one: an object of exactly one required field.
pub(crate) fn external_tag(schema: &Value) -> Option<(&str, &Value)> {
    let mut fields = properties(schema);
    let (name, inner) = fields.next()?;
    let only_it = fields.next().is_none() && required(schema).eq([name]);
    (only_it && inner.get("const").is_none()).then_some((name, inner))
}

/// The tag and the variant's name if the schema is an internally tagged one: an object with a required constant field.
pub(crate) fn internal_tag(schema: &Value) -> Option<(&str, &str)> {
    properties(schema).find_map(|(name, field)| {
        let value = field.get("const").and_then(Value::as_str)?;
        required(schema)
            .any(|required| required == name)
            .then_some((name, value))
    })
}

/// Whether an object has no fields but those that it lists.
pub(crate) fn listed_fields_only(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false))
}

/// The key under which a type lists fields or values that it knows of but does not take, each with a predicate that says
/// so: `#[schemars(extend("x-unsupported" = { "hostnames": "is not supported: mesh routes attach to a Service" }))]`.
pub const UNSUPPORTED: &str = "x-unsupported";

/// Why a value is refused, if the schema or one of its alternatives says so.
pub(crate) fn unsupported<'s>(root: &'s Value, schema: &'s Value, name: &str) -> Option<&'s str> {
    let reason = |schema: &'s Value| schema.get(UNSUPPORTED)?.get(name)?.as_str();
    let alternatives = schema
        .get("oneOf")
        .or_else(|| schema.get("anyOf"))
        .and_then(Value::as_array);
    let mut alternatives = alternatives
        .into_iter()
        .flatten()
        .map(|alternative| resolve(root, alternative));
    reason(schema).or_else(|| alternatives.find_map(|alternative| unsupported(root, alternative, name)))
}
