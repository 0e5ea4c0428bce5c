//! What came of a single run: of a scenario as written, or of one of its controls.

use std::collections::BTreeMap;

use hallway_evidence::Observations;
use hallway_grade::control::grade_control;
use hallway_grade::{ControlGrade, Grade, Skips, exit_code, tamper};
use hallway_scenario::load::Loaded;

use super::run::{Finished, Order};

/// What came of a single run.
pub(crate) struct Judged {
    /// The checks of this run. For a control, some are meant to be red.
    pub(crate) grade: Grade,
    /// Whether the control turned them red as it should.
    pub(crate) control: Option<ControlGrade>,
}

impl Judged {
    /// Judges a run.
    pub(crate) fn of(order: &Order<'_>, finished: &Finished) -> Self {
        let scenario = &order.loaded.scenario;
        let control = order.control.map(|name| {
            let control = &scenario.controls[name];
            grade_control(scenario, name, control, &finished.observations, finished.took)
        });
        let observations = evidence(order.loaded, order.control, &finished.observations);
        let observed = hallway_grade::Observed {
            observations: &observations,
            took: finished.took,
        };
        Self {
            grade: hallway_grade::grade(scenario, observed, &BTreeMap::new(), finished.took),
            control,
        }
    }

    /// The exit code: a control succeeds when it turns checks red as it should.
    pub(crate) fn code(&self) -> u8 {
        match &self.control {
            None => exit_code(std::slice::from_ref(&self.grade), Skips::Forbidden),
            Some(control) if control.holds() => 0,
            Some(control) if control.lab_failed() => 3,
            Some(_) => 1,
        }
    }
}

/// The evidence of a run, spoilt where the control asks for it.
pub(crate) fn evidence(loaded: &Loaded, control: Option<&str>, observations: &Observations) -> Observations {
    let spoilt = control.and_then(|name| loaded.scenario.controls[name].evidence);
    match spoilt {
        Some(spoilt) => tamper(observations, spoilt),
        None => observations.clone(),
    }
}
