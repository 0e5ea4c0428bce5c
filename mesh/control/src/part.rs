//! A part of what proxies should have, shared by all of them for which it is the same.
//!
//! A part never changes; another takes its place. How it differs from an earlier one is worked out and written as JSON once, however many
//! proxies are told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use hallway_model::snapshot::Changes;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// Proxies that are slow, or refuse, have earlier parts than the others; the differences from this many of them are kept at hand.
const MOST_DIFFERENCES: usize = 8;

/// Values by name.
#[derive(Debug)]
pub(crate) struct Part<Name, Value> {
    values: BTreeMap<Name, Arc<Value>>,
    /// What was worked out, each with the part that it starts from, the latest last.
    differences: Mutex<Vec<Difference<Name, Value>>>,
}

#[derive(Debug)]
struct Difference<Name, Value> {
    from: Weak<Part<Name, Value>>,
    changes: Option<Arc<RawValue>>,
}

impl<Name, Value> Part<Name, Value>
where
    Name: Clone + Ord + Serialize,
    Value: Clone + Eq + Serialize,
{
    pub(crate) fn new(values: BTreeMap<Name, Arc<Value>>) -> Arc<Self> {
        Arc::new(Self {
            values,
            differences: Mutex::default(),
        })
    }

    /// A part with `values`: this one, if they are the same. Those of them that are the same are shared, so that comparing them later takes no
    /// time.
    pub(crate) fn replaced_by(self: &Arc<Self>, mut values: BTreeMap<Name, Arc<Value>>) -> Arc<Self> {
        for (name, value) in &mut values {
            if let Some(known) = self.values.get(name).filter(|known| *known == value) {
                *value = known.clone();
            }
        }
        if self.values == values {
            return self.clone();
        }
        Self::new(values)
    }

    pub(crate) fn values(&self) -> &BTreeMap<Name, Arc<Value>> {
        &self.values
    }

    /// [`Changes`] as JSON, from `earlier` or from nothing to this part; `None` when they are the same.
    pub(crate) fn changes_since(self: &Arc<Self>, earlier: Option<&Arc<Self>>) -> Option<Arc<RawValue>> {
        if earlier.is_some_and(|earlier| Arc::ptr_eq(earlier, self)) {
            return None;
        }
        let from = earlier.map_or_else(Weak::new, Arc::downgrade);
        let mut differences = self
            .differences
            .lock()
            .expect("nothing panics while it holds the lock");
        if let Some(known) = differences.iter().find(|known| known.from.ptr_eq(&from)) {
            return known.changes.clone();
        }
        let changes = self.difference(earlier.map(Arc::as_ref));
        let changes = (!changes.is_empty()).then(|| json(&changes));
        if differences.len() == MOST_DIFFERENCES {
            differences.remove(0);
        }
        differences.push(Difference {
            from,
            changes: changes.clone(),
        });
        changes
    }

    fn difference(&self, earlier: Option<&Self>) -> Changes<Name, Value> {
        let nothing = BTreeMap::new();
        let old = earlier.map_or(&nothing, |earlier| &earlier.values);
        let differs = |(name, value): &(&Name, &Arc<Value>)| old.get(*name) != Some(*value);
        let set = self.values.iter().filter(differs);
        let removed = old.keys().filter(|name| !self.values.contains_key(*name));
        Changes {
            set: set
                .map(|(name, value)| (name.clone(), value.as_ref().clone()))
                .collect(),
            removed: removed.cloned().collect(),
        }
    }
}

impl<Name: PartialEq, Value: Eq> PartialEq for Part<Name, Value> {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl<Name: Eq, Value: Eq> Eq for Part<Name, Value> {}

impl<Name, Value> Default for Part<Name, Value> {
    fn default() -> Self {
        Self {
            values: BTreeMap::new(),
            differences: Mutex::default(),
        }
    }
}

fn json(changes: &impl Serialize) -> Arc<RawValue> {
    let text = to_raw_value(changes).expect("changes are plain data with string keys");
    Arc::from(text)
}
