//! JSON Merge Patch (RFC 7396) on trees.

use crate::node::{Content, Entry, Mapping, Node};

impl Node {
    /// This node with `patch` applied by RFC 7396: mappings are merged field by field, `null` removes a field, everything
    /// else replaces what was there. What comes from the patch keeps the spans of the patch.
    #[must_use]
    pub fn merge_patch(&self, patch: &Node) -> Node {
        let Content::Mapping(changes) = &patch.content else {
            return patch.clone();
        };
        let (span, target) = match &self.content {
            Content::Mapping(mapping) => (&self.span, mapping.entries()),
            _ => (&patch.span, &[][..]),
        };
        let kept = target
            .iter()
            .filter_map(|entry| match changes.get(&entry.key.name) {
                None => Some(entry.clone()),
                Some(change) => patched(entry, change),
            });
        let is_new = |entry: &&Entry| !target.iter().any(|old| old.key.name == entry.key.name);
        let added = changes
            .entries()
            .iter()
            .filter(is_new)
            .filter(|entry| !entry.value.is_null());
        let entries = kept.chain(added.map(without_nulls)).collect();
        Node {
            span: span.clone(),
            content: Content::Mapping(Mapping::from_unique(entries)),
        }
    }
}

fn patched(entry: &Entry, change: &Node) -> Option<Entry> {
    (!change.is_null()).then(|| Entry {
        key: entry.key.clone(),
        value: entry.value.merge_patch(change),
    })
}

/// A field that the target lacks is merged into nothing, which removes the nulls inside it.
fn without_nulls(entry: &Entry) -> Entry {
    let nothing = Node {
        span: entry.value.span.clone(),
        content: Content::Null,
    };
    Entry {
        key: entry.key.clone(),
        value: nothing.merge_patch(&entry.value),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use crate::node::Node;
    use crate::{Path, SourceFile, parse_one};

    /// JSON values whose keys often coincide.
    pub(crate) fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c ]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|fields| Value::from(Map::from_iter(fields))),
            ]
        })
    }

    /// The algorithm of RFC 7396, section 2, as it is written there.
    fn reference(target: Value, patch: &Value) -> Value {
        let Value::Object(changes) = patch else {
            return patch.clone();
        };
        let mut target = match target {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        for (name, change) in changes {
            if change.is_null() {
                target.remove(name);
            } else {
                let old = target.remove(name).unwrap_or(Value::Null);
                target.insert(name.clone(), reference(old, change));
            }
        }
        Value::Object(target)
    }

    fn node(name: &str, value: &Value) -> Node {
        parse_one(&SourceFile::new(name, value.to_string())).expect("JSON is YAML")
    }

    proptest! {
        #[test]
        fn merging_follows_rfc_7396(target in json(), patch in json()) {
            let merged = node("target", &target).merge_patch(&node("patch", &patch));
            prop_assert_eq!(merged.to_json(), reference(target, &patch));
        }
    }

    #[test]
    fn what_is_patched_keeps_the_spans_of_the_patch() {
        let target = parse_one(&SourceFile::new("target", "a: 1\nb: { c: 2, d: 3 }\n")).expect("YAML");
        let patch = parse_one(&SourceFile::new("patch", "b:\n  d: 4\n  e: 5\n")).expect("YAML");
        let merged = target.merge_patch(&patch);
        let place = |keys: &[&str]| {
            let path = keys.iter().fold(Path::root(), |path, key| path.with(*key));
            merged.span(&path).to_string()
        };
        assert_eq!(place(&["a"]), "target:1:4");
        assert_eq!(place(&["b", "c"]), "target:2:9");
        assert_eq!(place(&["b", "d"]), "patch:2:6");
        assert_eq!(place(&["b", "e"]), "patch:3:6");
    }
}
