//! Measures what a mesh costs as a whole. Everything measured is a real process; nothing here judges.
//!
//! - [`control`]: a control plane that very many proxies follow
//! - [`lab`]: services with and without a mesh
//! - [`teams`]: what one decision about retries costs with and without a mesh
//! - [`process`]: what a process has used; `rules`: the rules of what is measured

pub mod control;
pub mod lab;
pub mod process;
mod rules;
pub mod teams;

use std::time::Duration;

use hallway_scenario::Scenario;
use serde::Serialize;
use serde_json::json;
use tokio::time::sleep;

use crate::control_client::ControlClient;
use crate::error::WorldError;

/// How often is looked whether something has happened; times are no more exact than this.
const POLL: Duration = Duration::from_millis(2);

/// The middle of several measurements, and their extremes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Spread<T> {
    /// The smallest.
    pub least: T,
    /// The middle one; of an even number, the upper one of both.
    pub median: T,
    /// The greatest.
    pub most: T,
}

impl<T: Copy + PartialOrd> Spread<T> {
    /// Of `measured`; `None` when that is nothing.
    pub(crate) fn of(measured: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut measured: Vec<T> = measured.into_iter().collect();
        measured.sort_by(|one, other| one.partial_cmp(other).expect("no measurement is NaN"));
        Some(Self {
            least: *measured.first()?,
            median: measured[measured.len() / 2],
            most: *measured.last()?,
        })
    }
}

/// A scenario of processes that has `services`, written as in a file, and nothing else.
fn scenario_of(name: &str, services: serde_json::Map<String, serde_json::Value>) -> Scenario {
    let scenario = json!({
        "scenario": name,
        "title": name,
        "teaches": name,
        "grounds": ["processes"],
        "topology": { "services": services },
        "rules": "",
        "traffic": {},
        "checks": {},
        "controls": {},
    });
    serde_json::from_value(scenario).expect("it is written as scenarios are")
}

/// Waits until every sidecar has accepted what it should have.
async fn acknowledged(control: &ControlClient) -> Result<(), WorldError> {
    loop {
        let status = control.status().await?;
        let mut proxies = status.proxies.values();
        if proxies.all(|proxy| proxy.version_acknowledged == proxy.version_wanted) {
            return Ok(());
        }
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn a_spread_tells_the_middle_and_the_extremes() {
        let spread = Spread::of([3.0, 1.0, 9.0, 2.0]).expect("four measurements");
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 3.0, 9.0));
        assert_eq!(Spread::<u64>::of([]), None);
    }
}
