//! `footprint`: how many processes there were when the traffic ended, and how much memory they had.

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
        let all = &evidence.observations.programs;
        if all.is_empty() {
            return NoEvidence::because("nobody has measured any process");
        }
        let meant: Vec<&ProgramSize> = all
            .iter()
            .filter(|program| is_part(program.kind, self.of))
            .collect();
        let processes = meant.len() as u64;
        let memory: Option<u64> = meant.iter().map(|program| program.kibibytes).sum();
        let mebibytes = memory.map(|kibibytes| kibibytes.div_ceil(1024));
        let within = match (self.mebibytes, mebibytes) {
            (None, _) => true,
            (Some(bound), Some(mebibytes)) => bound.holds(mebibytes),
            (Some(_), None) => {
                return NoEvidence::because("the system does not tell how much memory a process has");
            }
        };
        let measured = mebibytes.map(|mebibytes| format!(", {} MiB", text::count(mebibytes)));
        Ok(Finding {
            held: self.processes.holds(processes) && within,
            saw: format!(
                "{}{}",
                match processes {
                    1 => "1 process".to_owned(),
                    _ => format!("{} processes", text::count(processes)),
                },
                measured.unwrap_or_default()
            ),
            ..Finding::default()
        })
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
