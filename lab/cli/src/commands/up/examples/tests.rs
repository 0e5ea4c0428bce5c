use std::net::SocketAddr;
use std::path::Path;

use hallway_config::{RuleFile, load};
use hallway_model::bootstrap::{GatewayPort, Token};
use hallway_scenario::Scenario;
use hallway_world::AdminAddress;
use hallway_world::up::{GatewayPlace, Places, SidecarPlace};
use serde_json::json;

use super::{Examples, MOST};

/// A gateway with two doors, and routes of all kinds.
const RULES: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  gatewayClassName: hallway
  listeners:
    - { name: https, port: 443, protocol: HTTPS, hostname: '*.shop.test', tls: { certificateRefs: [{ name: shop-tls }] } }
    - { name: any-name, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: shop-tls }] } }
    - { name: http, port: 8080, protocol: HTTP }
    - { name: elsewhere, port: 9090, protocol: HTTP }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: sealed, namespace: shop }
spec:
  parentRefs: [{ name: front, sectionName: https }]
  hostnames: [cart.shop.test]
  rules:
    - matches:
        - { path: { value: /cart }, method: POST, headers: [{ name: x-team, value: \"it's us\" }], queryParams: [{ name: a, value: b }] }
        - { path: { type: RegularExpression, value: '/[0-9]+' } }
      backendRefs: [{ name: orders, port: 80, weight: 9 }, { name: payments, port: 80 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: open, namespace: shop }
spec:
  parentRefs: [{ name: front, sectionName: any-name }, { name: front, port: 8080 }, { name: front, port: 9090 }]
  rules:
    - matches: [{ path: { type: Exact, value: /health } }]
      backendRefs: [{ name: orders, port: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: orders, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }
";

fn scenario() -> Scenario {
    let scenario = json!({
        "scenario": "test", "title": "", "teaches": "", "grounds": ["processes"], "rules": "rules.yaml",
        "topology": {
            "gateway": { "ports": [443, 8080], "certificates": { "shop-tls": ["*.shop.test", "other.test"] } },
            "services": { "orders": { "calls": ["payments"] }, "payments": { "replicas": 2 } },
        },
        "traffic": {
            "checkout": { "from": "orders", "to": "http://payments/charge", "method": "POST", "count": 1, "headers": { "x-a": "b c" } },
            "again": { "via": "orders", "to": "http://payments/", "count": 1 },
            "climber": { "from": "payments", "to": "http://orders/a/../b", "count": 1 },
            "watcher": { "from": "orders", "to": "http://payments/hallway.Payments/Watch", "protocol": "grpc", "count": 1 },
            "customer": { "from": "outside", "to": "https://cart.shop.test/", "count": 1 },
        },
        "checks": {}, "controls": {},
    });
    serde_json::from_value(scenario).expect("it is written as scenarios are")
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn places() -> Places {
    let admin = AdminAddress {
        address: local(1),
        token: Token(String::new()),
    };
    let sidecar = |workload: &str, service: &str, port| SidecarPlace {
        workload: workload.to_owned(),
        service: service.to_owned(),
        outbound: local(port),
        admin: admin.clone(),
    };
    let ports = [(443, 5443), (8080, 5080)].map(|(port, really)| GatewayPort {
        port,
        address: local(really),
    });
    Places {
        gateway: Some(GatewayPlace {
            workload: "front-1".to_owned(),
            ports: ports.into(),
            admin: admin.clone(),
        }),
        sidecars: vec![
            sidecar("orders-1", "orders", 6001),
            sidecar("payments-1", "payments", 6002),
            sidecar("payments-2", "payments", 6003),
        ],
        control_plane: admin.clone(),
        web_root: String::new(),
        stand_ins: Vec::new(),
    }
}

/// Titles and commands, and what is left out.
fn told(examples: &Examples) -> String {
    let commands = examples.commands.iter();
    let lines = commands.map(|example| format!("{}\n  {}\n", example.title, example.command));
    format!(
        "{}{} more, left out: {:?}",
        lines.collect::<String>(),
        examples.more,
        examples.left_out
    )
}

fn outside(rules: &str) -> Examples {
    let scenario = scenario();
    let mut files: Vec<RuleFile> = hallway_world::like_secrets_of(&scenario)
        .into_iter()
        .map(|secret| RuleFile {
            name: "secret".to_owned(),
            text: secret.0,
        })
        .collect();
    files.push(RuleFile {
        name: "rules.yaml".to_owned(),
        text: rules.to_owned(),
    });
    let loaded = load(files, scenario.topology.admission);
    let resources = loaded.expect("the rules are in order").resources;
    Examples::outside(&resources, &scenario, &places(), Some(Path::new("/tmp/root.pem")))
}

#[test]
fn there_is_a_command_for_each_door_name_and_match() {
    insta::assert_snapshot!(told(&outside(RULES)), @r#"
    GET https://other.test/health → orders
      curl --cacert /tmp/root.pem --connect-to other.test:443:127.0.0.1:5443 https://other.test/health
    GET http://127.0.0.1:5080/health → orders
      curl http://127.0.0.1:5080/health
    POST https://cart.shop.test/cart?a=b → orders or payments
      curl --cacert /tmp/root.pem --connect-to cart.shop.test:443:127.0.0.1:5443 -X POST -H 'x-team: it'\''s us' 'https://cart.shop.test/cart?a=b'
    0 more, left out: {"it takes a text that matches a regular expression": 1}
    "#);
}

#[test]
fn a_name_is_not_tried_at_a_listener_that_another_one_goes_before() {
    let wide = RULES.replace("hostnames: [cart.shop.test]", "hostnames: []");
    let is_served = |examples: &Examples| {
        let mut commands = examples.commands.iter();
        commands.any(|example| example.title.contains("https://www.shop.test/cart"))
    };
    assert!(is_served(&outside(&wide)));
    let exact = "- { name: exact, port: 443, protocol: HTTPS, hostname: www.shop.test, tls: { certificateRefs: [{ name: shop-tls }] } }";
    let first = "    - { name: https,";
    assert!(!is_served(&outside(
        &wide.replace(first, &format!("    {exact}\n{first}"))
    )));
}

#[test]
fn not_more_commands_are_told_than_one_can_read() {
    let paths = (0..30).map(|number| format!("{{ path: {{ value: /{number} }} }}"));
    let matches = paths.collect::<Vec<_>>().join(", ");
    let many = outside(&RULES.replace("{ path: { type: Exact, value: /health } }", &matches));
    assert_eq!(many.commands.len(), MOST);
    // One in the first route, and thirty at each of two doors.
    assert_eq!(many.more, 61 - MOST);
}

#[test]
fn calls_from_inside_are_those_of_the_traffic_and_of_the_services_each_once() {
    insta::assert_snapshot!(told(&Examples::inside(&scenario(), &places())), @r#"
    as orders-1: POST http://payments/charge
      curl -x http://127.0.0.1:6001 -X POST -H 'x-a: b c' http://payments/charge
    as orders-1: GET http://payments/
      curl -x http://127.0.0.1:6001 http://payments/
    as payments-1: GET http://orders/a/../b
      curl --path-as-is -x http://127.0.0.1:6002 http://orders/a/../b
    0 more, left out: {"curl speaks no gRPC": 1}
    "#);
}
