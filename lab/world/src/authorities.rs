//! The certificate authorities that the lab itself holds: what intruders present was issued by them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hallway_host::Host;
use hallway_identity::{Authority, KeyKind, Svid, Validity, WebAuthority};
use hallway_model::bootstrap::Token;
use hallway_model::{Hostname, SpiffeId, TrustDomain};
use hallway_scenario::fault::{Fault, Program};
use hallway_scenario::traffic::{Certificate, INTRUDER, Present};
use hallway_scenario::{Scenario, Step, Traffic};

use serde_json::json;

use crate::error::WorldError;
use crate::plan::Plan;

/// How long a certificate of an intruder has been good before it expired, or will be good.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The certificate authorities that the lab itself holds.
#[derive(Debug)]
pub(crate) struct Authorities {
    by_trust_domain: BTreeMap<TrustDomain, Authority>,
    /// The trust domain that the mesh is told to trust beside its own.
    federated: Option<TrustDomain>,
    /// The authority that clients outside trust, and the Secrets with what it issued.
    web: WebAuthority,
    secrets: Vec<Token>,
}

impl Authorities {
    /// Those that the scenario needs: of every trust domain that is not the mesh's, and of the mesh's own only if an intruder brings a
    /// certificate of it, or the control plane is to start again with the key that it had. Otherwise the mesh's control plane is its own
    /// authority, and nobody else has its key.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when a trust domain is none.
    pub(crate) fn of(scenario: &Scenario, plan: &Plan, host: &Host) -> Result<Self, WorldError> {
        let added = scenario.topology.trust_bundle.add.as_deref();
        let federated = added
            .map(|domain| parse("topology.trust_bundle.add", domain))
            .transpose()?;
        let presented = scenario
            .traffic
            .iter()
            .filter_map(|(name, traffic)| certificate(traffic).map(|certificate| (name, certificate)))
            .map(|(name, certificate)| issuer(plan, &format!("traffic `{name}`"), certificate))
            .collect::<Result<Vec<_>, _>>()?;
        let restarts = scenario.timeline.iter().filter_map(Step::as_fault);
        let kept = restarts
            .map(|step| &step.fault)
            .any(|fault| *fault == Fault::Restart(Program::ControlPlane))
            .then(|| plan.trust_domain.clone());
        // Signatures of one length, so that a simulated network sees the same sizes in every run; browsers want others.
        let keys = match host {
            Host::Real(_) => KeyKind::EcdsaP256,
            Host::Virtual(_) => KeyKind::Ed25519,
        };
        let web = WebAuthority::new("Hallway lab", keys, host.wall_clock());
        let domains = presented.into_iter().chain(federated.clone()).chain(kept);
        Ok(Self {
            by_trust_domain: domains
                .map(|domain| (domain.clone(), Authority::new(host, domain)))
                .collect(),
            federated,
            secrets: secrets(scenario, &web),
            web,
        })
    }

    /// The authority of the mesh's own trust domain, when the lab holds it.
    pub(crate) fn of_mesh(&self, plan: &Plan) -> Option<&Authority> {
        self.by_trust_domain.get(&plan.trust_domain)
    }

    /// The roots that the mesh is told to trust beside its own, PEM.
    pub(crate) fn federated_bundles(&self) -> Vec<String> {
        let authority = self
            .federated
            .as_ref()
            .and_then(|domain| self.by_trust_domain.get(domain));
        authority
            .map(|authority| authority.root_pem().to_owned())
            .into_iter()
            .collect()
    }

    /// The root that clients outside trust, PEM.
    pub(crate) fn web_root(&self) -> &str {
        self.web.root_pem()
    }

    /// The Secrets that the lab holds for the rules, each as a document.
    pub(crate) fn secrets(&self) -> &[Token] {
        &self.secrets
    }

    /// Issues what an intruder presents.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when the certificate cannot be issued.
    pub(crate) fn issue(
        &self,
        what: &str,
        plan: &Plan,
        certificate: &Certificate,
        now: SystemTime,
    ) -> Result<Svid, WorldError> {
        let domain = issuer(plan, what, certificate)?;
        let account = certificate.identity.as_deref().unwrap_or(INTRUDER);
        let identity = SpiffeId::new(domain.clone(), &plan.namespace, account)
            .map_err(|error| WorldError::scenario(what, error))?;
        self.by_trust_domain
            .get(&domain)
            .expect("there is an authority for every certificate of the scenario")
            .mint(&identity, validity(certificate, now))
            .map_err(|error| WorldError::scenario(what, error))
    }
}

/// Secrets like those that the lab holds for the rules of `scenario`, to check such rules with: references to them lead somewhere.
pub fn like_secrets_of(scenario: &Scenario) -> Vec<Token> {
    let host = Host::real_unseeded();
    let authority = WebAuthority::new("nobody", KeyKind::Ed25519, host.wall_clock());
    secrets(scenario, &authority)
}

/// The certificates of the gateway, as a certificate manager would leave them.
fn secrets(scenario: &Scenario, authority: &WebAuthority) -> Vec<Token> {
    let certificates = scenario
        .topology
        .gateway
        .iter()
        .flat_map(|gateway| &gateway.certificates);
    let document = |(name, hosts): (&String, &Vec<Hostname>)| {
        let issued = authority.issue(name, hosts);
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": { "name": name, "namespace": scenario.topology.namespace },
            "stringData": { "tls.crt": issued.chain, "tls.key": issued.key.0 },
        });
        // JSON is YAML.
        Token(secret.to_string())
    };
    certificates.map(document).collect()
}

/// The certificate that an intruder brings.
pub(crate) fn certificate(traffic: &Traffic) -> Option<&Certificate> {
    match &traffic.present {
        Some(Present::Certificate(certificate)) => Some(certificate),
        Some(Present::Plaintext(_)) | None => None,
    }
}

fn issuer(plan: &Plan, what: &str, certificate: &Certificate) -> Result<TrustDomain, WorldError> {
    match &certificate.trust_domain {
        None => Ok(plan.trust_domain.clone()),
        Some(domain) => parse(what, domain),
    }
}

fn parse(what: &str, domain: &str) -> Result<TrustDomain, WorldError> {
    TrustDomain::new(domain).map_err(|error| WorldError::scenario(what, error))
}

fn validity(certificate: &Certificate, now: SystemTime) -> Validity {
    let Some(ago) = certificate.expired_for else {
        return Validity::starting(now, LIFETIME);
    };
    let not_after = now - ago.to_std();
    Validity {
        not_before: not_after - LIFETIME,
        not_after,
    }
}

#[cfg(test)]
mod tests {
    use hallway_host::Host;
    use hallway_scenario::Scenario;
    use serde_json::{Value, json};

    use super::{Authorities, certificate};
    use crate::plan::Plan;

    fn authorities(trust_bundle: Value, present: Value) -> (Scenario, Plan, Authorities) {
        with_timeline(trust_bundle, present, json!([]))
    }

    fn with_timeline(trust_bundle: Value, present: Value, timeline: Value) -> (Scenario, Plan, Authorities) {
        let scenario: Scenario = serde_json::from_value(json!({
            "scenario": "test", "title": "", "teaches": "", "grounds": ["processes"], "rules": "rules.yaml",
            "topology": { "services": { "payments": {} }, "trust_bundle": trust_bundle },
            "traffic": { "thief": { "from": "intruder", "to": "payments", "present": present, "count": 1 } },
            "timeline": timeline, "checks": {}, "controls": {},
        }))
        .unwrap();
        let plan = Plan::of(&scenario).unwrap();
        let authorities = Authorities::of(&scenario, &plan, &Host::real_unseeded()).unwrap();
        (scenario, plan, authorities)
    }

    #[test]
    fn the_lab_has_the_key_of_the_mesh_only_when_an_intruder_needs_it() {
        let (_, plan, needed) = authorities(json!({}), json!({ "identity": "orders" }));
        assert!(needed.of_mesh(&plan).is_some());
        for present in [json!("plaintext"), json!({ "trust_domain": "evil.test" })] {
            let (_, plan, not_needed) = authorities(json!({}), present);
            assert!(not_needed.of_mesh(&plan).is_none());
        }
    }

    #[test]
    fn the_lab_keeps_the_key_for_a_control_plane_that_is_to_start_again() {
        let fault = |fault: &str| json!([{ "at": "1s", "fault": { fault: "control plane" } }]);
        let (_, plan, kept) = with_timeline(json!({}), json!("plaintext"), fault("restart"));
        assert!(kept.of_mesh(&plan).is_some());
        let (_, plan, not_kept) = with_timeline(json!({}), json!("plaintext"), fault("crash"));
        assert!(not_kept.of_mesh(&plan).is_none());
    }

    #[test]
    fn a_foreign_root_is_trusted_only_when_the_scenario_says_so() {
        let present = json!({ "trust_domain": "evil.test" });
        let (_, _, trusted) = authorities(json!({ "add": "evil.test" }), present.clone());
        assert_eq!(trusted.federated_bundles().len(), 1);
        let (_, _, strange) = authorities(json!({}), present);
        assert_eq!(strange.federated_bundles(), Vec::<String>::new());
    }

    #[test]
    fn an_expired_certificate_expired_as_long_ago_as_it_should() {
        let present = json!({ "identity": "orders", "expired_for": "1h" });
        let (scenario, plan, authorities) = authorities(json!({}), present);
        let now = Host::real_unseeded().wall_clock();
        let certificate = certificate(&scenario.traffic["thief"]).unwrap();
        let svid = authorities.issue("traffic", &plan, certificate, now).unwrap();
        assert_eq!(
            svid.identity().to_string(),
            "spiffe://hallway.test/ns/shop/sa/orders"
        );
        let ago = now.duration_since(svid.not_after()).unwrap().as_secs();
        // X.509 counts whole seconds.
        assert!((3600..=3601).contains(&ago), "{ago} s");
        assert!(svid.not_before() < svid.not_after());
    }
}
