//! Whatever changes, and in whatever order: what proxies should have is what a translation from nothing gives, and what they are told leads there.

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_host::Host;
use hallway_identity::Authority;
use hallway_model::bootstrap::Admission;
use hallway_model::discovery::{Update, Version};
use hallway_model::{Snapshot, TrustDomain};
use proptest::prelude::*;

use super::ControlPlane;
use crate::api::{KnownWorkload, RegisterWorkload, RuleFile, WorkloadEndpoint};
use crate::translate::reference;

/// What somebody does. Workloads, apps and namespaces are few, so that changes meet.
#[derive(Clone, Debug)]
enum Act {
    Register(RegisterWorkload),
    Restore(Vec<KnownWorkload>),
    Place(String, WorkloadEndpoint),
    Remove(String),
    Push(Vec<String>),
    /// The proxy opens a stream, in the place of an earlier one.
    Connect(String),
    /// The proxy reads what it is told, and accepts it or not.
    Read(String, bool),
}

/// Rules, some of which contradict each other; all of them can stand together.
const RULES: [&str; 13] = [
    "apiVersion: v1\nkind: Service\nmetadata: { name: a, namespace: shop }\nspec: { ports: [{ port: 80 }] }\n",
    "apiVersion: v1\nkind: Service\nmetadata: { name: both, namespace: shop }\n\
     spec: { selector: { app: a }, ports: [{ name: one, port: 80 }, { name: two, port: 81 }] }\n",
    "apiVersion: v1\nkind: Service\nmetadata: { name: none, namespace: shop }\n\
     spec: { selector: { app: a, version: v1 }, ports: [{ port: 80 }] }\n",
    "apiVersion: v1\nkind: Service\nmetadata: { name: b, namespace: bank }\nspec: { ports: [{ port: 80 }] }\n",
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: { name: default, namespace: shop }\n\
     spec: { mtls: { mode: DISABLE } }\n",
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: { name: a, namespace: shop }\n\
     spec: { selector: { matchLabels: { app: a } }, mtls: { mode: PERMISSIVE } }\n",
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: route, namespace: shop }\n\
     spec: { parentRefs: [{ group: \"\", kind: Service, name: a }], rules: [{ backendRefs: [{ name: both, port: 80 }] }] }\n",
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: b, namespace: bank }\n\
     spec: { host: b.bank.svc.cluster.local, trafficPolicy: { loadBalancer: { simple: RANDOM } } }\n",
    "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: front, namespace: shop }\n\
     spec:\n  gatewayClassName: hallway\n  listeners:\n\
     \u{20}   - { name: http, port: 80, protocol: HTTP, hostname: '*.test', allowedRoutes: { namespaces: { from: All } } }\n\
     \u{20}   - { name: own, port: 81, protocol: HTTP }\n\
     \u{20}   - { name: tls, port: 443, protocol: HTTPS, hostname: a.test, tls: { certificateRefs: [{ name: tls }] } }\n",
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: outside, namespace: shop }\n\
     spec:\n  parentRefs: [{ name: front }, { name: front, sectionName: tls }]\n\
     \u{20} hostnames: ['*.a.test', a.test, b.test, '*.b.test', elsewhere.org]\n\
     \u{20} rules: [{ backendRefs: [{ name: both, port: 80 }] }]\n",
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: far, namespace: bank }\n\
     spec:\n  parentRefs: [{ name: front, namespace: shop }]\n  rules: [{ backendRefs: [{ name: b, port: 80 }] }]\n",
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: any, namespace: shop }\n\
     spec:\n  parentRefs: [{ name: front }]\n  rules: [{ filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }] }]\n",
    "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\nmetadata: { name: few, namespace: shop }\n\
     spec:\n  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: front }]\n  requestBuffer: { limit: 64Ki }\n\
     \u{20} rateLimit: { type: Local, local: { rules: [{ clientSelectors: [{ sourceCIDR: { type: Distinct, value: 0.0.0.0/0 } }], \
     limit: { requests: 5, unit: Second } }] } }\n",
];

/// The rules, and a certificate.
fn rules() -> Vec<String> {
    let certified = rcgen::generate_simple_self_signed(["a.test".to_owned()]).expect("a certificate");
    let indented = |pem: String| -> String { pem.lines().map(|line| format!("    {line}\n")).collect() };
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: tls, namespace: shop }}\ntype: kubernetes.io/tls\n\
         stringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
        indented(certified.cert.pem()),
        indented(certified.signing_key.serialize_pem()),
    );
    RULES.map(str::to_owned).into_iter().chain([secret]).collect()
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["w1", "w2", "w3", "w4"]).prop_map(str::to_owned)
}

fn registration() -> impl Strategy<Value = RegisterWorkload> {
    let namespace = prop::sample::select(vec!["shop", "bank"]);
    let app = prop::sample::select(vec!["a", "b"]);
    let gateway = prop::option::weighted(0.3, Just("front".to_owned()));
    (name(), namespace, app, gateway).prop_map(|(name, namespace, app, gateway)| RegisterWorkload {
        name,
        namespace: namespace.to_owned(),
        service: app.to_owned(),
        service_account: app.to_owned(),
        gateway,
    })
}

fn endpoint() -> impl Strategy<Value = WorkloadEndpoint> {
    let seen_from = prop::collection::btree_map(name(), 1..3_u16, 0..3);
    (1..3_u16, any::<bool>(), any::<bool>(), seen_from).prop_map(|(port, ready, sidecar, seen_from)| {
        WorkloadEndpoint {
            sidecar,
            inbound: ([127, 0, 0, 1], port).into(),
            application: ([127, 0, 0, 1], 1000 + port).into(),
            ready,
            seen_from: seen_from
                .into_iter()
                .map(|(caller, port)| (caller, ([127, 0, 0, 1], port).into()))
                .collect(),
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    let known =
        (registration(), prop::option::of(endpoint())).prop_map(|(registration, endpoint)| KnownWorkload {
            registration,
            endpoint,
        });
    let rules = rules();
    let most = rules.len();
    let rules = prop::sample::subsequence(rules, 0..=most);
    prop_oneof![
        3 => registration().prop_map(Act::Register),
        1 => prop::collection::vec(known, 0..4).prop_map(Act::Restore),
        4 => (name(), endpoint()).prop_map(|(name, endpoint)| Act::Place(name, endpoint)),
        1 => name().prop_map(Act::Remove),
        2 => rules.prop_map(Act::Push),
        2 => name().prop_map(Act::Connect),
        4 => (name(), any::<bool>()).prop_map(|(name, accepts)| Act::Read(name, accepts)),
    ]
}

fn plane() -> ControlPlane {
    let host = Host::real_unseeded();
    let authority = Authority::new(&host, TrustDomain::new("hallway.test").expect("a trust domain"));
    let bundle = authority.bundle();
    ControlPlane::new(
        host,
        authority,
        bundle,
        Duration::from_secs(3600),
        Admission::Warn,
    )
}

/// A proxy at the other end of its stream.
struct Reader {
    stream: u64,
    in_force: Option<Version>,
    snapshot: Snapshot,
}

impl Reader {
    /// Reads the next update, if there is one, and puts it in force or not.
    fn read(&mut self, name: &str, plane: &ControlPlane, accepts: bool) {
        let mut state = plane.state();
        let Some(proxy) = state.proxies.get_mut(name) else {
            return;
        };
        let Some((step, _)) = proxy.next_step(self.stream) else {
            return;
        };
        let update: Update = serde_json::from_slice(&step.line()).expect("an update");
        let base = match update.base {
            None => Snapshot::default(),
            Some(base) => {
                assert_eq!(Some(base), self.in_force, "it starts from what the proxy has");
                self.snapshot.clone()
            }
        };
        if accepts {
            self.snapshot = base.with(update.delta);
            self.in_force = Some(update.version);
            assert_eq!(self.snapshot.without_keys(), proxy.snapshot().snapshot);
        }
        assert!(proxy.answer(update.version, (!accepts).then(String::new)));
    }
}

/// Does it; refusals, of unknown names for instance, are as good as nothing.
fn perform(act: Act, plane: &ControlPlane, readers: &mut BTreeMap<String, Reader>) {
    match act {
        Act::Register(registration) => drop(plane.register(registration)),
        Act::Restore(known) => drop(plane.restore(known)),
        Act::Place(name, endpoint) => drop(plane.set_endpoint(&name, endpoint)),
        Act::Remove(name) => drop(plane.remove(&name)),
        Act::Push(documents) => {
            let files = documents.into_iter().enumerate().map(|(index, text)| RuleFile {
                name: format!("{index}.yaml"),
                text,
            });
            plane
                .replace_rules(files.collect(), Admission::Warn)
                .expect("nothing is wrong with them");
        }
        Act::Connect(name) => {
            let mut state = plane.state();
            let stream = state.next_stream();
            if let Some(proxy) = state.proxies.get_mut(&name) {
                proxy.connect(stream);
                let reader = Reader {
                    stream,
                    in_force: None,
                    snapshot: Snapshot::default(),
                };
                readers.insert(name, reader);
            }
        }
        Act::Read(name, accepts) => {
            if let Some(reader) = readers.get_mut(&name) {
                reader.read(&name, plane, accepts);
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_kept_up_to_date_is_what_a_translation_from_nothing_gives(acts in prop::collection::vec(act(), 1..40)) {
        let plane = plane();
        let mut readers = BTreeMap::new();
        let mut before: BTreeMap<String, (Version, Snapshot)> = BTreeMap::new();
        for act in acts {
            let removed = matches!(&act, Act::Remove(_));
            perform(act, &plane, &mut readers);
            let state = plane.state();
            let mut after = BTreeMap::new();
            for workload in state.registry.workloads() {
                let expected = reference::translate(state.rules.resources(), &state.registry, workload);
                let shown = state.proxies[&workload.name].snapshot();
                prop_assert_eq!(&shown.snapshot, &expected.without_keys(), "{}", &workload.name);
                let version = match before.get(&workload.name) {
                    None => 1,
                    Some((version, snapshot)) => version + u64::from(*snapshot != expected),
                };
                prop_assert_eq!(shown.version, version, "a version for each difference");
                prop_assert_eq!(shown.generation, state.rules.generation());
                after.insert(workload.name.clone(), (version, expected));
            }
            prop_assert_eq!(state.proxies.len(), after.len());
            prop_assert!(removed || before.keys().all(|name| after.contains_key(name)));
            before = after;
        }
    }
}
