//! A program's place in a run. The program can die on purpose, and start again at the same addresses.

use crate::child::Child;
use crate::error::WorldError;

/// A program's place in a run.
pub(super) struct Slot<Bootstrap, R> {
    /// What the program is told when it starts again: the addresses are those that it had.
    pub(super) bootstrap: Bootstrap,
    /// How often it has been started.
    lives: u32,
    child: Option<Child<R>>,
    /// What it recorded in its former lives.
    past: Vec<R>,
}

impl<Bootstrap, R> Slot<Bootstrap, R> {
    pub(super) fn new(bootstrap: Bootstrap, child: Child<R>) -> Self {
        Self {
            bootstrap,
            lives: 1,
            child: Some(child),
            past: Vec::new(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// The number of its process, if it runs as one.
    pub(super) fn process(&self) -> Option<u32> {
        self.child.as_ref()?.process()
    }

    /// # Errors
    /// [`WorldError::Scenario`] when it does not run.
    pub(super) async fn crash(&mut self, what: &str) -> Result<(), WorldError> {
        let child = self.child.take().ok_or_else(|| not_running(what))?;
        self.past.extend(child.crash().await);
        Ok(())
    }

    /// Names the life that is about to begin; no two have the same name.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when it still runs.
    pub(super) fn next_life(&self, what: &str) -> Result<String, WorldError> {
        match self.child {
            Some(_) => Err(WorldError::scenario(what, "it still runs")),
            None => Ok(format!("{what}, life {}", self.lives + 1)),
        }
    }

    /// Puts the program in its place that was started again.
    pub(super) fn live_again(&mut self, child: Child<R>) {
        self.child = Some(child);
        self.lives += 1;
    }

    /// # Errors
    /// [`WorldError::Scenario`] when it does not run.
    pub(super) fn child(&self, what: &str) -> Result<&Child<R>, WorldError> {
        self.child.as_ref().ok_or_else(|| not_running(what))
    }

    /// Waits for the record in which `pick` finds something.
    ///
    /// # Errors
    /// Those of [`Child::record`].
    pub(super) async fn record<T>(
        &mut self,
        waiting_for: &str,
        pick: impl FnMut(&R) -> Option<T>,
    ) -> Result<T, WorldError> {
        let child = self.child.as_mut().ok_or_else(|| not_running(waiting_for))?;
        child.record(waiting_for, pick).await
    }

    /// Forgets what it recorded, and what it is going to in this life.
    pub(super) fn ignore_records(&mut self) {
        self.past.clear();
        if let Some(child) = &mut self.child {
            child.ignore_records();
        }
    }

    /// Lets it go on if it is paused.
    pub(super) fn resume(&self) {
        if let Some(child) = &self.child {
            child.resume();
        }
    }

    /// Stops it, and returns what it recorded in all its lives.
    pub(super) async fn stop(mut self) -> Vec<R> {
        if let Some(child) = self.child.take() {
            self.past.extend(child.stop().await);
        }
        self.past
    }
}

fn not_running(what: &str) -> WorldError {
    WorldError::scenario(what, "it does not run")
}
