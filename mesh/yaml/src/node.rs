//! The tree of one document: what was written, and where.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::diagnostic::Diagnostics;
use crate::path::{Path, Step};
use crate::source::Span;
use crate::{deserialize, schema, validate};

/// A value of a document with the place where it was written.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it was written. A patched node (see [`Node::merge_patch`]) points into the patch.
    pub span: Span,
    /// What was written.
    pub content: Content,
}

/// What a [`Node`] holds: JSON's values, with mappings in the order in which they were written.
#[derive(Clone, Debug)]
pub enum Content {
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole or decimal number.
    Number(serde_json::Number),
    /// Text, plain or quoted.
    Text(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with values.
    Mapping(Mapping),
}

/// Keys with values, in the order in which they were written; no key occurs twice.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// The key of an entry, with the place where it was written.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it was written.
    pub span: Span,
    /// Its text; a number or boolean as it was written.
    pub name: String,
}

impl Mapping {
    /// A mapping of these entries, no two of which have the same key.
    pub fn from_unique(entries: Vec<Entry>) -> Mapping {
        Mapping { entries }
    }

    /// The entries in the order in which they were written.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry whose key is `name`.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == name)
    }

    /// The value under the key `name`.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|entry| &entry.value)
    }
}

impl Node {
    /// Checks the node against the schema of `T` and builds the value.
    ///
    /// # Errors
    /// Everything that is wrong with the node, each at its place.
    pub fn decode<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, Diagnostics> {
        let diagnostics = validate::validate(self, schema::schema_for::<T>().as_value());
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        deserialize::deserialize(self)
    }

    /// The value under the key `name`, if this is a mapping that has it.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.as_mapping()?.get(name)
    }

    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The mapping, if this is one.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.content {
            Content::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The items, if this is a sequence.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// Whether nothing was written: an empty document, or `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// The node that `path` leads to.
    pub fn at(&self, path: &Path) -> Option<&Node> {
        path.steps().iter().try_fold(self, |node, step| node.step(step))
    }

    /// Where the value at `path` was written, or, where it was left to its default, the nearest thing around it.
    pub fn span(&self, path: &Path) -> Span {
        self.locate(path, |node, _| node.head())
    }

    /// Where the key of the value at `path` was written (an item of a sequence has none: its value then), or the nearest
    /// thing around it.
    pub fn key_span(&self, path: &Path) -> Span {
        self.locate(path, |node, key| {
            key.map_or_else(|| node.head(), |key| key.span.clone())
        })
    }

    /// The node as a JSON value.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.content {
            Content::Null => serde_json::Value::Null,
            Content::Boolean(boolean) => (*boolean).into(),
            Content::Number(number) => number.clone().into(),
            Content::Text(text) => text.clone().into(),
            Content::Sequence(items) => items.iter().map(Node::to_json).collect(),
            Content::Mapping(mapping) => {
                let entries = mapping.entries().iter();
                entries
                    .map(|entry| (entry.key.name.clone(), entry.value.to_json()))
                    .collect()
            }
        }
    }

    /// What an underline should cover: the first key of a mapping, otherwise the first line.
    pub(crate) fn head(&self) -> Span {
        match &self.content {
            Content::Mapping(mapping) if !self.span.text().starts_with('{') => mapping
                .entries()
                .first()
                .map_or_else(|| self.span.clone(), |entry| entry.key.span.clone()),
            _ => self.span.first_line(),
        }
    }

    fn step(&self, step: &Step) -> Option<&Node> {
        match step {
            Step::Key(name) => self.get(name),
            Step::Index(index) => self.as_sequence()?.get(*index),
        }
    }

    fn locate(&self, path: &Path, point: impl Fn(&Node, Option<&Key>) -> Span) -> Span {
        let mut node = self;
        let mut key = None;
        for (position, step) in path.steps().iter().enumerate() {
            let Some(next) = node.step(step) else {
                // A default inside this node: its key names it better than its first line.
                return if position == 0 {
                    node.head()
                } else {
                    key_or_head(node, key)
                };
            };
            key = match step {
                Step::Key(name) => node
                    .as_mapping()
                    .and_then(|mapping| mapping.entry(name))
                    .map(|entry| &entry.key),
                Step::Index(_) => None,
            };
            node = next;
        }
        point(node, key)
    }
}

fn key_or_head(node: &Node, key: Option<&Key>) -> Span {
    key.map_or_else(|| node.head(), |key| key.span.clone())
}
