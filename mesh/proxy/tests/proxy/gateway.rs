//! A gateway: who is let in, by which name, and what is said of them inside.

mod limits;

use hallway_host::Host;
use hallway_identity::{KeyKind, Versions, WebAuthority, web_client_config};
use hallway_model::authorization::AuthorizationAction;
use hallway_model::gateway::{Gateway as Model, Listener, VirtualHost};
use hallway_model::telemetry::{Direction, RefusalReason, ResponseFlag};
use hallway_model::{AuthorizationPolicy, ClientLimits, Hostname, MtlsMode, RouteTable, Snapshot};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::application::{Application, answer, behind};
use crate::support::client::{Answer, Client, get, raw, request};
use crate::support::control::Control;
use crate::support::http2;
use crate::support::meshes::{LONG, host};
use crate::support::sidecar::{Gateway, Sidecar, bootstrap};
use crate::support::snapshots::{add_cluster, inbound, rule};
use crate::support::soon;

/// A gateway in front of one service, `payments`.
struct Front {
    host: Host,
    control: Control,
    gateway: Gateway,
    payments: Sidecar,
    authority: WebAuthority,
    application: Application,
}

impl Front {
    async fn start() -> Self {
        let host = host();
        let application = Application::start(&host, |request| async move {
            let mut lines: Vec<String> = request
                .headers()
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "traceparent" | "x-request-id"))
                .map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII")))
                .collect();
            lines.sort();
            answer(200, format!("{}\n{}", request.uri(), lines.join("\n")))
        })
        .await;
        let control = Control::start(&host, LONG).await;
        let payments = Sidecar::start(bootstrap(&control, "payments-1", "payments")).await;
        control
            .put_in_force("payments-1", inbound(MtlsMode::Strict, application.address))
            .await;
        let gateway = Gateway::start(&control).await;
        let authority = WebAuthority::new("test", KeyKind::EcdsaP256, host.wall_clock());
        let front = Self {
            host,
            control,
            gateway,
            payments,
            authority,
            application,
        };
        front.serve(front.listeners()).await;
        front
    }

    /// `shop.test` and everything below it over TLS, each with a certificate of its own; everything in the clear.
    fn listeners(&self) -> Vec<Listener> {
        let secure = |name: &str, hostname: &str| Listener {
            hostname: Some(named(hostname)),
            certificate: Some(self.authority.issue("shop/tls", &[named(hostname)])),
            port: 443,
            ..listener(name, None, "/")
        };
        vec![
            secure("shop", "shop.test"),
            secure("partners", "*.shop.test"),
            listener("clear", Some("shop.test"), "/public"),
        ]
    }

    async fn serve(&self, listeners: Vec<Listener>) {
        self.control
            .put_in_force("front-1", self.snapshot(listeners))
            .await;
    }

    /// Serves the usual listeners with something changed.
    async fn change(&self, change: impl FnOnce(&mut Model)) {
        let mut snapshot = self.snapshot(self.listeners());
        change(snapshot.gateway.as_mut().expect("there is one"));
        self.control.put_in_force("front-1", snapshot).await;
    }

    fn snapshot(&self, listeners: Vec<Listener>) -> Snapshot {
        let mut snapshot = Snapshot {
            gateway: Some(Model {
                name: "shop/front".to_owned(),
                listeners,
                authentication: Vec::new(),
                authorization: Vec::new(),
                limits: ClientLimits::default(),
            }),
            ..Snapshot::default()
        };
        let endpoints = vec![behind("payments-1", self.payments.inbound, "payments")];
        add_cluster(&mut snapshot, "payments", endpoints);
        snapshot
    }

    /// A connection on which the gateway has proved `name`.
    async fn connect(
        &self,
        name: &str,
        versions: Versions,
    ) -> std::io::Result<TlsStream<hallway_host::Stream>> {
        let config = web_client_config(&self.host, self.authority.root_pem(), versions).expect("a root");
        let stream = self.host.connect(self.gateway.https).await?;
        let name = name.to_owned().try_into().expect("a host name");
        soon("a handshake", TlsConnector::from(config).connect(name, stream)).await
    }

    /// One GET over HTTP/2 and TLS, on a connection for `name`.
    async fn get(&self, name: &str, uri: &str) -> Answer {
        let stream = self
            .connect(name, Versions::Http2OrHttp1)
            .await
            .expect("a proven name");
        let mut client = http2::Client::over(&self.host, stream).await;
        let (answer, _) = client
            .send(request("GET", uri, &FORGED, ""))
            .await
            .expect("an answer");
        answer
    }
}

/// What somebody outside may not say of themselves.
const FORGED: [(&str, &str); 5] = [
    (
        "x-forwarded-client-cert",
        "URI=spiffe://hallway.test/ns/shop/sa/admin",
    ),
    ("x-forwarded-for", "10.0.0.1"),
    ("x-forwarded-proto", "gopher"),
    ("x-envoy-attempt-count", "3"),
    ("x-request-id", "11111111-1111-4111-8111-111111111111"),
];

fn named(name: &str) -> Hostname {
    name.parse().expect("a host name")
}

/// A listener on port 80 whose one route takes what is below `path` to `payments`, for `host` or all hosts.
fn listener(name: &str, host: Option<&str>, path: &str) -> Listener {
    Listener {
        name: name.to_owned(),
        origin: None,
        port: 80,
        hostname: None,
        certificate: None,
        hosts: vec![VirtualHost {
            hostname: host.map(named),
            table: RouteTable {
                name: format!("shop/front/{name}"),
                authorities: Vec::new(),
                rules: vec![rule(&format!("shop/{name}#1"), path, "payments")],
            },
        }],
    }
}

#[tokio::test]
async fn a_client_outside_is_let_in_by_name_and_known_by_its_address() {
    let front = Front::start().await;
    let answer = front.get("shop.test", "https://shop.test/charge?card=1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.text(),
        "/charge?card=1\nhost: shop.test\nx-envoy-attempt-count: 1\n\
         x-forwarded-client-cert: By=spiffe://hallway.test/ns/shop/sa/payments;URI=spiffe://hallway.test/ns/shop/sa/front\n\
         x-forwarded-for: 127.0.0.1, 127.0.0.1\nx-forwarded-proto: https"
    );
    let outside = front
        .gateway
        .records
        .access(Direction::Gateway, "/charge?card=1")
        .await;
    let inside = front
        .payments
        .records
        .access(Direction::Inbound, "/charge?card=1")
        .await;
    assert_eq!(outside.request_id, inside.request_id, "one id joins both records");
    assert_ne!(
        outside.request_id, FORGED[4].1,
        "an id from outside is not taken over"
    );
    assert_eq!(outside.rule.as_deref(), Some("shop/shop#1"));
    assert_eq!(outside.authority, "shop.test");
}

#[tokio::test]
async fn a_name_chooses_the_certificate_and_a_connection_serves_no_other_listener() {
    let front = Front::start().await;
    let below = front.get("eu.shop.test", "https://eu.shop.test/").await;
    assert_eq!(below.status, 200);
    let other = front.get("eu.shop.test", "https://shop.test/").await;
    assert_eq!(other.status, 421);
    assert!(
        !other.text().contains("listener"),
        "strangers hear nothing of the inside: {}",
        other.text()
    );
    let nobody = front.get("shop.test", "https://unknown.test/").await;
    assert_eq!(nobody.status, 404, "no other listener is for it either");
    let unknown = front.connect("elsewhere.test", Versions::Http1).await;
    assert!(unknown.is_err(), "no certificate is for that name");
    let refusal = front.gateway.records.refusal().await;
    assert_eq!(refusal.direction, Direction::Gateway);
    assert_eq!(refusal.reason, RefusalReason::HandshakeFailed);
}

#[tokio::test]
async fn old_clients_are_served_over_tls_too() {
    let front = Front::start().await;
    let stream = front
        .connect("shop.test", Versions::Http1)
        .await
        .expect("a proven name");
    let mut client = Client::over(&front.host, stream).await;
    let asked = request("GET", "/charge", &[("host", "shop.test:443")], "");
    assert_eq!(client.send(asked).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn in_the_clear_only_the_routes_of_the_listener_in_the_clear_are_served() {
    let front = Front::start().await;
    let address = front.gateway.http;
    let asked = async |uri: &str| get(&front.host, address, uri, &[]).await;
    let public = asked("http://SHOP.test/public/page").await;
    assert_eq!(public.status, 200);
    assert!(
        public.text().ends_with("x-forwarded-proto: http"),
        "{}",
        public.text()
    );
    assert_eq!(asked("http://shop.test/charge").await.status, 404);
    assert_eq!(asked("http://elsewhere.test/public").await.status, 404);
    let access = front.gateway.records.access(Direction::Gateway, "/charge").await;
    assert_eq!(access.flags, [ResponseFlag::NR]);
    let tls = raw(&front.host, address, b"\x16\x03\x01\x00\x05hello").await;
    assert_eq!(tls, "", "TLS is not spoken here");
    assert_eq!(
        front.gateway.records.refusal().await.reason,
        RefusalReason::UnexpectedTls
    );
}

#[tokio::test]
async fn the_wider_name_is_asked_where_no_rule_of_the_narrower_takes_the_request() {
    let front = Front::start().await;
    let anybody = listener("anybody", None, "/charge").hosts;
    front
        .change(|gateway| gateway.listeners[2].hosts.extend(anybody))
        .await;
    let asked = async |uri: &str| get(&front.host, front.gateway.http, uri, &[]).await.status;
    assert_eq!(asked("http://shop.test/public").await, 200, "its own rule");
    assert_eq!(
        asked("http://shop.test/charge").await,
        200,
        "the rule for all names"
    );
    assert_eq!(asked("http://elsewhere.test/charge").await, 200);
    assert_eq!(asked("http://elsewhere.test/public").await, 404);
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_and_the_last_configuration_goes_on() {
    let front = Front::start().await;
    let other = |change: fn(&mut Listener)| {
        let mut listeners = front.listeners();
        change(&mut listeners[0]);
        front.snapshot(listeners)
    };
    let port = other(|listener| listener.port = 8443);
    let reason = front.control.refused("front-1", port).await;
    assert!(
        reason.contains("on port 8443") && reason.contains("80, 443"),
        "{reason}"
    );
    let mixed = other(|listener| listener.certificate = None);
    let reason = front.control.refused("front-1", mixed).await;
    assert!(
        reason.contains("on port 443, some listeners have a certificate"),
        "{reason}"
    );
    let mut listeners = front.listeners();
    let foreign = front.authority.issue("shop/other", &[named("shop.test")]);
    let certificate = listeners[0].certificate.as_mut().expect("it has one");
    let secret = foreign.key.0.clone();
    certificate.key = foreign.key;
    let reason = front.control.refused("front-1", front.snapshot(listeners)).await;
    assert!(
        reason.contains("`shop`") && reason.contains("`shop/tls`"),
        "{reason}"
    );
    assert!(
        !reason.contains(secret.lines().nth(1).expect("a line of the key")),
        "{reason}"
    );
    assert_eq!(front.get("shop.test", "https://shop.test/").await.status, 200);
}

#[tokio::test]
async fn nobody_gets_around_the_routes_by_another_spelling() {
    let front = Front::start().await;
    for path in [
        "/public/../charge",
        "/public//x",
        "/public/%2e%2e/charge",
        "/public/%2fcharge",
    ] {
        let text = format!("GET {path} HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n");
        let answer = raw(&front.host, front.gateway.http, text.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_connection_in_the_clear_ends_with_its_listener() {
    let front = Front::start().await;
    let mut client = Client::connect(&front.host, front.gateway.http).await;
    let asked = || request("GET", "http://shop.test/public", &[], "");
    assert_eq!(client.send(asked()).await.expect("an answer").status, 200);
    let certificate = front.authority.issue("shop/tls", &[named("shop.test")]);
    front
        .change(|gateway| gateway.listeners[2].certificate = Some(certificate))
        .await;
    assert_eq!(client.send(asked()).await.expect("an answer").status, 421);
}

#[tokio::test]
async fn strangers_do_not_read_what_proxies_inside_say() {
    let front = Front::start().await;
    let closed = AuthorizationPolicy {
        action: AuthorizationAction::Allow,
        rules: Vec::new(),
    };
    let mut snapshot = inbound(MtlsMode::Strict, front.application.address);
    let side = snapshot.inbound.as_mut().expect("its inbound side");
    side.authorization.push(closed);
    front.control.put_in_force("payments-1", snapshot).await;
    let refused = front.get("shop.test", "https://shop.test/").await;
    assert_eq!(
        (refused.status.as_u16(), refused.text().as_str()),
        (403, "Forbidden")
    );
    assert_eq!(refused.header("x-hallway-answered-by"), None);
}

#[tokio::test]
async fn operators_see_the_configuration_without_its_keys() {
    let front = Front::start().await;
    let admin = [("authorization", "Bearer admin")];
    let uri = format!("http://{}/config", front.gateway.admin);
    let shown = get(&front.host, front.gateway.admin, &uri, &admin).await.text();
    assert!(shown.contains("BEGIN CERTIFICATE"), "{shown}");
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
}

#[tokio::test]
async fn a_listener_that_is_taken_away_serves_nobody_any_more() {
    let front = Front::start().await;
    let all = front.listeners();
    let address = front.gateway.http;
    let uri = "http://shop.test/public";
    assert_eq!(get(&front.host, address, uri, &[]).await.status, 200);
    front.serve(all[..2].to_vec()).await;
    assert_eq!(
        raw(
            &front.host,
            address,
            b"GET /public HTTP/1.1\r\nhost: shop.test\r\n\r\n"
        )
        .await,
        ""
    );
    front.serve(all).await;
    assert_eq!(get(&front.host, address, uri, &[]).await.status, 200);
}
