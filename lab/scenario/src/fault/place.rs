//! Whom faults befall: machines and programs, by their names in scenario files.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Topology;

/// What the machine of the control plane is called; the machine of a workload is called as the workload is.
pub const CONTROL_PLANE_MACHINE: &str = "control-plane";

/// What scenario files call the control plane.
const CONTROL_PLANE: &str = "control plane";

/// What scenario files put after a workload when its sidecar is meant.
const SIDECAR: &str = " sidecar";

/// One machine or several: a service means the machines of all its replicas, a replica its own.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(from = "String", into = "String")]
pub enum Place {
    /// A service (`payments`) or one of its replicas (`payments-1`).
    Workloads(String),
    /// The control plane.
    ControlPlane,
}

/// A program that runs beside others.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(from = "String", into = "String")]
pub enum Program {
    /// The service's own program of a replica: `payments-1`.
    Application(String),
    /// The sidecar of a replica: `payments-1 sidecar`.
    Sidecar(String),
    /// The control plane.
    ControlPlane,
}

impl Place {
    /// Its machines: workloads, or [`CONTROL_PLANE_MACHINE`]. None if the topology does not know it.
    pub fn machines(&self, topology: &Topology) -> Vec<String> {
        let Self::Workloads(name) = self else {
            return vec![CONTROL_PLANE_MACHINE.to_owned()];
        };
        match topology.services.get(name) {
            Some(service) => service.instance_names(name).collect(),
            None => topology.workloads().filter(|workload| workload == name).collect(),
        }
    }
}

impl From<String> for Place {
    fn from(text: String) -> Self {
        match text.as_str() {
            CONTROL_PLANE => Self::ControlPlane,
            _ => Self::Workloads(text),
        }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl From<String> for Program {
    fn from(text: String) -> Self {
        match text.strip_suffix(SIDECAR) {
            Some(workload) => Self::Sidecar(workload.to_owned()),
            None if text == CONTROL_PLANE => Self::ControlPlane,
            None => Self::Application(text),
        }
    }
}

impl From<Program> for String {
    fn from(program: Program) -> Self {
        program.to_string()
    }
}

/// Any text: which places there are, the topology knows.
impl JsonSchema for Place {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Place".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "title": "a service, a replica or `control plane`",
            "examples": ["payments", "payments-1", CONTROL_PLANE],
        })
    }
}

/// Any text: which programs there are, the topology knows.
impl JsonSchema for Program {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Program".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "title": "a replica, its sidecar or `control plane`",
            "examples": ["payments-1", "payments-1 sidecar", CONTROL_PLANE],
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workloads(name) => formatter.write_str(name),
            Self::ControlPlane => formatter.write_str(CONTROL_PLANE),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(workload) => formatter.write_str(workload),
            Self::Sidecar(workload) => write!(formatter, "{workload}{SIDECAR}"),
            Self::ControlPlane => formatter.write_str(CONTROL_PLANE),
        }
    }
}
