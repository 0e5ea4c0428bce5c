//! What can be looked up.

use hallway_config::Kind;
use hallway_yaml::suggest;
use serde_json::Value;

use crate::failure::Failure;

/// A part of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// The kinds of resources in rule files.
    Rules,
    /// What a scenario can check.
    Checks,
    /// All of a scenario file.
    ScenarioFormat,
}

impl Topic {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Rules, Self::Checks, Self::ScenarioFormat];

    /// The topic of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// The word that is typed for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Checks => "checks",
            Self::ScenarioFormat => "scenario-format",
        }
    }

    /// The schema that describes it; of rules, that of `kind`.
    pub(super) fn schema(self, kind: Option<Kind>) -> Value {
        match kind {
            Some(kind) => kind.schema().to_value(),
            None => hallway_scenario::json_schema(),
        }
    }
}

/// The kind of that name.
///
/// # Errors
/// [`Failure::Input`] with the kind that was probably meant.
pub(super) fn kind(name: &str) -> Result<Kind, Failure> {
    let named = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    named.ok_or_else(|| {
        let hint = suggest::did_you_mean(name, Kind::ALL.map(Kind::name));
        Failure::input(format_args!(
            "there is no kind `{name}`{}\n`hallway show rules` lists all kinds that Hallway understands",
            hint.map(|hint| format!(": {hint}")).unwrap_or_default(),
        ))
    })
}
