//! What a schema says to a person: the fields of a place, the words that it takes, and what is refused there on purpose.
//!
//! A [`Place`] is walked to by names of fields alone. A list and a mapping by name add no step: in `spec.rules.retry`, `rules` is a list of rules,
//! each of which has `retry`.

use serde_json::Value;

use crate::phrase::{default_phrase, in_one_line, phrase, word};
use crate::schema;

/// A place in the files that a schema describes.
#[derive(Clone, Copy, Debug)]
pub struct Place<'s> {
    root: &'s Value,
    /// The schema of the place, with what the field that leads here says of itself.
    here: &'s Value,
    /// The variant that the field makes of its enum, if it does.
    variant: Option<&'s Value>,
}

/// What a schema says of a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// What is written there, as a noun phrase such as `a list of 1 to 16 items`.
    pub shape: String,
    /// What it means, in paragraphs of one line each.
    pub meaning: Vec<String>,
    /// What can be written inside.
    pub groups: Vec<Group>,
    /// What is known there and refused, each with a predicate that says why.
    pub refused: Vec<(String, String)>,
}

/// Some of the things that can be written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How they belong together.
    pub kind: GroupKind,
    /// They.
    pub entries: Vec<Entry>,
}

/// How the things of a group belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// Fields of a mapping.
    Fields,
    /// Fields of a mapping that is one of several shapes, of which this is said.
    Shape(String),
    /// Fields of which a mapping has exactly one.
    OneOf,
    /// Words, of which one is written.
    Words,
    /// A single value of another shape than the other groups.
    Value,
}

/// A field, a word or a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The field or word; of a value, what it is.
    pub name: String,
    /// What is written under a field, as a noun phrase; empty for the others.
    pub shape: String,
    /// Whether it has to be there.
    pub is_required: bool,
    /// What holds when it is absent, where the schema knows that.
    pub default: Option<String>,
    /// What it means, in one line; may be empty.
    pub meaning: String,
    /// Whether the outline of the field has more to say: fields, words or refusals.
    pub has_more: bool,
}

/// A name does not lead from one place to another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no field `{name}`")]
pub struct UnknownField {
    /// The name.
    pub name: String,
    /// The names that would.
    pub known: Vec<String>,
}

impl<'s> Place<'s> {
    /// The document that `schema`, a root schema, describes.
    pub fn document(schema: &'s Value) -> Place<'s> {
        Place {
            root: schema,
            here: schema,
            variant: None,
        }
    }

    /// The place under the field `name`.
    ///
    /// # Errors
    /// When no shape of this place has that field.
    pub fn inside(&self, name: &str) -> Result<Place<'s>, UnknownField> {
        let fields: Vec<(&'s str, Place<'s>)> = self.fields().collect();
        let found = fields.iter().find(|(field, _)| *field == name);
        found.map(|(_, place)| *place).ok_or_else(|| UnknownField {
            name: name.to_owned(),
            known: fields.iter().map(|(field, _)| (*field).to_owned()).collect(),
        })
    }

    /// The name of the type of what stands here, if it has one: places of the same type have the same outline, but for their meaning.
    pub fn type_name(&self) -> Option<&'s str> {
        let schema = each(self.here).unwrap_or(self.here);
        let alternatives = schema.get("anyOf").and_then(Value::as_array);
        let real = alternatives
            .into_iter()
            .flatten()
            .filter(|branch| !is_null(branch));
        let real: Vec<&Value> = real.collect();
        let typed = match real.as_slice() {
            [only] => only,
            _ => schema,
        };
        typed.get("$ref")?.as_str()?.rsplit('/').next()
    }

    /// What the schema says of this place.
    pub fn outline(&self) -> Outline {
        let contents = Contents::of(self.root, self.here);
        Outline {
            shape: phrase(self.root, self.here),
            meaning: self.meaning(),
            groups: self.groups(&contents),
            refused: contents.refused(),
        }
    }

    /// The fields of all shapes of this place.
    fn fields(&self) -> impl Iterator<Item = (&'s str, Place<'s>)> {
        let root = self.root;
        let shapes = Contents::of(root, self.here).shapes;
        shapes.into_iter().flat_map(move |shape| {
            let variant = (shape.variant().is_some() || shape.is_tagged()).then_some(shape.schema);
            schema::properties(shape.schema).map(move |(name, here)| (name, Place { root, here, variant }))
        })
    }

    /// What the variant or the field says of itself, and what its type says beside that.
    fn meaning(&self) -> Vec<String> {
        let of_type = schema::resolve(self.root, self.here);
        let all = self.variant.into_iter().chain([self.here, of_type]);
        let mut paragraphs: Vec<String> = Vec::new();
        for paragraph in all.filter_map(description) {
            if !paragraphs.iter().any(|said| says_the_same(said, &paragraph)) {
                paragraphs.push(paragraph);
            }
        }
        paragraphs
    }

    fn groups(&self, contents: &Contents<'s>) -> Vec<Group> {
        let shapes = &contents.shapes;
        let words = group(GroupKind::Words, shapes.iter().flat_map(word_entries));
        let one_of = shapes.iter().filter_map(Shape::variant);
        let one_of = group(GroupKind::OneOf, one_of.map(|field| self.variant_entry(field)));
        let tagged: Vec<&Shape> = shapes.iter().filter(|shape| shape.is_tagged()).collect();
        let tagged = group(GroupKind::Fields, self.tagged_entries(&tagged));
        let rest = shapes
            .iter()
            .filter(|shape| shape.is_struct() || shape.is_value());
        let rest = rest.filter_map(|shape| self.shape_group(shape, shapes.len() > 1));
        [words, one_of, tagged]
            .into_iter()
            .flatten()
            .chain(rest)
            .collect()
    }

    /// A variant of an enum that is written as a mapping of its name to its content.
    fn variant_entry(&self, (name, inner, meaning): (&'s str, &'s Value, Option<String>)) -> Entry {
        let entry = self.field_entry(name, inner, false);
        Entry {
            meaning: meaning.unwrap_or(entry.meaning),
            ..entry
        }
    }

    /// The fields of an enum of which one field names the variant: that one, and those that each variant has beside it.
    fn tagged_entries(&self, variants: &[&Shape<'s>]) -> Vec<Entry> {
        let tags: Vec<(&str, &str)> = variants
            .iter()
            .filter_map(|shape| schema::internal_tag(shape.schema))
            .collect();
        let Some((tag, _)) = tags.first() else {
            return Vec::new();
        };
        let names = crate::suggest::one_of(tags.iter().map(|(_, name)| *name));
        let mut entries = vec![Entry {
            name: (*tag).to_owned(),
            shape: names,
            is_required: true,
            meaning: "Which of them it is; the others have a field each.".to_owned(),
            ..Entry::default()
        }];
        for (shape, (tag, name)) in variants.iter().zip(tags) {
            let fields = schema::properties(shape.schema).filter(|(field, _)| *field != tag);
            entries.extend(fields.map(|(field, inner)| {
                let meaning = shape.description.clone().unwrap_or_default();
                Entry {
                    meaning: format!("With `{tag}: {name}`. {meaning}").trim_end().to_owned(),
                    ..self.field_entry(field, inner, false)
                }
            }));
        }
        entries
    }

    /// One of the shapes that are no enum: the fields of a struct, or a single value if there are `others`.
    fn shape_group(&self, shape: &Shape<'s>, others: bool) -> Option<Group> {
        let meaning = shape.description.clone().unwrap_or_default();
        if shape.is_struct() {
            let required: Vec<&str> = schema::required(shape.schema).collect();
            let fields = schema::properties(shape.schema);
            let kind = match others {
                true => GroupKind::Shape(meaning),
                false => GroupKind::Fields,
            };
            return group(
                kind,
                fields.map(|(name, inner)| self.field_entry(name, inner, required.contains(&name))),
            );
        }
        let entry = Entry {
            name: phrase(self.root, shape.schema),
            meaning,
            ..Entry::default()
        };
        group(GroupKind::Value, others.then_some(entry))
    }

    fn field_entry(&self, name: &str, field: &'s Value, is_required: bool) -> Entry {
        let resolved = schema::resolve(self.root, field);
        let contents = Contents::of(self.root, field);
        let inner = Place {
            root: self.root,
            here: field,
            variant: None,
        };
        let says_more = inner.groups(&contents).iter().any(Group::says_more);
        Entry {
            name: name.to_owned(),
            shape: phrase(self.root, field),
            is_required,
            default: field.get("default").and_then(default_phrase),
            meaning: description(field)
                .or_else(|| description(resolved))
                .unwrap_or_default(),
            has_more: says_more || !contents.refused().is_empty(),
        }
    }
}

impl Group {
    /// Whether it says something that the shape of its field does not say.
    fn says_more(&self) -> bool {
        match self.kind {
            GroupKind::Words | GroupKind::Value => self.entries.iter().any(|entry| !entry.meaning.is_empty()),
            GroupKind::Fields | GroupKind::Shape(_) | GroupKind::OneOf => true,
        }
    }
}

/// What can stand at a place when lists, mappings by name and the possibility of nothing are looked through.
#[derive(Default)]
struct Contents<'s> {
    shapes: Vec<Shape<'s>>,
    /// The schemas that were looked through, which can refuse things too.
    outer: Vec<&'s Value>,
}

/// One of the things that can stand at a place.
struct Shape<'s> {
    schema: &'s Value,
    /// What is said of it where it is listed, or else of its type.
    description: Option<String>,
    /// Whether it is one of several.
    is_alternative: bool,
}

impl<'s> Contents<'s> {
    fn of(root: &'s Value, here: &'s Value) -> Contents<'s> {
        let mut contents = Contents::default();
        contents.gather(root, here, false);
        contents
    }

    fn gather(&mut self, root: &'s Value, here: &'s Value, is_alternative: bool) {
        let schema = schema::resolve(root, here);
        let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf"));
        if let Some(alternatives) = alternatives.and_then(Value::as_array) {
            self.outer.push(schema);
            let real: Vec<&Value> = alternatives.iter().filter(|branch| !is_null(branch)).collect();
            for branch in &real {
                self.gather(root, branch, is_alternative || real.len() > 1);
            }
            return;
        }
        match each(schema) {
            Some(inner) => self.gather(root, inner, is_alternative),
            None => self.shapes.push(Shape {
                schema,
                description: description(here).or_else(|| description(schema)),
                is_alternative,
            }),
        }
    }

    fn refused(&self) -> Vec<(String, String)> {
        let schemas = self.outer.iter().copied();
        let schemas = schemas.chain(self.shapes.iter().map(|shape| shape.schema));
        let refused = schemas.filter_map(|schema| schema.get(schema::UNSUPPORTED)?.as_object());
        refused
            .flatten()
            .filter_map(|(name, reason)| Some((name.clone(), reason.as_str()?.to_owned())))
            .collect()
    }
}

impl<'s> Shape<'s> {
    /// The name and content of a variant that is written as a mapping of its name to its content, and what is said of it.
    fn variant(&self) -> Option<(&'s str, &'s Value, Option<String>)> {
        let (name, inner) = schema::external_tag(self.schema)?;
        self.is_alternative
            .then(|| (name, inner, self.description.clone()))
    }

    /// Whether one of its fields names the variant that it is.
    fn is_tagged(&self) -> bool {
        self.is_alternative && schema::internal_tag(self.schema).is_some()
    }

    fn is_struct(&self) -> bool {
        self.schema.get("properties").is_some() && self.variant().is_none() && !self.is_tagged()
    }

    fn is_value(&self) -> bool {
        self.schema.get("properties").is_none() && schema::listed(self.schema).is_none()
    }
}

/// The schema of each item of a list, or of each value of a mapping by name.
pub(crate) fn each(schema: &Value) -> Option<&Value> {
    let values = || {
        schema
            .get("additionalProperties")
            .filter(|values| values.is_object())
    };
    match schema.get("properties") {
        None => schema.get("items").or_else(values),
        Some(_) => None,
    }
}

pub(crate) fn is_null(schema: &Value) -> bool {
    schema::types(schema) == ["null"]
}

fn word_entries(shape: &Shape) -> Vec<Entry> {
    let words = schema::listed(shape.schema).unwrap_or_default();
    let entries = words
        .into_iter()
        .filter(|value| !value.is_null())
        .map(|value| Entry {
            name: word(value),
            meaning: shape
                .description
                .clone()
                .filter(|_| shape.is_alternative)
                .unwrap_or_default(),
            ..Entry::default()
        });
    entries.collect()
}

fn group(kind: GroupKind, entries: impl IntoIterator<Item = Entry>) -> Option<Group> {
    let entries: Vec<Entry> = entries.into_iter().collect();
    (!entries.is_empty()).then_some(Group { kind, entries })
}

fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    Some(in_one_line(text))
}

/// Whether most words of `more` are in `said` already: a field and its type are often described alike.
fn says_the_same(said: &str, more: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let said = words(said);
    let more = words(more);
    let known = more.iter().filter(|word| said.contains(word)).count();
    known * 5 >= more.len() * 3
}

#[cfg(test)]
mod tests;
