//! Mappings: the fields of structs, and maps of anything.

use regex::Regex;
use serde_json::Value;

use super::Validator;
use super::scalar::expectation;
use crate::diagnostic::Diagnostic;
use crate::node::{Entry, Mapping};
use crate::path::Step;
use crate::source::Span;
use crate::{schema, suggest};

/// The fields that a mapping may have, gathered from a schema and from the parts that `flatten` added to it.
#[derive(Default)]
struct Fields<'s> {
    known: Vec<(&'s str, &'s Value)>,
    required: Vec<&'s str>,
    patterns: Vec<(Regex, &'s Value)>,
    /// Fields that are refused with a reason of their own.
    unsupported: Vec<(&'s str, &'s str)>,
    /// The schema of all other fields; `None` refuses them.
    others: Option<&'s Value>,
}

impl<'s> Validator<'s> {
    pub(super) fn check_object(&mut self, mapping: &Mapping, anchor: &Span, schema: &'s Value) {
        if schema::types(schema).is_empty() && schema.get("properties").is_none() {
            return;
        }
        let mut fields = Fields::default();
        self.gather(&mut fields, mapping, anchor, schema);
        for entry in mapping.entries() {
            let step = Step::Key(entry.key.name.clone());
            match fields.schema_of(&entry.key.name) {
                Some(field) => self.inside(step, |validator| {
                    validator.check(&entry.value, &entry.key.span, field)
                }),
                None => self.unknown_field(entry, mapping, &fields),
            }
        }
        let misspelt = misspelt_fields(mapping, &fields);
        for name in fields
            .required
            .iter()
            .filter(|name| mapping.get(name).is_none() && !misspelt.contains(name))
        {
            self.missing_field(name, fields.schema_of(name), anchor);
        }
    }

    /// Adds the fields of `schema` and of the variants that `mapping` chooses in its flattened enums.
    fn gather(&mut self, fields: &mut Fields<'s>, mapping: &Mapping, anchor: &Span, schema: &'s Value) {
        fields.known.extend(schema::properties(schema));
        fields.required.extend(schema::required(schema));
        let patterns = schema
            .get("patternProperties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        fields.patterns.extend(patterns.map(|(pattern, field)| {
            (
                Regex::new(pattern).expect("the patterns of our own schemas are valid"),
                field,
            )
        }));
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) | None => {}
            Some(others) => fields.others = Some(others),
        }
        let unsupported = schema.get(schema::UNSUPPORTED).and_then(Value::as_object);
        let reasons = unsupported.into_iter().flatten();
        fields
            .unsupported
            .extend(reasons.filter_map(|(name, reason)| Some((name.as_str(), reason.as_str()?))));
        for part in schema
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.gather(fields, mapping, anchor, schema::resolve(self.root, part));
        }
        if let Some(branches) = schema::branches(self.root, schema) {
            self.gather_variant(fields, mapping, anchor, &branches);
        }
    }

    fn gather_variant(
        &mut self,
        fields: &mut Fields<'s>,
        mapping: &Mapping,
        anchor: &Span,
        branches: &[&'s Value],
    ) {
        let is_chosen = |branch: &Value| match schema::internal_tag(branch) {
            Some((tag, name)) => mapping.get(tag).and_then(|node| node.as_text()) == Some(name),
            None => schema::external_tag(branch).is_some_and(|(name, _)| mapping.get(name).is_some()),
        };
        let chosen: Vec<&'s Value> = branches
            .iter()
            .copied()
            .filter(|branch| is_chosen(branch))
            .collect();
        let variants: Vec<(&str, &Value)> = branches
            .iter()
            .filter_map(|branch| schema::external_tag(branch))
            .collect();
        let is_optional = branches
            .iter()
            .any(|branch| branch.as_object().is_some_and(|branch| branch.is_empty()));
        if chosen.is_empty() && !variants.is_empty() && !is_optional {
            let names = suggest::one_of(variants.iter().map(|(name, _)| *name));
            let message = format!("{} needs {names}", self.path.subject());
            self.report(Diagnostic::error(
                message,
                anchor.clone(),
                format!("needs {names}"),
            ));
        }
        match chosen.first() {
            Some(_) => chosen
                .into_iter()
                .for_each(|branch| self.gather(fields, mapping, anchor, branch)),
            // Without its tag every variant is possible, so that only the tag is to be mended.
            None => fields
                .known
                .extend(branches.iter().flat_map(|branch| schema::properties(branch))),
        }
        fields.known.extend(variants);
    }

    fn unknown_field(&mut self, entry: &Entry, mapping: &Mapping, fields: &Fields<'s>) {
        let name = entry.key.name.as_str();
        if let Some((_, reason)) = fields
            .unsupported
            .iter()
            .find(|(unsupported, _)| *unsupported == name)
        {
            return self.unsupported(name, entry.key.span.clone(), reason);
        }
        let names = fields.names();
        let help = fields
            .meant_by(&entry.key.name, mapping)
            .map(|meant| format!("did you mean `{meant}`?"));
        let label = match (names.is_empty(), fields.patterns.first()) {
            (true, Some((pattern, _))) => format!("a key of {} matches `{pattern}`", self.path.subject()),
            (true, None) => format!("{} takes no fields", self.path.subject()),
            (false, _) => format!("{} has {}", self.path.subject(), suggest::all_of(names)),
        };
        let message = format!("unknown field `{name}`");
        self.report(Diagnostic::error(message, entry.key.span.clone(), label).with_help(help));
    }

    pub(super) fn missing_field(&mut self, name: &str, field: Option<&'s Value>, anchor: &Span) {
        let subject = self.path.subject();
        let diagnostic = Diagnostic::error(
            format!("missing field `{name}`"),
            anchor.clone(),
            format!("{subject} needs `{name}`"),
        );
        let expected = field
            .map(|field| schema::resolve(self.root, field))
            .map(expectation);
        let help = expected.filter(|expected| expected != "nothing");
        self.report(diagnostic.with_help(help.map(|expected| format!("add `{name}:` with {expected}"))));
    }
}

impl<'s> Fields<'s> {
    fn schema_of(&self, name: &str) -> Option<&'s Value> {
        let known = self
            .known
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, field)| *field);
        let by_pattern = || {
            self.patterns
                .iter()
                .find(|(pattern, _)| pattern.is_match(name))
                .map(|(_, field)| *field)
        };
        known.or_else(by_pattern).or(self.others)
    }

    fn names(&self) -> Vec<&'s str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.known {
            if !names.contains(name) {
                names.push(name);
            }
        }
        names
    }

    /// The field that was meant by one that is unknown.
    fn meant_by(&self, unknown: &str, mapping: &Mapping) -> Option<&'s str> {
        suggest::closest(
            unknown,
            self.names()
                .into_iter()
                .filter(|name| mapping.get(name).is_none()),
        )
    }
}

/// The fields that unknown ones seem to mean: they are not missing, but misspelt.
fn misspelt_fields<'s>(mapping: &Mapping, fields: &Fields<'s>) -> Vec<&'s str> {
    let unknown = mapping
        .entries()
        .iter()
        .filter(|entry| fields.schema_of(&entry.key.name).is_none());
    unknown
        .filter_map(|entry| fields.meant_by(&entry.key.name, mapping))
        .collect()
}
