//! Clients that nobody here wrote: `hallway up` tells commands for one of them, and the project's end-to-end tests send all of them through a gateway.

use std::path::PathBuf;

use serde::Serialize;

/// What was found of a client.
#[derive(Debug, Serialize)]
pub(super) struct Client {
    pub(super) name: &'static str,
    /// Where it is; nothing when it is not installed.
    pub(super) path: Option<PathBuf>,
    /// The command that installs it.
    pub(super) install: &'static str,
    /// What it costs where it is missing.
    pub(super) without_it: &'static str,
}

/// Looks for all of them in PATH.
pub(super) fn find() -> Vec<Client> {
    let client = |name, install, without_it| Client {
        name,
        path: in_path(name),
        install,
        without_it,
    };
    vec![
        client(
            "curl",
            "apt-get install curl",
            "the commands that `hallway up` tells cannot be typed; the end-to-end tests leave it out",
        ),
        client(
            "chromium",
            "apt-get install chromium",
            "the end-to-end tests load no page in a browser",
        ),
        client(
            "certutil",
            "apt-get install libnss3-tools",
            "the end-to-end tests load no page in a browser: Chromium cannot be told whom to trust",
        ),
    ]
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).map(|directory| directory.join(name));
    places.into_iter().find(|place| place.is_file())
}
