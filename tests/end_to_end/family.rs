//! Every process that one `hallway` started, directly or not.
//!
//! The test gives the lab an environment variable with a value of its own. All that the lab starts inherits it, however far
//! down, and keeps it when its parent is gone: so orphans are found too. Linux shows it in `/proc/ID/environ`.

use std::fs;
use std::time::Duration;

use hallway_host::random;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

/// The variable that members of a family have in common.
pub(crate) const VARIABLE: &str = "HALLWAY_TEST_FAMILY";

/// How long anything that a test waits for may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often `/proc` is looked at: it does not notify.
const POLL: Duration = Duration::from_millis(10);

/// What a service has written, in bytes, when requests reach it. One that nobody calls writes its addresses and no more,
/// far below; one that is called writes to its ledger and answers.
const BUSY: u64 = 16 * 1024;

/// A family of processes, by the value of [`VARIABLE`].
#[derive(Clone, Debug)]
pub(crate) struct Family {
    name: String,
}

/// A process that lives.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    process: Pid,
    arguments: Vec<String>,
}

impl Family {
    /// One that has no members yet.
    pub(crate) fn new() -> Self {
        Self {
            name: format!("{:016x}", random::entropy()),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Those that live. A zombie does not: it has no memory left to read this from.
    pub(crate) fn members(&self) -> Vec<Member> {
        let variable = format!("{VARIABLE}={}", self.name);
        let processes = fs::read_dir("/proc").expect("Linux shows its processes in /proc");
        let names = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let processes = names.filter_map(|name| Pid::from_raw(name.parse().ok()?));
        let mine = processes.filter(|process| listed(*process, "environ").contains(&variable));
        mine.map(|process| Member {
            process,
            arguments: listed(process, "cmdline"),
        })
        .collect()
    }

    /// Those that play the role `role`: `proxy`, `service` or `control-plane`.
    pub(crate) fn playing(&self, role: &str) -> Vec<Member> {
        let plays = |member: &Member| member.arguments.get(1).is_some_and(|word| word == role);
        self.members().into_iter().filter(plays).collect()
    }

    /// Returns when requests reach a service.
    pub(crate) async fn is_busy(&self) {
        let busy = || {
            self.playing("service")
                .iter()
                .any(|service| written(service.process) > BUSY)
        };
        eventually("requests reach a service", || busy().then_some(())).await;
    }

    /// Returns when nobody lives any more.
    pub(crate) async fn is_gone(&self) {
        eventually("every process ends", || self.members().is_empty().then_some(())).await;
    }
}

impl Member {
    pub(crate) fn signal(&self, signal: Signal) {
        // It may have ended at this very moment.
        let _ = kill_process(self.process, signal);
    }
}

/// Waits until `condition` has a value.
pub(crate) async fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            Instant::now() < deadline,
            "waited for {PATIENCE:?} in vain: {what}"
        );
        sleep(POLL).await;
    }
}

/// The strings of a file in `/proc/ID`, each of which ends with a zero byte. None of a process that is gone.
fn listed(process: Pid, file: &str) -> Vec<String> {
    let path = format!("/proc/{}/{file}", process.as_raw_nonzero());
    let bytes = fs::read(path).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}

/// How many bytes a process has written, to whatever.
fn written(process: Pid) -> u64 {
    let path = format!("/proc/{}/io", process.as_raw_nonzero());
    let text = fs::read_to_string(path).unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}
