//! How gateways and routes are, in the words of Gateway API (<https://gateway-api.sigs.k8s.io/reference/spec/>, `GatewayStatus` and
//! `RouteStatus`). Kubernetes writes it into the resources; here they are files, so it is answered beside them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a gateway is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayStatus {
    /// `Accepted`: it can be served. `Programmed`: a proxy serves it, as it is written now.
    pub conditions: Vec<Condition>,
    /// Its listeners by name.
    pub listeners: BTreeMap<String, ListenerStatus>,
}

/// How a listener is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// How many routes are attached to it.
    pub attached_routes: usize,
    /// `Accepted`, `Programmed`, and `ResolvedRefs`: its certificate is there.
    pub conditions: Vec<Condition>,
}

/// How a route is at one of its parents.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteParentStatus {
    /// The parent as the route refers to it, such as `Gateway shop/front` or `Service shop/payments:80`.
    pub parent: String,
    /// `Accepted`: the parent takes it. `ResolvedRefs`: its backends are there.
    pub conditions: Vec<Condition>,
}

/// One thing that holds or does not.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Condition {
    /// What holds.
    #[serde(rename = "type")]
    pub condition_type: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one of Gateway API's words.
    pub reason: String,
    /// Why, for people; empty when there is nothing to add.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// What can hold.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ConditionType {
    /// It is sound, and taken.
    Accepted,
    /// A proxy has it in force.
    Programmed,
    /// What it refers to is there.
    ResolvedRefs,
}

/// Whether it holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ConditionStatus {
    /// It does.
    True,
    /// It does not.
    False,
}

impl Condition {
    /// It holds. The reason is then the type's own name.
    pub(crate) fn holds(condition_type: ConditionType) -> Self {
        Self {
            condition_type,
            status: ConditionStatus::True,
            reason: format!("{condition_type:?}"),
            message: String::new(),
        }
    }

    /// It does not hold.
    pub(crate) fn fails(
        condition_type: ConditionType,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            condition_type,
            status: ConditionStatus::False,
            reason: reason.into(),
            message: message.into(),
        }
    }
}
