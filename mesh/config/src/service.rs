//! `v1 Service`: a name under which workloads are called. Source: Kubernetes API reference, Service v1.

use std::collections::BTreeMap;

use hallway_model::Protocol as HttpVersion;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::Manifest;
use crate::names::DnsLabel;

/// A `v1 Service`.
pub type Service = Manifest<ServiceSpec>;

impl Service {
    /// The label `app` of the workloads behind it, in its own namespace; none when its selector asks for another label, which no
    /// workload has.
    pub fn selected_app(&self) -> Option<&str> {
        match &self.spec.selector {
            Some(selector) if !selector.is_empty() => match selector.get("app") {
                Some(app) if selector.len() == 1 => Some(app),
                _ => None,
            },
            _ => Some(&self.metadata.name),
        }
    }
}

/// A name under which workloads are called: its ports, and the workloads behind it.
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
    /// How the service is reached. The default is `ClusterIP`.
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
    /// The transport. The default is `TCP`.
    #[serde(default)]
    pub protocol: Protocol,
    /// The protocol of the application. The default is `http`.
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

/// An application protocol. Sources: KEP-3726 and GEP-1911 for the names with a prefix,
/// <https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/> for those without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "grpc-web": "is not supported: it is translated at a gateway; use `grpc` for what is behind one",
    "https": "is not supported: the mesh itself encrypts; use `http`, or `kubernetes.io/h2c` for HTTP/2",
    "kubernetes.io/ws": "is not supported yet",
    "kubernetes.io/wss": "is not supported yet",
    "tcp": "is not supported: the mesh carries HTTP only",
    "tls": "is not supported: the mesh itself encrypts, and carries HTTP only",
}))]
pub enum AppProtocol {
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "http")]
    Http,
    /// HTTP/2 in the clear with prior knowledge, as Kubernetes and Gateway API write it.
    #[serde(rename = "kubernetes.io/h2c")]
    H2c,
    /// The same, as Istio writes it.
    #[serde(rename = "http2")]
    Http2,
    /// The same, as Istio writes it for gRPC.
    #[serde(rename = "grpc")]
    Grpc,
}

impl AppProtocol {
    /// The version of HTTP that it stands for.
    pub fn http_version(self) -> HttpVersion {
        match self {
            Self::Http => HttpVersion::Http1,
            Self::H2c | Self::Http2 | Self::Grpc => HttpVersion::Http2,
        }
    }
}
