//! A scenario file as a whole.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::deployment::Deployments;
use crate::timeline::PushStep;
use crate::{Check, Control, Step, Topology, Traffic};

/// A line that is not blank.
const ONE_LINE: &str = r"^[^\n]*\S[^\n]*$";

/// A scenario: a topology, its rules, the traffic, what must hold, and the controls that prove that it could fail.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name: lower case, digits and hyphens; the same as its directory without the number.
    pub scenario: String,
    /// What happens, in one line.
    #[schemars(title = "one line of text", regex(pattern = ONE_LINE))]
    pub title: String,
    /// What one learns from it, in one line.
    #[schemars(title = "one line of text", regex(pattern = ONE_LINE))]
    pub teaches: String,
    /// Where it can run.
    pub grounds: Grounds,
    /// The services and the mesh around them.
    pub topology: Topology,
    /// The rule file that is in force at the start, beside the scenario file.
    pub rules: String,
    /// The traffic, by name.
    pub traffic: IndexMap<String, Traffic>,
    /// What happens while traffic flows, by time.
    #[serde(default)]
    pub timeline: Vec<Step>,
    /// Other deployments that the same run is made under, and what is expected there; only the whole topology when absent. Each is graded as a
    /// control of its name.
    #[serde(default)]
    pub deployments: Deployments,
    /// What must hold, by name.
    pub checks: IndexMap<String, Check>,
    /// The same run with one thing removed or spoilt, by name. Every check is turned red by at least one of them.
    pub controls: IndexMap<String, Control>,
}

impl Scenario {
    /// The same, with the controls that its deployments amount to.
    pub(crate) fn with_deployments(mut self) -> Self {
        let declared = self.deployments.declared();
        let mut controls: IndexMap<String, Control> = declared
            .map(|(deployment, expected)| (deployment.to_string(), expected.control(deployment)))
            .collect();
        controls.extend(std::mem::take(&mut self.controls));
        self.controls = controls;
        self
    }

    /// The pushes of its timeline, in the order in which they are written.
    pub fn pushes(&self) -> impl DoubleEndedIterator<Item = &PushStep> {
        self.timeline.iter().filter_map(Step::as_push)
    }
}

/// Where a scenario can run: both grounds, or one with the reason.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Grounds {
    /// All that are listed.
    Listed(#[schemars(length(min = 1))] Vec<Ground>),
    /// One only.
    Only(OnlyGround),
}

/// The only ground of a scenario, with the reason.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OnlyGround {
    /// Real processes only, because of this.
    Processes(#[schemars(length(min = 1))] String),
    /// The simulator only, because of this.
    Simulated(#[schemars(length(min = 1))] String),
}

/// Where a scenario runs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// Real processes, real sockets, real time.
    Processes,
    /// The deterministic simulator.
    Simulated,
}

impl Grounds {
    /// Whether the scenario can run on `ground`.
    pub fn include(&self, ground: Ground) -> bool {
        match self {
            Self::Listed(grounds) => grounds.contains(&ground),
            Self::Only(OnlyGround::Processes(_)) => ground == Ground::Processes,
            Self::Only(OnlyGround::Simulated(_)) => ground == Ground::Simulated,
        }
    }
}
