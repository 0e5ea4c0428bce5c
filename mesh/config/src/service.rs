//! `v1 Service`: a name under which workloads are called. Source: Kubernetes API reference, Service v1.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::Manifest;
use crate::names::DnsLabel;

/// A `v1 Service`.
pub type Service = Manifest<ServiceSpec>;

/// The ports of a service and the workloads behind them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "clusterIP": "is not supported: the mesh routes by name, services have no address",
    "clusterIPs": "is not supported: the mesh routes by name, services have no address",
    "externalIPs": "is not supported: services are reached through the mesh only",
    "externalName": "is not supported: services are reached through the mesh only",
    "loadBalancerIP": "is not supported: services are reached through the mesh only",
    "sessionAffinity": "is not supported: choose a load balancer with a DestinationRule",
}))]
pub struct ServiceSpec {
    /// The ports.
    #[schemars(length(min = 1))]
    pub ports: Vec<ServicePort>,
    /// The labels of the workloads behind the service. When absent: those whose `app` label is the service's name.
    #[serde(default)]
    pub selector: Option<BTreeMap<String, String>>,
    /// How the service is reached.
    #[serde(rename = "type", default)]
    pub service_type: ServiceType,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = { "nodePort": "is not supported: services are reached through the mesh only" }))]
pub struct ServicePort {
    /// Its name; needed when there are several.
    #[serde(default)]
    #[schemars(with = "Option<DnsLabel>")]
    pub name: Option<String>,
    /// Its number, under which clients call the service.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The port of the workloads; when absent, the same number.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub target_port: Option<u16>,
    /// The transport.
    #[serde(default)]
    pub protocol: Protocol,
    /// The protocol of the application.
    #[serde(default)]
    pub app_protocol: AppProtocol,
}

impl ServicePort {
    /// The port of the workloads.
    pub fn target(&self) -> u16 {
        self.target_port.unwrap_or(self.port)
    }
}

/// How a service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "ExternalName": "is not supported: services are reached through the mesh only",
    "LoadBalancer": "is not supported: services are reached through the mesh only",
    "NodePort": "is not supported: services are reached through the mesh only",
}))]
pub enum ServiceType {
    /// From inside the mesh, by its name.
    #[default]
    ClusterIP,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "SCTP": "is not supported: the mesh carries TCP only",
    "UDP": "is not supported: the mesh carries TCP only",
}))]
pub enum Protocol {
    /// TCP.
    #[default]
    #[serde(rename = "TCP")]
    Tcp,
}

/// An application protocol. Source: KEP-3726.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "https": "is not supported: the mesh itself encrypts; use `http`",
    "kubernetes.io/h2c": "is not supported yet; use `http`",
    "kubernetes.io/ws": "is not supported yet; use `http`",
    "kubernetes.io/wss": "is not supported yet; use `http`",
}))]
pub enum AppProtocol {
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "http")]
    Http,
}
