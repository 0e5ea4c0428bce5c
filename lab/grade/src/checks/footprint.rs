//! `footprint`: how many processes there were when the traffic ended, and how much memory they had.

use std::fmt;

use hallway_evidence::Observations;
use hallway_evidence::observations::{ProgramKind, ProgramSize};
use hallway_scenario::check::{Footprint, Part};

use super::Judge;
use crate::evidence::Evidence;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Footprint {
    fn expected(&self) -> String {
        let memory = self.mebibytes.map(|memory| format!(" with {memory} MiB"));
        format!(
            "{} processes{} for {}",
            self.processes,
            memory.unwrap_or_default(),
            words(self.of)
        )
    }

    fn witness(&self) -> String {
        "the operating system".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let Some(size) = Size::of(self.of, evidence.observations) else {
            return NoEvidence::because("nobody has measured any process");
        };
        let within = match (self.mebibytes, size.mebibytes) {
            (None, _) => true,
            (Some(bound), Some(mebibytes)) => bound.holds(mebibytes),
            (Some(_), None) => {
                return NoEvidence::because("the system does not tell how much memory a process has");
            }
        };
        Ok(Finding {
            held: self.processes.holds(size.processes) && within,
            saw: size.to_string(),
            ..Finding::default()
        })
    }
}

/// What some programs took together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Size {
    processes: u64,
    /// Rounded up; absent where the system does not tell.
    mebibytes: Option<u64>,
}

impl Size {
    /// What `part` took; `None` where nobody has measured any process.
    pub(crate) fn of(part: Part, observations: &Observations) -> Option<Self> {
        let all = &observations.programs;
        let meant: Vec<&ProgramSize> = all.iter().filter(|program| is_part(program.kind, part)).collect();
        let memory: Option<u64> = meant.iter().map(|program| program.kibibytes).sum();
        (!all.is_empty()).then_some(Self {
            processes: meant.len() as u64,
            mebibytes: memory.map(|kibibytes| kibibytes.div_ceil(1024)),
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.processes {
            1 => formatter.write_str("1 process")?,
            several => write!(formatter, "{} processes", text::count(several))?,
        }
        match self.mebibytes {
            Some(mebibytes) => write!(formatter, ", {} MiB", text::count(mebibytes)),
            None => Ok(()),
        }
    }
}

fn is_part(kind: ProgramKind, part: Part) -> bool {
    match kind {
        ProgramKind::Service => part == Part::Services,
        ProgramKind::Sidecar | ProgramKind::Gateway | ProgramKind::ControlPlane => part == Part::Mesh,
    }
}

fn words(part: Part) -> &'static str {
    match part {
        Part::Services => "the services",
        Part::Mesh => "the mesh",
    }
}
