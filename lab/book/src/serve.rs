//! The pages on loopback, built anew whenever a source changes.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use axum::Router;
use hallway_host::{Host, Listener, Output};
use tower_http::services::ServeDir;

/// How often the sources are looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// A place to serve pages from.
pub struct Server {
    listener: Listener,
}

impl Server {
    /// Listens on loopback, at `port` or at one that is free.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let host = Host::real(0, Output::discard());
        let listener = host.listen(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        Ok(Self { listener })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_address()
    }

    /// Serves the pages in `directory` until it is dropped.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn serve(self, directory: &Path) -> io::Result<()> {
        let pages = Router::new().fallback_service(ServeDir::new(directory));
        axum::serve(self.listener, pages).await
    }
}

/// Calls `changed` whenever a file below one of `directories` was changed, added or removed.
pub async fn watch(directories: &[PathBuf], mut changed: impl FnMut()) {
    let mut before = state(directories);
    loop {
        tokio::time::sleep(INTERVAL).await;
        let now = state(directories);
        if now != before {
            changed();
            before = now;
        }
    }
}

/// All files below the directories with the times of their last changes.
fn state(directories: &[PathBuf]) -> Vec<(PathBuf, Option<SystemTime>)> {
    let mut found = Vec::new();
    let mut directories = directories.to_vec();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
                found.push((path, changed));
            }
        }
    }
    found.sort();
    found
}
