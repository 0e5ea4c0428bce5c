//! The rules in force, and the last ones that were refused. A set of files is accepted as a whole or not at all.

use hallway_config::{Resources, load, redacted};
use hallway_model::bootstrap::{Admission, Token};
use hallway_model::telemetry::Problem;
use hallway_yaml::{Diagnostic, Severity, Style};

use crate::api::{RuleFile, RulesAccepted, RulesInForce, RulesRefusal, RulesRefused, RulesStatus};

/// The rules of the mesh. Whoever gave the last accepted set, the directory or the admin API, it replaces the one before.
#[derive(Default)]
pub(crate) struct Rules {
    generation: u64,
    files: Vec<RuleFile>,
    /// Secrets that every set can refer to.
    secrets: Vec<Token>,
    resources: Resources,
    last_refusal: Option<RulesRefusal>,
}

impl Rules {
    /// No rules yet, and `secrets` that every set can refer to.
    pub(crate) fn with_secrets(secrets: Vec<Token>) -> Self {
        Self {
            secrets,
            ..Self::default()
        }
    }

    /// Puts `files` in force, or refuses them and keeps what there was.
    pub(crate) fn replace(
        &mut self,
        files: Vec<RuleFile>,
        admission: Admission,
        now_us: u64,
    ) -> Result<RulesAccepted, RulesRefused> {
        let secrets = self.secrets.iter().map(|secret| hallway_config::RuleFile {
            name: "a Secret of the bootstrap".to_owned(),
            text: secret.0.clone(),
        });
        match load(secrets.chain(config_files(&files)).collect(), admission) {
            Ok(loaded) => {
                self.generation += 1;
                self.files = files;
                self.resources = loaded.resources;
                self.last_refusal = None;
                Ok(RulesAccepted {
                    generation: self.generation,
                    warnings: loaded
                        .warnings
                        .iter()
                        .map(|warning| warning.render(Style::Plain))
                        .collect(),
                })
            }
            Err(diagnostics) => {
                let is_error = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
                let refused = RulesRefused {
                    problems: diagnostics.iter().filter(is_error).map(problem).collect(),
                    rendered: diagnostics.render(Style::Plain),
                };
                self.refuse(refused.clone(), now_us);
                Err(refused)
            }
        }
    }

    /// Notes that rules were refused.
    pub(crate) fn refuse(&mut self, refused: RulesRefused, now_us: u64) {
        self.last_refusal = Some(RulesRefusal {
            at_us: now_us,
            refused,
        });
    }

    pub(crate) fn resources(&self) -> &Resources {
        &self.resources
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn in_force(&self) -> RulesInForce {
        RulesInForce {
            generation: self.generation,
            files: config_files(&self.files)
                .iter()
                .map(redacted)
                .map(|file| RuleFile {
                    name: file.name,
                    text: file.text,
                })
                .collect(),
        }
    }

    pub(crate) fn status(&self) -> RulesStatus {
        RulesStatus {
            generation: self.generation,
            last_refusal: self.last_refusal.clone(),
        }
    }
}

fn problem(diagnostic: &Diagnostic) -> Problem {
    let record = diagnostic.record();
    let message = match record.context {
        Some(context) => format!("{} (in {context})", record.message),
        None => record.message,
    };
    Problem {
        file: record.file,
        line: record.line,
        column: record.column,
        message,
        help: record.help,
    }
}

fn config_files(files: &[RuleFile]) -> Vec<hallway_config::RuleFile> {
    files
        .iter()
        .map(|file| hallway_config::RuleFile {
            name: file.name.clone(),
            text: file.text.clone(),
        })
        .collect()
}
