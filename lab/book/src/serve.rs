//! The pages on loopback, built anew whenever a source changes.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use axum::Router;
use hallway_host::{Host, Listener, Output};
use tower_http::services::ServeDir;

use crate::files;

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

/// Sources that people save while the book is served.
pub struct Sources {
    directories: Vec<PathBuf>,
    seen: State,
}

/// All files with the times of their last changes.
type State = Vec<(PathBuf, Option<SystemTime>)>;

impl Sources {
    /// Those below `directories`, as they are now.
    pub fn watch(directories: Vec<PathBuf>) -> Self {
        let seen = state(&directories);
        Self { directories, seen }
    }

    /// Returns when a file was changed, added or removed since the last time.
    pub async fn changed(&mut self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let now = state(&self.directories);
            if now != self.seen {
                self.seen = now;
                return;
            }
        }
    }
}

fn state(directories: &[PathBuf]) -> State {
    // What cannot be read at this moment is as good as not there.
    let files = directories
        .iter()
        .flat_map(|directory| files::below(directory).unwrap_or_default());
    let changed = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    files.map(|path| (path.clone(), changed(&path))).collect()
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_saved_or_added_or_removed_is_a_change() {
        let directory = tempfile::tempdir().expect("there is room");
        let one = directory.path().join("one.md");
        fs::write(&one, "one").expect("there is room");
        let mut sources = Sources::watch(vec![directory.path().to_owned(), "nowhere".into()]);
        assert!(timeout(10 * INTERVAL, sources.changed()).await.is_err());
        fs::create_dir(directory.path().join("deep")).expect("there is room");
        fs::write(directory.path().join("deep/two.md"), "two").expect("there is room");
        sources.changed().await;
        fs::File::options()
            .append(true)
            .open(&one)
            .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH))
            .expect("it can be changed");
        sources.changed().await;
        fs::remove_file(&one).expect("it is there");
        sources.changed().await;
        assert!(timeout(10 * INTERVAL, sources.changed()).await.is_err());
    }
}
