//! Alternatives: optional values, enums however tagged, and values of several shapes.

use serde_json::Value;

use super::Validator;
use super::scalar::has_type;
use crate::diagnostic::Diagnostic;
use crate::node::{Content, Key, Mapping, Node};
use crate::path::Step;
use crate::source::Span;
use crate::{schema, suggest};

impl<'s> Validator<'s> {
    pub(super) fn check_union(
        &mut self,
        node: &Node,
        anchor: &Span,
        schema: &'s Value,
        branches: &[&'s Value],
    ) {
        let of_type: Vec<&'s Value> = branches
            .iter()
            .copied()
            .filter(|branch| has_type(node, branch))
            .collect();
        if let Content::Mapping(mapping) = &node.content
            && !of_type.is_empty()
        {
            let of_all = |tagged: fn(&Value) -> bool| of_type.iter().all(|branch| tagged(branch));
            if of_all(|branch| schema::external_tag(branch).is_some() && schema::listed_fields_only(branch)) {
                return self.check_external(mapping, anchor, branches);
            }
            if of_all(|branch| schema::internal_tag(branch).is_some()) {
                return self.check_internal(mapping, anchor, schema, &of_type);
            }
        }
        if of_type.is_empty() && node.as_text().is_none() {
            return self.wrong_type(node, branches);
        }
        match node.as_text() {
            Some(text) if !of_type.iter().any(|branch| schema::listed(branch).is_none()) => {
                self.check_variant(node, text, schema, branches);
            }
            _ => self.check_any(node, anchor, &of_type),
        }
    }

    /// Text where only certain words will do: the variants without content, if there are any.
    fn check_variant(&mut self, node: &Node, text: &str, schema: &'s Value, branches: &[&'s Value]) {
        let units = unit_variants(branches);
        let variants: Vec<&str> = branches
            .iter()
            .filter_map(|branch| schema::external_tag(branch))
            .map(|(name, _)| name)
            .collect();
        if units.iter().any(|unit| unit.as_str() == Some(text)) {
            return;
        }
        match (units.is_empty(), variants.is_empty()) {
            (true, true) => self.wrong_type(node, branches),
            (false, true) => self.unknown_value(node, schema, &units),
            (_, false) => self.unknown_variant(node, text, &units, &variants),
        }
    }

    /// Any branch will do; when none does, the one with the fewest mistakes is taken for the one that was meant.
    fn check_any(&mut self, node: &Node, anchor: &Span, branches: &[&'s Value]) {
        let attempts = branches
            .iter()
            .map(|branch| self.attempt(|validator| validator.check(node, anchor, branch)));
        let best = attempts.min_by_key(Vec::len);
        self.diagnostics.extend(best.unwrap_or_default());
    }

    /// An externally tagged enum: a mapping of the variant's name to its content.
    fn check_external(&mut self, mapping: &Mapping, anchor: &Span, branches: &[&'s Value]) {
        let variants: Vec<(&str, &'s Value)> = branches
            .iter()
            .filter_map(|branch| schema::external_tag(branch))
            .collect();
        let names: Vec<&str> = variants.iter().map(|(name, _)| *name).collect();
        let known = |name: &str| {
            variants
                .iter()
                .find(|(variant, _)| *variant == name)
                .map(|(_, content)| *content)
        };
        let [entry] = mapping.entries() else {
            let count = mapping.entries().len();
            let message = format!(
                "{} must have exactly one of {}, not {count}",
                self.path.subject(),
                suggest::all_of(names.clone())
            );
            let span = mapping
                .entries()
                .get(1)
                .map_or_else(|| anchor.clone(), |second| second.key.span.clone());
            return self.report(Diagnostic::error(message, span, "expected exactly one"));
        };
        match known(&entry.key.name) {
            Some(content) => {
                let step = Step::Key(entry.key.name.clone());
                self.inside(step, |validator| {
                    validator.check(&entry.value, &entry.key.span, content)
                });
            }
            None => self.unknown_key(&entry.key, &unit_variants(branches), &names),
        }
    }

    /// A mapping whose one key is no variant that has content.
    fn unknown_key(&mut self, key: &Key, units: &[&Value], variants: &[&str]) {
        let name = key.name.as_str();
        if units.iter().any(|unit| unit.as_str() == Some(name)) {
            let message = format!("`{name}` takes no value");
            let diagnostic = Diagnostic::error(message, key.span.clone(), "expected it alone, as text");
            return self.report(diagnostic.with_help(format!("write `{name}` in place of the mapping")));
        }
        let units = units.iter().filter_map(|unit| unit.as_str());
        let names: Vec<&str> = units.chain(variants.iter().copied()).collect();
        let label = format!(
            "{} is {}",
            self.path.subject(),
            suggest::one_of(names.iter().copied())
        );
        let diagnostic = Diagnostic::error(format!("unknown field `{name}`"), key.span.clone(), label);
        self.report(diagnostic.with_help(suggest::did_you_mean(name, names)));
    }

    /// An internally tagged enum: one field names the variant that decides the others.
    fn check_internal(
        &mut self,
        mapping: &Mapping,
        anchor: &Span,
        schema: &'s Value,
        branches: &[&'s Value],
    ) {
        let variants: Vec<(&str, &str, &'s Value)> = branches
            .iter()
            .filter_map(|branch| schema::internal_tag(branch).map(|(tag, name)| (tag, name, *branch)))
            .collect();
        let Some((tag, ..)) = variants.first() else { return };
        let names: Vec<&Value> = branches
            .iter()
            .filter_map(|branch| branch.pointer(&format!("/properties/{tag}/const")))
            .collect();
        let Some(node) = mapping.get(tag) else {
            let all: Vec<&str> = variants.iter().map(|(_, name, _)| *name).collect();
            let label = format!("{} needs `{tag}`", self.path.subject());
            let help = format!("add `{tag}:` with {}", suggest::one_of(all));
            let diagnostic = Diagnostic::error(format!("missing field `{tag}`"), anchor.clone(), label);
            return self.report(diagnostic.with_help(help));
        };
        match variants.iter().find(|(_, name, _)| node.as_text() == Some(name)) {
            Some((_, _, branch)) => self.check_object(mapping, anchor, branch),
            None => self.inside(Step::from(*tag), |validator| {
                validator.unknown_value(node, schema, &names)
            }),
        }
    }

    /// Text where a variant with content, or one without, was expected.
    fn unknown_variant(&mut self, node: &Node, text: &str, units: &[&Value], variants: &[&str]) {
        let subject = self.path.subject();
        if variants.contains(&text) {
            let message = format!("`{text}` needs a value");
            let help = format!("write `{text}: …` inside {subject}");
            let diagnostic = Diagnostic::error(message, node.head(), "expected a value after it");
            return self.report(diagnostic.with_help(help));
        }
        let units: Vec<&str> = units.iter().filter_map(|unit| unit.as_str()).collect();
        let expected = suggest::one_of(units.iter().copied().chain(variants.iter().copied()));
        let message = format!("unknown value `{text}` for {subject}");
        let diagnostic = Diagnostic::error(message, node.head(), format!("expected {expected}"));
        self.report(diagnostic.with_help(suggest::did_you_mean(
            text,
            units.into_iter().chain(variants.iter().copied()),
        )));
    }
}

/// The values that the branches list.
fn unit_variants<'s>(branches: &[&'s Value]) -> Vec<&'s Value> {
    branches
        .iter()
        .filter_map(|branch| schema::listed(branch))
        .flatten()
        .filter(|value| !value.is_null())
        .collect()
}
