//! What the kernel offers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use rustix::process::{Resource, getrlimit};
use rustix::system::uname;
use serde::Serialize;

/// Open files with which every scenario runs on processes: the usual limit of Linux.
const LEAST_OPEN_FILES: u64 = 1024;

/// Something that the kernel may offer.
#[derive(Debug, Serialize)]
pub(super) struct Feature {
    pub(super) name: &'static str,
    pub(super) is_there: bool,
    /// Whether the default path needs it.
    pub(super) is_needed: bool,
    /// What was seen.
    pub(super) saw: String,
    /// What it costs where it is missing, and what to do about it.
    pub(super) without_it: &'static str,
}

impl Feature {
    /// Whether the default path works with what was seen.
    pub(super) fn suffices(&self) -> bool {
        self.is_there || !self.is_needed
    }
}

/// Looks at this machine.
pub(super) fn features() -> Vec<Feature> {
    vec![
        linux(),
        loopback(
            "IPv4 loopback",
            Ipv4Addr::LOCALHOST.into(),
            true,
            "no scenario runs on processes; bring up the loopback device (ip link set lo up)",
        ),
        loopback(
            "IPv6 loopback",
            Ipv6Addr::LOCALHOST.into(),
            false,
            "no scenario misses it",
        ),
        open_files(),
    ]
}

fn linux() -> Feature {
    let uname = uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    Feature {
        name: "Linux",
        is_there: cfg!(target_os = "linux"),
        is_needed: false,
        saw: format!("{} {}", text(uname.sysname()), text(uname.release())),
        without_it: "`bench sidecar`, `bench instructions` and the project's end-to-end tests are left out; other systems are untested",
    }
}

fn loopback(name: &'static str, address: IpAddr, is_needed: bool, without_it: &'static str) -> Feature {
    let listening = TcpListener::bind((address, 0));
    Feature {
        name,
        is_there: listening.is_ok(),
        is_needed,
        saw: match listening {
            Ok(_) => format!("{address} can be listened on"),
            Err(error) => format!("{address} cannot be listened on: {error}"),
        },
        without_it,
    }
}

fn open_files() -> Feature {
    // No limit is the highest one.
    let limit = getrlimit(Resource::Nofile).current;
    Feature {
        name: "Open files",
        is_there: limit.is_none_or(|limit| limit >= LEAST_OPEN_FILES),
        is_needed: true,
        saw: limit.map_or_else(
            || "no limit".to_owned(),
            |limit| format!("at most {limit} at once"),
        ),
        without_it: "runs on processes can fail for want of sockets; raise the limit (ulimit -n 1024)",
    }
}
