use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use hallway_control::api::{RegisterWorkload, RuleFile, WorkloadEndpoint};
use hallway_evidence::{Push, PushOutcome};
use hallway_host::{Host, Output, host::BoxFuture};
use hallway_model::TrustDomain;
use hallway_model::bootstrap::{AdminEndpoint, Admission, ControlBootstrap, Token};
use hallway_model::telemetry::ControlRecord;
use hallway_scenario::fault::Program;
use hallway_scenario::quantity::SignedDuration;
use hallway_scenario::{Files, Step, Topology};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Timeline;
use crate::clock::Clock;
use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::faults::{Faults, LinkChange};

const GOOD: &str = "apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }
";

const BROKEN: &str = "apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { portz: [{ name: http, port: 80 }] }
";

struct Lines(UnboundedSender<String>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A control plane in this process, and a directory of rules.
struct Fixture {
    control: Arc<ControlClient>,
    clock: Clock,
    files: Files,
    _directory: TempDir,
    topology: Topology,
    _stop: DropGuard,
}

impl Fixture {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        for (file, text) in [("good.yaml", GOOD), ("broken.yaml", BROKEN)] {
            std::fs::write(directory.path().join(file), text).unwrap();
        }
        let (lines, mut written) = unbounded_channel();
        let host = Host::real(1, Output::to(Lines(lines)));
        let stop = CancellationToken::new();
        let running: BoxFuture<_> = Box::pin(hallway_control::run(host.clone(), bootstrap(), stop.clone()));
        host.spawn(async { running.await.expect("the control plane runs") });
        let first = written
            .recv()
            .await
            .expect("the control plane says where it listens");
        let Ok(ControlRecord::Listening { admin, .. }) = serde_json::from_str(&first) else {
            panic!("the first record is no `listening`: {first}");
        };
        Self {
            control: Arc::new(ControlClient::new(host.clone(), admin, token())),
            clock: Clock::start(&host),
            files: Files::of(directory.path()),
            _directory: directory,
            topology: serde_json::from_value(serde_json::json!({
                "services": { "orders": {}, "payments": { "replicas": 2 } }
            }))
            .unwrap(),
            _stop: stop.drop_guard(),
        }
    }

    fn timeline(&self, sidecars: &[&str]) -> Timeline<'_> {
        let sidecars = sidecars.iter().map(ToString::to_string).collect();
        Timeline::new(
            self.control.clone(),
            self.clock,
            &self.files,
            &self.topology,
            sidecars,
        )
    }
}

fn token() -> Token {
    Token("secret".to_owned())
}

fn bootstrap() -> ControlBootstrap {
    let free_port = ([127, 0, 0, 1], 0).into();
    ControlBootstrap {
        trust_domain: TrustDomain::new("hallway.test").unwrap(),
        discovery: free_port,
        admin: AdminEndpoint {
            listen: free_port,
            token: token(),
        },
        rules: None,
        secrets: Vec::new(),
        admission: Admission::Enforce,
        authority: None,
        svid_lifetime: Duration::from_secs(3600),
        federated_bundles: Vec::new(),
        seed: 1,
    }
}

fn steps(steps: serde_json::Value) -> Vec<Step> {
    serde_json::from_value(steps).unwrap()
}

/// A ground that notes what it is to suffer.
#[derive(Default)]
struct Noted(Vec<String>);

impl Noted {
    fn note(&mut self, what: String) -> Result<(), WorldError> {
        self.0.push(what);
        Ok(())
    }
}

impl Faults for Noted {
    fn change_link(&mut self, from: &str, to: &str, change: LinkChange) -> Result<(), WorldError> {
        self.note(format!("{from} > {to}: {change:?}"))
    }

    fn reset_link(&mut self, one: &str, other: &str) {
        self.0.push(format!("{one} - {other}: reset"));
    }

    fn skew_clock(&mut self, machine: &str, by: SignedDuration) -> Result<(), WorldError> {
        self.note(format!("{machine}: clock {by}"))
    }

    async fn crash(&mut self, program: &Program) -> Result<(), WorldError> {
        self.note(format!("{program}: crash"))
    }

    async fn restart(&mut self, program: &Program, rules: Option<&RuleFile>) -> Result<(), WorldError> {
        let rules = rules.map_or("no rules", |rules| rules.name.as_str());
        self.note(format!("{program}: restart with {rules}"))
    }

    fn pause(&mut self, program: &Program) -> Result<(), WorldError> {
        self.note(format!("{program}: pause"))
    }

    fn resume(&mut self, program: &Program) -> Result<(), WorldError> {
        self.note(format!("{program}: resume"))
    }
}

#[tokio::test]
async fn the_first_push_must_be_accepted() {
    let fixture = Fixture::new().await;
    let timeline = fixture.timeline(&[]);
    let push = timeline.initial_push("good.yaml").await.unwrap();
    assert!(push.initial);
    assert_eq!(push.outcome, PushOutcome::Accepted { generation: 1 });
    assert!(push.sent_us <= push.answered_us && Some(push.answered_us) <= push.settled_us);

    let error = timeline.initial_push("broken.yaml").await.unwrap_err();
    assert!(matches!(error, WorldError::RulesRefused(_)), "{error}");
    assert!(error.to_string().contains("broken.yaml:4:"), "{error}");

    let error = timeline.initial_push("none.yaml").await.unwrap_err();
    assert!(error.to_string().contains("none.yaml"), "{error}");
}

#[tokio::test]
async fn pushes_happen_in_the_order_of_their_times() {
    let fixture = Fixture::new().await;
    let timeline = fixture.timeline(&[]);
    let steps = steps(serde_json::json!([
        { "at": "80ms", "push": "good.yaml", "expect": "accepted" },
        { "at": "20ms", "push": "broken.yaml", "expect": "refused" },
    ]));
    let start = Instant::now();
    let pushes = timeline.run(&steps, start, &mut Noted::default()).await.unwrap();
    let [refused, accepted]: [Push; 2] = pushes.try_into().unwrap();
    assert!(refused.sent_us >= fixture.clock.at_us(start) + 20_000);
    assert!(accepted.sent_us >= fixture.clock.at_us(start) + 80_000);

    let PushOutcome::Refused { problems } = &refused.outcome else {
        panic!("{refused:?}")
    };
    assert_eq!((problems[0].file.as_str(), problems[0].line), ("broken.yaml", 4));
    assert_eq!(
        &refused.status_problems, problems,
        "the status names what the answer named"
    );
    assert_eq!(refused.settled_us, None);
    assert_eq!(accepted.outcome, PushOutcome::Accepted { generation: 1 });
    assert_eq!(accepted.status_problems, []);
}

#[tokio::test]
async fn a_sidecar_that_does_not_answer_leaves_a_push_unsettled() {
    let fixture = Fixture::new().await;
    let workload = RegisterWorkload {
        name: "payments-1".to_owned(),
        namespace: "shop".to_owned(),
        service: "payments".to_owned(),
        service_account: "payments".to_owned(),
        gateway: None,
    };
    fixture.control.register(&workload).await.unwrap();
    let endpoint = WorkloadEndpoint {
        inbound: ([127, 0, 0, 1], 9).into(),
        application: ([127, 0, 0, 1], 10).into(),
        ready: true,
        sidecar: true,
        seen_from: Default::default(),
    };
    fixture
        .control
        .put_endpoint("payments-1", &endpoint)
        .await
        .unwrap();
    let timeline = fixture.timeline(&["payments-1"]);
    let until = Instant::now() + Duration::from_millis(50);
    let sent = timeline.send("good.yaml", false, until).await.unwrap();
    let push = timeline.follow(sent).await;
    assert_eq!(push.settled_us, None);
    let [proxy] = &push.proxies[..] else {
        panic!("{push:?}")
    };
    assert_eq!(
        (proxy.proxy.as_str(), proxy.acknowledged, proxy.generation),
        ("payments-1", 0, 0)
    );
    assert!(proxy.wanted > 0);
}

#[tokio::test]
async fn a_workload_that_nobody_registered_is_refused_in_the_words_of_the_control_plane() {
    let fixture = Fixture::new().await;
    let endpoint = WorkloadEndpoint {
        inbound: ([127, 0, 0, 1], 9).into(),
        application: ([127, 0, 0, 1], 10).into(),
        ready: true,
        sidecar: true,
        seen_from: Default::default(),
    };
    let error = fixture
        .control
        .put_endpoint("nobody-1", &endpoint)
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("the control plane did not take the endpoint of nobody-1: it answered 404"),
        "{said}"
    );
}

#[tokio::test]
async fn faults_happen_in_the_order_of_their_times_between_pushes() {
    let fixture = Fixture::new().await;
    let timeline = fixture.timeline(&["payments-1"]);
    let steps = steps(serde_json::json!([
        { "at": "40ms", "fault": { "restart": "control plane" } },
        { "at": "0ms", "fault": { "restart": "payments-1" } },
        { "at": "10ms", "push": "good.yaml", "expect": "accepted" },
        { "at": "20ms", "push": "broken.yaml", "expect": "refused" },
        { "at": "30ms", "fault": { "crash": "control plane" } },
        { "at": "30ms", "fault": { "pause": "payments-1 sidecar" } },
        { "at": "30ms", "fault": { "resume": "payments-1 sidecar" } },
    ]));
    let mut noted = Noted::default();
    let pushes = timeline.run(&steps, Instant::now(), &mut noted).await.unwrap();
    assert_eq!(pushes.len(), 2);
    assert_eq!(
        noted.0,
        [
            "payments-1: restart with no rules",
            "control plane: crash",
            "payments-1 sidecar: pause",
            "payments-1 sidecar: resume",
            "control plane: restart with good.yaml",
        ]
    );
}

/// What a fault of the scenario file amounts to.
async fn amounts_to(fault: serde_json::Value) -> Vec<String> {
    let fixture = Fixture::new().await;
    let mut noted = Noted::default();
    let steps = steps(serde_json::json!([{ "at": "0ms", "fault": fault }]));
    let pushes = fixture
        .timeline(&[])
        .run(&steps, Instant::now(), &mut noted)
        .await;
    assert_eq!(pushes.unwrap(), []);
    noted.0
}

#[tokio::test]
async fn a_fault_of_a_link_is_one_of_every_pair_of_machines() {
    let link = serde_json::json!({ "from": "orders", "to": "payments" });
    assert_eq!(
        amounts_to(serde_json::json!({ "delay": { "from": "orders", "to": "payments-2", "by": "80ms" } }))
            .await,
        ["orders-1 > payments-2: Delay(80ms)"]
    );
    assert_eq!(
        amounts_to(
            serde_json::json!({ "bandwidth": { "from": "payments", "to": "orders", "limit": "64kB/s" } })
        )
        .await,
        [
            "payments-1 > orders-1: Bandwidth(64000)",
            "payments-2 > orders-1: Bandwidth(64000)"
        ]
    );
    assert_eq!(
        amounts_to(serde_json::json!({ "cut": link })).await,
        [
            "orders-1 > payments-1: Cut",
            "orders-1 > payments-2: Cut",
            "payments-1 > orders-1: Cut",
            "payments-2 > orders-1: Cut"
        ]
    );
    assert_eq!(
        amounts_to(serde_json::json!({ "cut": { "from": "payments-1", "to": "payments", "one_way": true } }))
            .await,
        ["payments-1 > payments-2: Cut"],
        "nobody is cut off from itself"
    );
    assert_eq!(
        amounts_to(serde_json::json!({ "heal": link })).await,
        [
            "orders-1 > payments-1: Heal",
            "orders-1 > payments-2: Heal",
            "payments-1 > orders-1: Heal",
            "payments-2 > orders-1: Heal"
        ]
    );
    assert_eq!(
        amounts_to(serde_json::json!({ "reset": link })).await,
        ["orders-1 - payments-1: reset", "orders-1 - payments-2: reset"]
    );
}

#[tokio::test]
async fn a_clock_is_one_of_a_machine() {
    assert_eq!(
        amounts_to(serde_json::json!({ "clock_skew": { "of": "payments", "by": "-1h" } })).await,
        ["payments-1: clock -1h", "payments-2: clock -1h"]
    );
    assert_eq!(
        amounts_to(serde_json::json!({ "clock_skew": { "of": "control plane", "by": "1h" } })).await,
        ["control-plane: clock 1h"]
    );
}
