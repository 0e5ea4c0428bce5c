//! What goes wrong with the lab itself while a run lasts.

use std::sync::{Arc, Mutex};

use hallway_evidence::Incident;
use tokio_util::sync::CancellationToken;

/// Collects incidents. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incidents {
    list: Arc<Mutex<Vec<Incident>>>,
    happened: CancellationToken,
}

impl Incidents {
    pub(crate) fn report(&self, who: impl Into<String>, what: impl Into<String>) {
        self.lock().push(Incident {
            who: who.into(),
            what: what.into(),
        });
        self.happened.cancel();
    }

    /// Returns as soon as there is an incident: a run that has one proves nothing, so it need not go on.
    pub(crate) async fn happened(&self) {
        self.happened.cancelled().await;
    }

    /// The first incident, as soon as there is one.
    pub(crate) async fn first(&self) -> Incident {
        self.happened().await;
        self.lock()[0].clone()
    }

    /// All incidents so far, in order.
    pub(crate) fn list(&self) -> Vec<Incident> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Incident>> {
        self.list.lock().expect("reporting does not panic")
    }
}
