//! A scenario with its lesson, and the runs that show whether the lesson keeps its word.

use hallway_lessons::{Attempt, Exercise, LessonError, Prediction, Text};
use hallway_scenario::Ground;
use hallway_scenario::load::Loaded;

use crate::conduct::RunFailure;
use crate::conduct::attempt::{Entered, enter, ran};
use crate::conduct::judged::Judged;
use crate::conduct::run::{Finished, Order};
use crate::failure::Failure;

/// A scenario with its lesson.
pub(super) struct Subject {
    pub(super) loaded: Loaded,
    /// What is wrong with it before anything is run.
    wrong: Vec<Complaint>,
    prediction: Option<Prediction>,
    exercise: Option<Entry>,
}

/// An exercise with the file that it begins with, and with its solution.
struct Entry {
    exercise: Exercise,
    start: Entered,
    solution: Entered,
}

/// What is wrong, with which part of a lesson.
pub(super) struct Complaint {
    pub(super) part: &'static str,
    pub(super) words: String,
}

/// A run that shows something about a lesson.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) control: Option<&'a str>,
    purpose: Purpose,
}

#[derive(Clone, Copy)]
enum Purpose {
    Prediction,
    Start,
    Solution,
}

/// What came of the runs of a lesson.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) complaints: Vec<Complaint>,
    /// Why some were not made.
    pub(super) skipped: Vec<String>,
    pub(super) failures: Vec<Failure>,
}

impl Subject {
    pub(super) fn of(loaded: Loaded) -> Result<Self, Failure> {
        let mut wrong = Vec::new();
        let mut complain = |part, error: LessonError| {
            let words = error.to_string();
            wrong.push(Complaint { part, words });
        };
        if let Err(error) = Text::load(&loaded) {
            complain("lesson", error);
        }
        let prediction = Prediction::load(&loaded).map_err(|error| complain("prediction", error));
        let exercise = Exercise::load(&loaded).map_err(|error| complain("exercise", error));
        let exercise = match exercise {
            Ok(exercise) => Some(Entry {
                start: enter(&exercise, &exercise.broken)?,
                solution: enter(&exercise, &exercise.solution)?,
                exercise,
            }),
            Err(()) => None,
        };
        Ok(Self {
            loaded,
            wrong,
            prediction: prediction.ok(),
            exercise,
        })
    }

    /// What its exercise is called.
    pub(super) fn title(&self) -> &str {
        self.exercise
            .as_ref()
            .map_or("", |entry| entry.exercise.title.as_str())
    }

    /// The runs to be made on `ground`.
    pub(super) fn runs(&self, ground: Ground) -> Vec<Run<'_>> {
        let mut runs = Vec::new();
        let mut add = |loaded, control, purpose| {
            runs.push(Run {
                loaded,
                control,
                purpose,
            });
        };
        if let Some(prediction) = &self.prediction
            && self.loaded.scenario.grounds.include(ground)
        {
            add(&self.loaded, prediction.run.as_deref(), Purpose::Prediction);
        }
        if let Some(entry) = &self.exercise {
            for (entered, purpose) in [
                (&entry.start, Purpose::Start),
                (&entry.solution, Purpose::Solution),
            ] {
                match entered {
                    Entered::Ready(loaded) if loaded.scenario.grounds.include(ground) => {
                        add(loaded, None, purpose);
                    }
                    _ => {}
                }
            }
        }
        runs
    }

    /// Whether there is anything to say of it on `ground`.
    pub(super) fn concerns(&self, ground: Ground) -> bool {
        !self.wrong.is_empty() || !self.runs(ground).is_empty()
    }

    /// What came of `runs` on `ground`, with what was wrong before.
    pub(super) fn judge(
        &self,
        ground: Ground,
        seed: u64,
        runs: &[Run<'_>],
        made: Vec<Result<Finished, RunFailure>>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let known = self.wrong.iter().map(|complaint| Complaint {
            part: complaint.part,
            words: complaint.words.clone(),
        });
        outcome.complaints.extend(known);
        self.judge_refused(&mut outcome);
        for (run, made) in runs.iter().zip(made) {
            match made {
                Ok(finished) => self.judge_run(run, ground, seed, &finished, &mut outcome),
                Err(RunFailure::Skipped(reason)) => outcome.skipped.push(reason),
                Err(RunFailure::Failed(failure)) => outcome.failures.push(failure),
            }
        }
        outcome
    }

    /// Files that were not even accepted are not run.
    fn judge_refused(&self, outcome: &mut Outcome) {
        let Some(entry) = &self.exercise else { return };
        if let Entered::Refused(diagnostics) = &entry.start {
            self.judge_start(&Attempt::Refused(diagnostics.clone()), outcome);
        }
        if let Entered::Refused(diagnostics) = &entry.solution {
            judge_solution(&Attempt::Refused(diagnostics.clone()), outcome);
        }
    }

    fn judge_run(
        &self,
        run: &Run<'_>,
        ground: Ground,
        seed: u64,
        finished: &Finished,
        outcome: &mut Outcome,
    ) {
        if let Some(incident) = finished.observations.incidents.first() {
            let words = format!("{}: {}: {}", run.loaded.name, incident.who, incident.what);
            outcome.failures.push(Failure::lab(words));
            return;
        }
        let order = Order {
            loaded: run.loaded,
            control: run.control,
            ground,
            seed,
        };
        match run.purpose {
            Purpose::Prediction => {
                let prediction = self.prediction.as_ref().expect("it has one, or no run for it");
                let verdicts = Judged::of(&order, finished).grade.verdicts;
                if let Err(error) = prediction.check(&verdicts) {
                    outcome.complain("prediction", error.to_string());
                }
            }
            Purpose::Start => self.judge_start(&ran(&order, finished), outcome),
            Purpose::Solution => judge_solution(&ran(&order, finished), outcome),
        }
    }

    fn judge_start(&self, attempt: &Attempt, outcome: &mut Outcome) {
        let entry = self.exercise.as_ref().expect("it has one, or no start");
        for flaw in attempt.departures(&entry.exercise) {
            outcome.complain("exercise as shipped", flaw.to_string());
        }
    }
}

fn judge_solution(attempt: &Attempt, outcome: &mut Outcome) {
    for flaw in attempt.shortfalls() {
        outcome.complain("solution", flaw.to_string());
    }
}

impl Outcome {
    fn complain(&mut self, part: &'static str, words: String) {
        self.complaints.push(Complaint { part, words });
    }
}
