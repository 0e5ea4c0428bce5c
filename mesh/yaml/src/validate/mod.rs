//! A tree checked against a JSON Schema as schemars emits it: every mistake at its place, none hidden by another.
//!
//! Supported: `type`, `enum`, `const`, `pattern`, `minimum`, `maximum`, lengths, `items`, `prefixItems`, `properties`,
//! `patternProperties`, `additionalProperties`, `required`, `$ref`, `allOf`, `oneOf` and `anyOf`; from `format` the range
//! of Rust's integers. An object that lists its fields refuses all others, whether it says `additionalProperties: false`
//! or not.

mod object;
mod scalar;
mod union;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Content, Node};
use crate::path::{Path, Step};
use crate::schema;
use crate::source::Span;
pub(crate) use scalar::expectation;
use scalar::{found, mistaken_for};

/// Checks `node` against the schema `root`.
pub(crate) fn validate(node: &Node, root: &Value) -> Diagnostics {
    let mut validator = Validator {
        root,
        path: Path::root(),
        diagnostics: Vec::new(),
    };
    validator.check(node, &node.head(), root);
    validator.diagnostics.into_iter().collect()
}

struct Validator<'s> {
    root: &'s Value,
    path: Path,
    diagnostics: Vec<Diagnostic>,
}

impl<'s> Validator<'s> {
    /// Checks `node`, of which messages point at `anchor` when they mean all of it: the key that it is under.
    fn check(&mut self, node: &Node, anchor: &Span, schema: &'s Value) {
        let schema = schema::resolve(self.root, schema);
        if schema.get("properties").is_none()
            && let Some(branches) = schema::branches(self.root, schema)
        {
            return self.check_union(node, anchor, schema, &branches);
        }
        if !scalar::has_type(node, schema) {
            return self.wrong_type(node, &[schema]);
        }
        match &node.content {
            Content::Mapping(mapping) => self.check_object(mapping, anchor, schema),
            Content::Sequence(items) => self.check_sequence(node, items, schema),
            _ => self.check_scalar(node, schema),
        }
    }

    fn check_sequence(&mut self, node: &Node, items: &[Node], schema: &'s Value) {
        let limit = |name: &str| schema.get(name).and_then(Value::as_u64);
        let count = items.len() as u64;
        let too_few = limit("minItems")
            .filter(|least| count < *least)
            .map(|least| format!("at least {least}"));
        let too_many = limit("maxItems")
            .filter(|most| count > *most)
            .map(|most| format!("at most {most}"));
        if let Some(bound) = too_few.or(too_many) {
            let items = if bound.ends_with(" 1") { "item" } else { "items" };
            let message = format!("{} must have {bound} {items}, not {count}", self.path.subject());
            self.report(Diagnostic::error(
                message,
                node.head(),
                format!("expected {bound} {items}"),
            ));
        }
        let prefix = schema.get("prefixItems").and_then(Value::as_array);
        for (index, item) in items.iter().enumerate() {
            let item_schema = prefix
                .and_then(|prefix| prefix.get(index))
                .or_else(|| schema.get("items"));
            if let Some(item_schema) = item_schema {
                self.inside(Step::Index(index), |validator| {
                    validator.check(item, &item.head(), item_schema)
                });
            }
        }
    }

    /// `node` is of none of the types that `schemas` ask for.
    fn wrong_type(&mut self, node: &Node, schemas: &[&Value]) {
        let mut expected: Vec<String> = Vec::new();
        let optional = |schema: &Value| schema::types(schema) == ["null"];
        let asked_for = schemas
            .iter()
            .filter(|schema| schemas.len() == 1 || !optional(schema));
        for description in asked_for.map(|schema| expectation(schema)) {
            if !expected.contains(&description) {
                expected.push(description);
            }
        }
        let expected = crate::suggest::in_prose(expected, "or");
        let message = format!("{} must be {expected}, not {}", self.path.subject(), found(node));
        let diagnostic = Diagnostic::error(message, node.head(), format!("expected {expected}"));
        self.report(diagnostic.with_help(mistaken_for(node, schemas)));
    }

    /// A field or value that the type knows of but does not take.
    fn unsupported(&mut self, name: &str, span: Span, predicate: &str) {
        self.report(Diagnostic::error(format!("`{name}` {predicate}"), span, ""));
    }

    fn inside(&mut self, step: Step, check: impl FnOnce(&mut Self)) {
        self.path.push(step);
        check(self);
        self.path.pop();
    }

    /// What `check` finds, kept apart.
    fn attempt(&mut self, check: impl FnOnce(&mut Self)) -> Vec<Diagnostic> {
        let outer = std::mem::take(&mut self.diagnostics);
        check(self);
        std::mem::replace(&mut self.diagnostics, outer)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic.with_path(self.path.clone()));
    }
}

#[cfg(test)]
mod tests;
