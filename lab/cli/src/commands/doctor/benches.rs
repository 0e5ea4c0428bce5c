//! The programs that benches use, none of which anything else needs.

use serde::Serialize;

/// What was found of a program.
#[derive(Debug, Serialize)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// What it says of its version.
    pub(super) version: Option<String>,
    /// Where it is; nothing when it is not installed.
    pub(super) path: Option<String>,
    /// The command that installs it.
    pub(super) install: &'static str,
    /// The bench that misses it.
    pub(super) used_by: &'static str,
}

/// Looks for all of them, as the benches do.
#[cfg(target_os = "linux")]
pub(super) fn find() -> Vec<Peer> {
    let envoy = std::env::var_os("HALLWAY_ENVOY").map(std::path::PathBuf::from);
    // An Envoy that is named and is not there is as good as none.
    let envoy = envoy.filter(|path| path.is_file());
    let peers = hallway_bench::tools::peers(envoy.as_deref()).unwrap_or_default();
    let peer = |peer: hallway_bench::tools::Peer| {
        let (path, version) = peer.found.unzip();
        Peer {
            name: peer.missing.peer,
            version,
            path: path.map(|path| path.display().to_string()),
            install: peer.missing.install,
            used_by: match peer.missing.peer {
                "valgrind" => "bench instructions",
                _ => "bench sidecar",
            },
        }
    };
    peers.into_iter().map(peer).collect()
}

/// The benches beside peers need Linux.
#[cfg(not(target_os = "linux"))]
pub(super) fn find() -> Vec<Peer> {
    Vec::new()
}
