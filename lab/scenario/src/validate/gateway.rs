//! The front door.

use hallway_yaml::Path;

use crate::Topology;
use crate::findings::Findings;

/// Checks the gateway of a topology, if it has one.
pub(super) fn check(findings: &mut Findings<'_>, topology: &Topology) {
    let Some(gateway) = &topology.gateway else { return };
    let path = Path::keys(["topology", "gateway"]);
    findings.name(&path.with("name"), "a gateway", &gateway.name);
    if topology.services.contains_key(&gateway.name) {
        let message = format!("`{}` is a service already", gateway.name);
        findings.value(&path.with("name"), message, "expected a name of its own");
    }
    for (index, port) in gateway.ports.iter().enumerate() {
        let path = path.with("ports").with(index);
        if *port == 0 {
            findings.value(&path, "nobody can come for port 0", "expected 1 to 65535");
        } else if gateway.ports[..index].contains(port) {
            findings.value(
                &path,
                format!("port {port} stands here twice"),
                "given again here",
            );
        }
    }
    for (secret, names) in &gateway.certificates {
        let path = path.with("certificates").with(secret.as_str());
        findings.key_name(&path, "a Secret", secret);
        if names.is_empty() {
            let message = "a certificate must prove some host name";
            findings.value(&path, message, "expected one such as `shop.test`");
        }
    }
}
