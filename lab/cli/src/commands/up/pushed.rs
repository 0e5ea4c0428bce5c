//! What came of pushing rules that were saved, in words and in JSON. Pure but for the words of a refusal, for which the rules are read once more.

use hallway_evidence::{Push, PushOutcome};
use hallway_world::WorldError;
use serde_json::{Value, json};

use crate::conduct::run::Order;
use crate::failure::Failure;
use crate::rules;

/// What came of pushing rules.
pub(super) enum Pushed {
    /// In force, in these proxies; or not, in those that say why, or have not answered.
    Accepted { generation: u64, without: Vec<String> },
    /// What was there stays in force.
    Refused { why: String },
}

impl Pushed {
    pub(super) fn of(order: &Order<'_>, pushed: Result<Push, WorldError>) -> Self {
        match pushed {
            Ok(push) => Self::of_push(order, push),
            Err(error) => Self::Refused {
                why: format!("error: {error}"),
            },
        }
    }

    /// For people.
    pub(super) fn words(&self, file: &str) -> String {
        match self {
            Self::Refused { why } => format!("{why}\n{file}: refused; the rules before stay in force"),
            Self::Accepted { generation, without } if without.is_empty() => {
                format!("{file}: accepted as generation {generation}, and in force in all proxies")
            }
            Self::Accepted { generation, without } => {
                let without = without.join("; ");
                format!("{file}: accepted as generation {generation}, but not in force everywhere: {without}")
            }
        }
    }

    /// For programs.
    pub(super) fn event(&self, file: &str) -> Value {
        match self {
            Self::Refused { why } => json!({ "event": "rules", "file": file, "refused": why }),
            Self::Accepted { generation, without } => {
                json!({ "event": "rules", "file": file, "accepted": generation, "not_in_force": without })
            }
        }
    }

    fn of_push(order: &Order<'_>, push: Push) -> Self {
        let generation = match push.outcome {
            PushOutcome::Accepted { generation } => generation,
            PushOutcome::Refused { problems } => {
                // The control plane tells places, but shows no lines.
                let shown = rules::admit(&order.loaded.files, order.scenario());
                let listed = || WorldError::RulesRefused(problems).to_string();
                let why = shown.map_or_else(
                    |error| Failure::from(error).to_string(),
                    |_| format!("error: {}", listed()),
                );
                return Self::Refused { why };
            }
        };
        let behind = push.proxies.into_iter().filter_map(|state| match state.refused {
            Some(reason) => Some(format!("{} refuses its configuration: {reason}", state.proxy)),
            None if state.acknowledged < state.wanted => {
                Some(format!("{} has not answered yet", state.proxy))
            }
            None => None,
        });
        Self::Accepted {
            generation,
            without: behind.collect(),
        }
    }
}
