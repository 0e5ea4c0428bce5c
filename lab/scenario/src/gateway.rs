//! The front door of a topology.

use hallway_model::Hostname;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The gateway of a topology: a proxy in front of the services, for clients outside of the mesh (`from: outside`).
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// The Gateway in the rules whose listeners it has, and the service account in its own certificate in the mesh; `front` when absent. The
    /// proxy is called `front-1`.
    pub name: String,
    /// The ports that clients can come for. The lab gives each a free port of the machine.
    #[schemars(length(min = 1, max = 8))]
    pub ports: Vec<u16>,
    /// Secrets of type `kubernetes.io/tls` that the rules can refer to without holding them, each with the host names that its certificate
    /// proves. The lab issues them, as a certificate manager does in a cluster, and clients outside trust its root.
    #[schemars(with = "IndexMap<String, Vec<String>>")]
    pub certificates: IndexMap<String, Vec<Hostname>>,
}

impl Gateway {
    /// The name of its one proxy.
    pub fn instance_name(&self) -> String {
        format!("{}-1", self.name)
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            name: "front".to_owned(),
            ports: vec![80, 443],
            certificates: IndexMap::new(),
        }
    }
}
