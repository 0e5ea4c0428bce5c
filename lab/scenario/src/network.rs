//! What the links between machines are like.

use hallway_config::GatewayDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{ByteRate, Share};

/// What every link between two machines is like, in each direction, until a fault changes it. Simulated only. What is absent
/// is as the simulator has it by default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// How long a packet takes, one way.
    pub latency: Option<GatewayDuration>,
    /// At most so much is added to the latency, at random.
    pub jitter: Option<GatewayDuration>,
    /// At most so many bytes in a second.
    pub bandwidth: Option<ByteRate>,
    /// The share of the packets that are lost, and sent again as TCP does.
    pub loss: Option<Share>,
}
