use std::time::Duration;

use hallway_host::Host;
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::time::Instant;

use super::{Child, Supervisor};
use crate::error::WorldError;
use crate::incidents::Incidents;

#[derive(Debug, Deserialize, Eq, PartialEq)]
struct Line {
    n: u32,
}

#[derive(Serialize)]
struct Greeting {
    hello: &'static str,
}

fn supervisor(grace: Duration) -> (Supervisor, Incidents) {
    let incidents = Incidents::default();
    (
        Supervisor::new(Host::real_unseeded(), incidents.clone(), grace),
        incidents,
    )
}

fn shell(supervisor: &Supervisor, script: &str) -> Child<Line> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    supervisor
        .spawn("child", command, &Greeting { hello: "you" })
        .expect("there is a shell")
}

fn nth(n: u32) -> impl Fn(&Line) -> Option<u32> {
    move |line| (line.n == n).then_some(n)
}

fn alive(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid).exists()
}

#[tokio::test]
async fn a_child_gets_its_bootstrap_and_stops_when_its_input_ends() {
    let (supervisor, incidents) = supervisor(Duration::from_secs(5));
    let script = r#"read line; [ "$line" = '{"hello":"you"}' ] && echo '{"n":1}'; echo '{"n":2}'; cat >/dev/null; echo '{"n":3}'"#;
    let mut child = shell(&supervisor, script);
    assert_eq!(child.ready(nth(2)).await.unwrap(), 2);
    let records = child.stop().await;
    assert_eq!(records, [Line { n: 1 }, Line { n: 2 }, Line { n: 3 }]);
    supervisor.stop().await;
    assert_eq!(incidents.list(), []);
}

#[tokio::test]
async fn records_can_be_ignored_and_the_child_goes_on() {
    let (supervisor, incidents) = supervisor(Duration::from_secs(5));
    let script = r#"read line; echo '{"n":1}'; echo '{"n":2}'; cat >/dev/null; echo '{"n":3}'"#;
    let mut child = shell(&supervisor, script);
    child.ready(nth(1)).await.unwrap();
    child.ignore_records();
    assert_eq!(child.stop().await, []);
    supervisor.stop().await;
    assert_eq!(incidents.list(), []);
}

#[tokio::test]
async fn a_child_that_dies_before_it_is_ready_is_quoted() {
    let (supervisor, _) = supervisor(Duration::from_secs(5));
    let mut child = shell(&supervisor, "echo 'the port is in use' >&2; exit 7");
    let error = child.ready(nth(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "child ended before it was ready (exit status: 7), after it said:\nthe port is in use"
    );
}

#[tokio::test]
async fn a_child_that_dies_later_is_an_incident() {
    let (supervisor, incidents) = supervisor(Duration::from_secs(5));
    let mut child = shell(&supervisor, "echo '{\"n\":1}'; echo oops >&2; kill -9 $$");
    child.ready(nth(1)).await.unwrap();
    incidents.happened().await;
    let [incident] = &incidents.list()[..] else {
        panic!("one incident")
    };
    assert_eq!(incident.who, "child");
    assert_eq!(
        incident.what,
        "ended by itself (signal: 9 (SIGKILL)); the last that it said:\noops"
    );
}

#[tokio::test]
async fn a_child_that_fails_when_it_stops_is_an_incident() {
    let (supervisor, incidents) = supervisor(Duration::from_secs(5));
    let mut child = shell(&supervisor, "echo '{\"n\":1}'; cat >/dev/null; exit 3");
    child.ready(nth(1)).await.unwrap();
    child.stop().await;
    supervisor.stop().await;
    let [incident] = &incidents.list()[..] else {
        panic!("one incident")
    };
    assert_eq!(
        incident.what,
        "failed when it was ordered to stop (exit status: 3); it left no message"
    );
}

#[tokio::test]
async fn a_child_that_does_not_stop_is_killed_with_its_children() {
    let (supervisor, incidents) = supervisor(Duration::from_millis(100));
    let mut child = shell(
        &supervisor,
        "sleep 600 & echo \"{\\\"n\\\":$!}\"; wait; sleep 600",
    );
    let started = Instant::now();
    let grandchild = child.ready(|line| Some(line.n.to_string())).await.unwrap();
    child.stop().await;
    supervisor.stop().await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert!(
        incidents.list()[0].what.contains("was killed"),
        "{:?}",
        incidents.list()
    );
    let gone = async {
        while alive(&grandchild) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone)
        .await
        .expect("no process is left");
}

#[tokio::test]
async fn a_child_that_never_reads_its_bootstrap_can_be_stopped() {
    let (supervisor, incidents) = supervisor(Duration::from_millis(100));
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(r#"echo '{"n":1}'; exec sleep 600"#);
    // More than a pipe holds, so that handing it over never ends.
    let bootstrap = "x".repeat(1024 * 1024);
    let mut child: Child<Line> = supervisor
        .spawn("child", command, &bootstrap)
        .expect("there is a shell");
    child.ready(nth(1)).await.expect("it says so");
    let stopped = tokio::time::timeout(Duration::from_secs(20), supervisor.stop()).await;
    assert!(stopped.is_ok(), "it is never stopped");
    assert_eq!(incidents.list().len(), 1, "it had to be killed");
}

#[tokio::test]
async fn a_crash_on_purpose_is_no_incident() {
    let (supervisor, incidents) = supervisor(Duration::from_secs(5));
    let script = "echo '{\"n\":1}'; echo '{\"n\":2}'; printf '{\"n\"'; echo said >&2; cat >/dev/null; echo '{\"n\":3}'";
    let mut child = shell(&supervisor, script);
    child.ready(nth(2)).await.unwrap();
    assert_eq!(child.crash().await, [Line { n: 1 }, Line { n: 2 }]);
    supervisor.stop().await;
    assert_eq!(incidents.list(), []);
}

#[tokio::test]
async fn a_paused_child_does_nothing_until_it_is_resumed() {
    let (supervisor, incidents) = supervisor(Duration::from_secs(5));
    // No child of its own: a shell that waits for one to begin cannot be seen to be stopped.
    let script = "echo \"{\\\"n\\\":$$}\"; while read line; do :; done; echo '{\"n\":0}'";
    let mut child = shell(&supervisor, script);
    let pid = child.ready(|line| Some(line.n)).await.unwrap();
    child.pause();
    until_state(pid, "T").await;
    child.resume();
    until_state(pid, "S").await;
    child.pause();
    until_state(pid, "T").await;
    assert_eq!(child.stop().await, [Line { n: pid }, Line { n: 0 }]);
    supervisor.stop().await;
    assert_eq!(incidents.list(), []);
}

/// Waits until the kernel says of a process that it is stopped (`T`) or asleep (`S`).
async fn until_state(pid: u32, state: &str) {
    let poll = async {
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
            let (_, after_name) = stat.rsplit_once(") ").expect("the form of this file");
            if after_name.starts_with(state) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), poll)
        .await
        .unwrap_or_else(|_| panic!("it is never in state {state}"));
}

#[tokio::test]
async fn a_line_that_is_no_record_is_an_incident() {
    let (supervisor, incidents) = supervisor(Duration::from_secs(5));
    let mut child = shell(&supervisor, "echo hello; echo '{\"n\":1}'; cat >/dev/null");
    child.ready(nth(1)).await.unwrap();
    assert_eq!(child.stop().await, [Line { n: 1 }]);
    let [incident] = &incidents.list()[..] else {
        panic!("one incident")
    };
    assert!(
        incident.what.contains("no record") && incident.what.contains("`hello`"),
        "{incident:?}"
    );
}

#[tokio::test]
async fn a_talkative_child_is_never_blocked() {
    let (supervisor, incidents) = supervisor(Duration::from_secs(5));
    let script = "i=0; while [ $i -lt 3000 ]; do echo \"{\\\"n\\\":$i}\"; echo 'a line of a hundred characters or so, to fill the pipe of the standard error many times over' >&2; i=$((i+1)); done; cat >/dev/null";
    let mut child = shell(&supervisor, script);
    child.ready(nth(2999)).await.unwrap();
    assert_eq!(child.stop().await.len(), 3000);
    assert_eq!(incidents.list(), []);
}

#[tokio::test]
async fn dropping_a_child_stops_it() {
    let (supervisor, incidents) = supervisor(Duration::from_secs(5));
    drop(shell(&supervisor, "cat >/dev/null"));
    supervisor.tasks.close();
    supervisor.tasks.wait().await;
    assert_eq!(incidents.list(), []);
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_named() {
    let (supervisor, _) = supervisor(Duration::from_secs(5));
    let command = Command::new("/nonexistent/program");
    let error = supervisor
        .spawn::<Line>("orders-1", command, &Greeting { hello: "you" })
        .err()
        .expect("it cannot be started");
    assert!(matches!(error, WorldError::Spawn { .. }), "{error}");
    assert!(error.to_string().contains("/nonexistent/program"), "{error}");
}
