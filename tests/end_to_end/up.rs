//! `hallway up`: how it begins, what it says meanwhile, and how it ends.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::clients::is_installed;
use crate::family::{PATIENCE, eventually};
use crate::program::{Program, Running, hallway, settled};
use crate::scratch::Scratch;

/// A topology that is up, and what it said of itself.
pub(crate) struct Up {
    pub(crate) hallway: Running,
    pub(crate) announced: Value,
}

impl Up {
    /// The front door of `scenarios/20-front-door`.
    pub(crate) async fn front_door() -> Self {
        Self::of(hallway(["up", "front-door", "--json"])).await
    }

    pub(crate) async fn of(program: Program) -> Self {
        let mut hallway = program.start().await;
        let announced = read(&hallway.next_line().await);
        Self { hallway, announced }
    }

    /// The file with the root of the gateway's certificates.
    pub(crate) fn root(&self) -> PathBuf {
        let root = &self.announced["gateway"]["root_certificate"];
        PathBuf::from(root.as_str().expect("the gateway has certificates"))
    }

    /// Ends it by closing its standard input, and returns what its proxies have counted.
    pub(crate) async fn counts(self) -> Value {
        let said = self.hallway.ended().await.quietly(0);
        let last = said.lines().last().map(read).expect("the end is told");
        assert_eq!(last["event"], "ended", "{said}");
        last["proxies"].clone()
    }
}

#[tokio::test]
async fn every_command_that_is_told_can_be_typed_and_is_counted() {
    if !is_installed("curl") {
        return;
    }
    let up = Up::front_door().await;
    for (place, services) in [
        ("outside", &["storefront", "the gateway itself"][..]),
        ("inside", &["orders"][..]),
    ] {
        let commands = up.announced[place]["commands"]
            .as_array()
            .expect("there are some");
        assert_eq!(commands.len(), services.len(), "{:#}", up.announced);
        for (told, service) in commands.iter().zip(services) {
            let answer = typed(told["command"].as_str().expect("it is a text")).await;
            match *service {
                // In the clear, everybody is sent to https.
                "the gateway itself" => assert_eq!(answer, "Moved Permanently", "{told}"),
                service => assert_eq!(read(&answer)["service"], service, "{told}"),
            }
        }
    }
    let counts = up.counts().await;
    let expected = json!({
        "front-1": { "requests": { "gateway": { "2xx": 1, "3xx": 1 } }, "refused_handshakes": 0 },
        "storefront-1": { "requests": { "inbound": { "2xx": 1 }, "outbound": { "2xx": 2 } }, "refused_handshakes": 0 },
        "orders-1": { "requests": { "inbound": { "2xx": 2 } }, "refused_handshakes": 0 },
    });
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn people_are_told_where_everything_is() {
    let program = hallway(["up", "front-door"]);
    let mut up = program.start().await;
    let mut said = String::new();
    while !said.contains("Ctrl-C") {
        said += &up.next_line().await;
    }
    said += &up.ended().await.quietly(0);
    let mut settings = settled();
    settings.add_filter(r"/\S*/hallway-up-\w+/", "[directory]/");
    settings.bind(|| {
        insta::assert_snapshot!(said, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

        front-door is up: TLS outside, mutual TLS inside

        Gateway front-1
         port 80          [address]
         port 443         [address]
         trust            [directory]/root.pem

        Sidecars, with the address where the application beside each sends its calls
         storefront-1     http://[address]
         orders-1         http://[address]

        Admin endpoints; each asks for a token, which --show-tokens shows
         control plane    http://[address]/v1/status
         front-1          http://[address]/metrics
         storefront-1     http://[address]/metrics
         orders-1         http://[address]/metrics

        From outside, through the gateway
         GET https://shop.test/ → storefront
           curl --cacert [directory]/root.pem --connect-to shop.test:443:[address] https://shop.test/
         GET http://[address]/ → the gateway itself
           curl http://[address]/

        From inside, as an application beside its sidecar
         as storefront-1: GET http://orders/
           curl -x http://[address] http://orders/

        Rules are pushed when you save [scratch]/20-front-door/rules.yaml. Ctrl-C ends it all.

        no requests
        ")
    });
}

#[tokio::test]
async fn signals_end_it_as_it_should_and_nothing_is_left() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut up = Up::front_door().await;
        let root = up.root();
        assert!(root.is_file());
        up.hallway.minds(signal).await;
        up.hallway.signal(signal);
        // Its input is still open.
        eventually("it ends", || up.hallway.has_ended().then_some(())).await;
        let ended = up.hallway.ended().await;
        assert_eq!(ended.code, Some(0), "{signal:?}: {ended:#?}");
        assert!(ended.stdout.contains(r#""event":"ended""#), "{ended:#?}");
        assert!(!root.parent().expect("a file is in a directory").exists());
    }
}

#[tokio::test]
async fn a_program_that_dies_ends_it_with_its_last_words() {
    let up = Up::front_door().await;
    let root = up.root();
    let services = up.hallway.family.playing("service");
    services.first().expect("there are two").signal(Signal::KILL);
    let said = up.hallway.ended().await.complaint(3);
    assert!(
        said.starts_with("error: front-door: ") && said.contains("-1: ended by itself (signal: 9 (SIGKILL))"),
        "{said}"
    );
    assert!(!root.exists());
}

#[tokio::test]
async fn rules_are_pushed_when_they_are_saved() {
    if !is_installed("curl") {
        return;
    }
    let scratch = Scratch::copy("20-front-door");
    let scenario = scratch.scenario();
    let directory = scenario.to_str().expect("temporary directories have plain names");
    let mut up = Up::of(hallway(["up", directory, "--json"])).await;
    let good = fs::read_to_string(scratch.file("rules.yaml")).expect("it was copied");

    let save = |text: &str| fs::write(scratch.file("rules.yaml"), text).expect("the file can be written");
    save(&good.replace("gatewayClassName", "gatewayClasName"));
    let refused = read(&up.hallway.next_line().await);
    let why = refused["refused"].as_str().unwrap_or_default();
    assert!(
        why.contains("rules.yaml:5:3") && why.contains("did you mean `gatewayClassName`?"),
        "{refused:#}"
    );

    save(&good.replace(
        "backendRefs: [{ name: storefront,",
        "backendRefs: [{ name: orders,",
    ));
    let accepted = read(&up.hallway.next_line().await);
    assert_eq!(accepted["accepted"], 2, "{accepted:#}");
    assert_eq!(accepted["not_in_force"], Value::Array(Vec::new()), "{accepted:#}");
    let command = &up.announced["outside"]["commands"][0]["command"];
    let answer = typed(command.as_str().expect("it is a text")).await;
    assert_eq!(read(&answer)["service"], "orders", "{answer}");
    up.counts().await;
}

#[tokio::test]
async fn tokens_are_shown_only_to_who_asks_for_them() {
    if !is_installed("curl") {
        return;
    }
    let up = Up::front_door().await;
    assert!(!up.announced.to_string().contains("token"), "{:#}", up.announced);
    up.counts().await;
    let up = Up::of(hallway(["up", "front-door", "--json", "--show-tokens"])).await;
    let admin = &up.announced["admin"][0];
    let text = |key: &str| admin[key].as_str().expect("it is a text");
    let url = format!("http://{}{}", text("address"), text("path"));
    let command = format!("curl -sS -H 'Authorization: Bearer {}' {url}", text("token"));
    let status = read(&typed(&command).await);
    assert!(status["proxies"]["front-1"].is_object(), "{status:#}");
    up.counts().await;
}

#[tokio::test]
async fn a_scenario_that_needs_the_simulator_does_not_come_up() {
    let ended = hallway(["up", "slow-network"]).run().await;
    insta::assert_snapshot!(ended.complaint(2), @"
    error: slow-network runs on simulated only: lost packets
    run or grade it with `--on simulated`
    ");
}

/// What a command that a person types prints.
async fn typed(command: &str) -> String {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", command])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(PATIENCE, shell.output())
        .await
        .expect("it ends in time")
        .expect("there is a shell");
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
