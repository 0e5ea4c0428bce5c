//! What a gateway serves: listeners by port and host name, and the routes behind each. The shapes follow Gateway API's `Gateway`
//! (<https://gateway-api.sigs.k8s.io/reference/spec/#gateway>), already defaulted and resolved.

use serde::{Deserialize, Serialize};

use crate::bootstrap::Token;
use crate::{AuthorizationPolicy, ClientLimits, Hostname, JwtRule, Origin, RouteTable};

/// What one gateway serves.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Gateway {
    /// The resource that says so, such as `shop/front`.
    pub name: String,
    /// Its listeners, in the order in which they were written. On one port, all of them speak TLS or none does, and no two have the same
    /// host name.
    pub listeners: Vec<Listener>,
    /// Which tokens are believed, as at a sidecar's inbound side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authentication: Vec<JwtRule>,
    /// Who may do what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization: Vec<AuthorizationPolicy>,
    /// What it takes from one client.
    #[serde(default, skip_serializing_if = "ClientLimits::is_nothing")]
    pub limits: ClientLimits,
}

impl Gateway {
    /// Takes the private keys away.
    pub(crate) fn withhold_keys(&mut self) {
        let certificates = self
            .listeners
            .iter_mut()
            .filter_map(|listener| listener.certificate.as_mut());
        for certificate in certificates {
            certificate.key = Token("(withheld)".to_owned());
        }
    }
}

/// One listener: a port, and the host names that it is for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listener {
    /// Its name, unique in the gateway, such as `https`.
    pub name: String,
    /// Where it was written.
    pub origin: Option<Origin>,
    /// The port that clients connect to. At which address the proxy listens for it is in its bootstrap, as a Kubernetes Service has a
    /// `targetPort` for its `port`.
    pub port: u16,
    /// The names that it is for; absent for all.
    pub hostname: Option<Hostname>,
    /// What it proves itself with; absent for HTTP in the clear.
    pub certificate: Option<ServerCertificate>,
    /// Where requests go, the more specific host names first.
    pub hosts: Vec<VirtualHost>,
}

/// The routes for some host names of a listener. Envoy's term.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct VirtualHost {
    /// The names; absent for all.
    pub hostname: Option<Hostname>,
    /// The rules of all routes with exactly these names. Its authorities are empty: the names above stand in their place.
    pub table: RouteTable,
}

/// A certificate for clients that are not of the mesh.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServerCertificate {
    /// The `kubernetes.io/tls` Secret that it comes from, such as `shop/shop-tls`.
    pub secret: String,
    /// The certificate chain, leaf first, PEM.
    pub chain: String,
    /// Its private key, PEM.
    pub key: Token,
}

#[cfg(test)]
mod tests {
    use super::{Gateway, Listener, ServerCertificate};
    use crate::bootstrap::Token;
    use crate::{ClientLimits, Snapshot};

    #[test]
    fn what_people_look_at_has_no_keys() {
        let listener = Listener {
            name: "https".to_owned(),
            origin: None,
            port: 443,
            hostname: None,
            certificate: Some(ServerCertificate {
                secret: "shop/shop-tls".to_owned(),
                chain: "the chain".to_owned(),
                key: Token("the key".to_owned()),
            }),
            hosts: Vec::new(),
        };
        let snapshot = Snapshot {
            gateway: Some(Gateway {
                name: "shop/front".to_owned(),
                listeners: vec![listener],
                authentication: Vec::new(),
                authorization: Vec::new(),
                limits: ClientLimits::default(),
            }),
            ..Snapshot::default()
        };
        let shown = serde_json::to_string(&snapshot.without_keys()).expect("plain data");
        assert!(
            shown.contains("the chain") && !shown.contains("the key"),
            "{shown}"
        );
        assert!(!format!("{snapshot:?}").contains("the key"));
    }
}
