//! A file that people save while they are watching what comes of it. It is looked at again and again instead of being watched by file events, for the reasons that
//! the control plane has to do the same with its directory.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// How long it must stay as it is before it is believed: an editor may empty a file before it writes it.
const SETTLE: Duration = Duration::from_millis(50);

/// A file, and what it held when it was last looked at.
pub(crate) struct Saved {
    path: PathBuf,
    seen: Content,
}

/// What a file holds, or why it cannot be read.
type Content = Result<String, String>;

impl Saved {
    /// Looks at the file for the first time.
    pub(crate) fn watch(path: PathBuf) -> Self {
        let mut saved = Self {
            path,
            seen: Ok(String::new()),
        };
        saved.seen = saved.look();
        saved
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Returns when it holds something else than before.
    ///
    /// # Errors
    /// When it cannot be read any more, and why; then it is waited for as for any other change.
    pub(crate) async fn changed(&mut self) -> Result<(), String> {
        loop {
            sleep(INTERVAL).await;
            let mut content = self.look();
            if content == self.seen {
                continue;
            }
            loop {
                sleep(SETTLE).await;
                let later = self.look();
                if later == content {
                    break;
                }
                content = later;
            }
            // It may have been restored meanwhile.
            if content != self.seen {
                self.seen = content;
                return self.seen.as_ref().map(drop).map_err(Clone::clone);
            }
        }
    }

    fn look(&self) -> Content {
        fs::read_to_string(&self.path)
            .map_err(|error| format!("cannot read {}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::Saved;

    #[tokio::test(start_paused = true)]
    async fn only_another_content_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules.yaml");
        fs::write(&path, "one").unwrap();
        let mut saved = Saved::watch(path.clone());
        fs::write(&path, "one").unwrap();
        let unchanged = timeout(Duration::from_secs(60), saved.changed()).await;
        assert!(unchanged.is_err());
        fs::write(&path, "two").unwrap();
        assert_eq!(saved.changed().await, Ok(()));
        fs::remove_file(&path).unwrap();
        let complaint = saved.changed().await.unwrap_err();
        assert!(complaint.contains("rules.yaml: No such file"), "{complaint}");
        let said_once = timeout(Duration::from_secs(60), saved.changed()).await;
        assert!(said_once.is_err());
        fs::write(&path, "two").unwrap();
        assert_eq!(saved.changed().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_emptied_file_is_not_believed_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules.yaml");
        fs::write(&path, "one").unwrap();
        let mut saved = Saved::watch(path.clone());
        fs::write(&path, "").unwrap();
        let started = Instant::now();
        let written = async {
            tokio::time::sleep(Duration::from_millis(225)).await;
            fs::write(&path, "two").unwrap();
        };
        let (changed, ()) = tokio::join!(saved.changed(), written);
        assert_eq!(changed, Ok(()));
        assert!(
            started.elapsed() >= Duration::from_millis(300),
            "{:?}",
            started.elapsed()
        );
        assert_eq!(saved.seen.as_deref(), Ok("two"));
    }
}
