#![expect(dead_code, reason = "only the schemas of these types are used")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Entry, GroupKind, Outline, Place};

/// A lab.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "status": "is reported, not written" }))]
struct Lab {
    /// Its name.
    name: String,
    /// How patient it is.
    #[serde(default = "two")]
    patience: u32,
    /// The services, by name.
    #[serde(default)]
    services: BTreeMap<String, Service>,
    /// What happens.
    #[serde(default)]
    steps: Vec<Step>,
    /// For how long.
    #[serde(default)]
    length: Option<Length>,
    /// A change.
    #[serde(default)]
    change: Option<Change>,
}

/// A service.
#[derive(Deserialize, JsonSchema)]
struct Service {
    /// How many there are.
    #[schemars(range(min = 1, max = 20))]
    replicas: u16,
    /// Its mode.
    #[serde(default)]
    mode: Option<Mode>,
}

/// A mode.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(extend("x-unsupported" = { "LAX": "is not supported: nobody wants it" }))]
enum Mode {
    /// As it should be.
    Strict,
    /// As it often is.
    Permissive,
}

/// A step.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// Rules are pushed.
    Push(Push),
    /// Something is killed.
    Kill(String),
}

/// A push.
#[derive(Deserialize, JsonSchema)]
struct Push {
    /// The file.
    file: String,
}

/// A length.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Length {
    /// In seconds.
    Seconds(u32),
    /// From one time to another.
    Range(Range),
}

/// Between two times.
#[derive(Deserialize, JsonSchema)]
struct Range {
    /// The first.
    from: u32,
    /// The last.
    to: u32,
}

/// A change.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type")]
enum Change {
    /// Adds a header.
    Add {
        /// Its name.
        header: String,
    },
    /// Removes everything.
    Clear {},
}

fn two() -> u32 {
    2
}

#[test]
fn fields_have_their_type_their_default_and_their_meaning() {
    let outline = at(&[]);
    assert_eq!(outline.shape, "fields");
    assert_eq!(outline.meaning, ["A lab."]);
    assert_eq!(
        outline.refused,
        [("status".to_owned(), "is reported, not written".to_owned())]
    );
    let [fields] = &outline.groups[..] else {
        panic!("{outline:?}")
    };
    assert_eq!(fields.kind, GroupKind::Fields);
    assert_eq!(
        fields.entries[..2],
        [
            Entry {
                name: "name".to_owned(),
                shape: "text".to_owned(),
                is_required: true,
                meaning: "Its name.".to_owned(),
                ..Entry::default()
            },
            Entry {
                name: "patience".to_owned(),
                shape: "a whole number".to_owned(),
                default: Some("2".to_owned()),
                meaning: "How patient it is.".to_owned(),
                ..Entry::default()
            },
        ]
    );
    assert_eq!(
        shapes(&outline)[2..4],
        ["services: a mapping by name", "steps: a list"]
    );
}

#[test]
fn lists_and_mappings_by_name_add_no_step() {
    let service = at(&["services"]);
    assert_eq!(
        shapes(&service),
        [
            "replicas: a whole number from 1 to 20",
            "mode: `STRICT` or `PERMISSIVE`"
        ]
    );
    assert_eq!(shapes(&at(&["steps", "push"])), ["file: text"]);
}

#[test]
fn enums_are_words_or_one_of_several_fields_or_told_apart_by_one() {
    let words = at(&["services", "mode"]);
    assert_eq!(words.groups[0].kind, GroupKind::Words);
    assert_eq!(words.groups[0].entries[0].meaning, "As it should be.");
    assert_eq!(words.refused[0].0, "LAX");
    let one_of = at(&["steps"]);
    assert_eq!(one_of.groups[0].kind, GroupKind::OneOf);
    assert_eq!(shapes(&one_of), ["push: fields", "kill: text"]);
    let tagged = at(&["change"]);
    assert_eq!(shapes(&tagged), ["type: `Add` or `Clear`", "header: text"]);
    assert_eq!(
        tagged.groups[0].entries[1].meaning,
        "With `type: Add`. Adds a header."
    );
}

#[test]
fn a_variant_says_what_it_is() {
    assert_eq!(at(&["steps", "push"]).meaning, ["Rules are pushed.", "A push."]);
}

#[test]
fn several_shapes_are_told_one_by_one() {
    let length = at(&["length"]);
    assert_eq!(length.shape, "a whole number or fields");
    assert_eq!(
        length
            .groups
            .iter()
            .map(|group| group.kind.clone())
            .collect::<Vec<_>>(),
        [
            GroupKind::Value,
            GroupKind::Shape("From one time to another.".to_owned())
        ]
    );
}

#[test]
fn there_is_more_to_say_of_what_has_fields_or_words_of_its_own() {
    let more: Vec<(String, bool)> = entries(&at(&[]))
        .map(|entry| (entry.name.clone(), entry.has_more))
        .collect();
    let more: Vec<&str> = more
        .iter()
        .filter(|(_, has_more)| *has_more)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(more, ["services", "steps", "length", "change"]);
}

#[test]
fn what_leads_nowhere_names_what_would() {
    let schema = schema();
    let services = Place::document(&schema).inside("services").expect("it is there");
    let unknown = services.inside("replica").expect_err("it is not there");
    assert_eq!(unknown.known, ["replicas", "mode"]);
    assert_eq!(unknown.to_string(), "there is no field `replica`");
}

#[test]
fn places_of_one_type_have_one_name() {
    let schema = schema();
    let type_of = |name| {
        Place::document(&schema)
            .inside(name)
            .expect("it is there")
            .type_name()
    };
    assert_eq!(type_of("services"), Some("Service"));
    assert_eq!(type_of("steps"), Some("Step"));
    assert_eq!(type_of("length"), Some("Length"));
    assert_eq!(type_of("name"), None);
}

fn schema() -> Value {
    crate::schema_for::<Lab>().to_value()
}

fn at(path: &[&str]) -> Outline {
    let schema = schema();
    let mut place = Place::document(&schema);
    for name in path {
        place = place.inside(name).expect("the path leads somewhere");
    }
    place.outline()
}

fn entries(outline: &Outline) -> impl Iterator<Item = &Entry> {
    outline.groups.iter().flat_map(|group| &group.entries)
}

fn shapes(outline: &Outline) -> Vec<String> {
    entries(outline)
        .map(|entry| format!("{}: {}", entry.name, entry.shape))
        .collect()
}
