//! The same topology with and without its gateway, and with and without its mesh.

use std::fmt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Control;

/// Which parts of a topology there are beside its services.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deployment {
    /// Services alone. They call each other directly, by the address map of their contract: the first replica of each, in the clear.
    Neither,
    /// A gateway before services without sidecars.
    GatewayOnly,
    /// Services with sidecars, and nothing at the door.
    MeshOnly,
    /// Services with sidecars, and the gateway if the topology has one.
    #[default]
    Both,
}

impl Deployment {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Neither, Self::GatewayOnly, Self::MeshOnly, Self::Both];

    /// Whether the gateway is there.
    pub fn has_gateway(self) -> bool {
        matches!(self, Self::GatewayOnly | Self::Both)
    }

    /// Whether the sidecars are there.
    pub fn has_mesh(self) -> bool {
        matches!(self, Self::MeshOnly | Self::Both)
    }

    /// As scenario files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Neither => "neither",
            Self::GatewayOnly => "gateway-only",
            Self::MeshOnly => "mesh-only",
            Self::Both => "both",
        }
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What is expected where a part of the topology is missing, in the words of controls. Under `both` every check holds: that is the scenario
/// itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Deployments {
    /// Services alone.
    pub neither: Option<Expectations>,
    /// A gateway before services without sidecars.
    pub gateway_only: Option<Expectations>,
    /// Services with sidecars, and nothing at the door.
    pub mesh_only: Option<Expectations>,
}

/// Which checks fail.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectations {
    /// Checks that must fail, each with words that must be in what was seen. All others must hold.
    pub must_fail: IndexMap<String, String>,
    /// Checks that may fail, or not.
    pub may_fail: Vec<String>,
}

impl Deployments {
    /// Those that are declared, in the order of [`Deployment::ALL`], each with what is expected.
    pub fn declared(&self) -> impl Iterator<Item = (Deployment, &Expectations)> {
        let all = [
            (Deployment::Neither, &self.neither),
            (Deployment::GatewayOnly, &self.gateway_only),
            (Deployment::MeshOnly, &self.mesh_only),
        ];
        all.into_iter()
            .filter_map(|(deployment, expected)| Some((deployment, expected.as_ref()?)))
    }

    /// The declared deployment of that name.
    pub fn named(&self, name: &str) -> Option<Deployment> {
        let mut declared = self.declared();
        declared
            .find(|(deployment, _)| deployment.as_str() == name)
            .map(|(deployment, _)| deployment)
    }

    /// Whether only the whole topology is there.
    pub fn is_empty(&self) -> bool {
        self.declared().next().is_none()
    }
}

impl Expectations {
    /// The control that leaves out what `deployment` does not have. A deployment is graded as a control is: what must fail does so for a cause.
    pub(crate) fn control(&self, deployment: Deployment) -> Control {
        let patch = IndexMap::from([("deployment".to_owned(), deployment.as_str().into())]);
        Control {
            rules: None,
            topology: Some(patch),
            traffic: None,
            timeline: None,
            evidence: None,
            must_fail: self.must_fail.clone(),
            may_fail: self.may_fail.clone(),
        }
    }
}
