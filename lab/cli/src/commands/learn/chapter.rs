//! A chapter up to its exercise: a lesson to read, a question, the run, and what the answer was worth.

use std::time::Duration;

use hallway_grade::report::Styles;
use hallway_grade::report::styles::paint;
use hallway_grade::{Grade, Outcome, Verdict};
use hallway_lessons::{Choice, Exercise, LessonError, Prediction, Text};
use hallway_scenario::load::Loaded;
use hallway_scenario::{Ground, Scenario, Traffic};
use hallway_yaml::Style;

use super::Stop;
use super::grading::checks;
use super::path::Walk;
use super::progress::Progress;
use super::words::Answer;
use crate::arguments::DEFAULT_SEED;
use crate::conduct::Conductor;
use crate::conduct::judged::Judged;
use crate::conduct::run::Order;
use crate::failure::Failure;
use crate::report;

/// How long a mesh of processes takes to start and to stop, about.
const START_AND_STOP: Duration = Duration::from_secs(4);

/// A scenario with its lesson.
pub(super) struct Chapter<'a> {
    pub(super) loaded: &'a Loaded,
    /// Its place among all chapters, from 1.
    pub(super) number: usize,
    /// How many chapters there are.
    pub(super) of: usize,
    pub(super) text: Text,
    pub(super) prediction: Prediction,
    pub(super) exercise: Exercise,
}

impl<'a> Chapter<'a> {
    /// Reads the lesson of a scenario.
    pub(super) fn load(loaded: &'a Loaded, number: usize, of: usize) -> Result<Self, Failure> {
        Ok(Self {
            loaded,
            number,
            of,
            text: Text::load(loaded).map_err(told)?,
            prediction: Prediction::load(loaded).map_err(told)?,
            exercise: Exercise::load(loaded).map_err(told)?,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.loaded.name
    }
}

/// Why there is no lesson.
pub(super) fn told(error: LessonError) -> Failure {
    match error {
        LessonError::Invalid(diagnostics) => {
            Failure::Input(diagnostics.render(Style::Coloured).trim_end().to_owned())
        }
        other => Failure::input(other),
    }
}

/// Where a scenario is run for a learner: simulated if it can be.
pub(super) fn ground(scenario: &Scenario) -> Ground {
    match scenario.grounds.include(Ground::Simulated) {
        true => Ground::Simulated,
        false => Ground::Processes,
    }
}

/// `, simulated`, or how long it takes about.
pub(super) fn ground_words(scenario: &Scenario) -> String {
    match ground(scenario) {
        Ground::Simulated => "simulated".to_owned(),
        Ground::Processes => {
            let ends = scenario.traffic.values().map(Traffic::end);
            let seconds = (ends.max().unwrap_or_default() + START_AND_STOP).as_secs();
            format!("on real processes, since it cannot be simulated: about {seconds} s")
        }
    }
}

/// Why a run says nothing of the answers; nothing when it bears out the right one.
fn unclear(prediction: &Prediction, grade: &Grade) -> Option<String> {
    match &grade.outcome {
        Outcome::LabFailed { .. } => Some("the lab itself failed".to_owned()),
        _ => prediction
            .check(&grade.verdicts)
            .err()
            .map(|other| other.to_string()),
    }
}

impl Walk<'_> {
    /// Everything of a chapter but its exercise.
    pub(super) async fn lesson(&mut self, chapter: &Chapter<'_>) -> Result<(), Stop> {
        self.screen.read(&chapter.text.before).await?;
        let answer = self.predict(chapter).await?;
        let grade = self.run(chapter).await?;
        self.explain(chapter, &grade, answer).await?;
        self.screen.pause("Enter for what happens").await?;
        self.screen.read(&chapter.text.after).await?;
        if !chapter.text.commands.is_empty() {
            let commands = format!(
                "To see it yourself, in another terminal:\n\n```\n{}\n```",
                chapter.text.commands
            );
            self.screen.read(&commands).await?;
        }
        Ok(())
    }

    /// Asks the question, and writes down what was answered.
    async fn predict(&mut self, chapter: &Chapter<'_>) -> Result<Option<usize>, Stop> {
        let prediction = &chapter.prediction;
        let mut text = format!("**What do you expect?** {}", prediction.question);
        text += "\n";
        for (index, choice) in prediction.choices.iter().enumerate() {
            text += &format!("\n{}. {}", index + 1, choice.says);
        }
        self.screen.read(&text).await?;
        let count = prediction.choices.len();
        let numbers: Vec<String> = (1..count).map(|number| number.to_string()).collect();
        let question = format!(
            "Your answer: {} or {count} (Enter alone: none)",
            numbers.join(", ")
        );
        let answer = loop {
            let line = self.screen.ask(&question).await?;
            match Answer::parse(&line, count) {
                Some(Answer::Choice(choice)) => break Some(choice),
                Some(Answer::Pass) => break None,
                Some(Answer::Quit) => return Err(Stop::Ended),
                None => anstream::println!("`{}` is none of the answers.", line.trim()),
            }
        };
        Progress::update(self.folder.path(), |progress| {
            let done = progress.chapter_mut(chapter.name());
            done.answer = answer.map(|choice| choice + 1);
            done.right = answer.map(|choice| prediction.choices[choice].right);
        })?;
        anstream::println!();
        Ok(answer)
    }

    /// Makes the run that the question is about, and shows what its checks saw.
    async fn run(&mut self, chapter: &Chapter<'_>) -> Result<Grade, Stop> {
        let loaded = chapter.loaded;
        let control = chapter.prediction.run.as_deref();
        let what = match control {
            None => format!("{} as it is written", loaded.name),
            Some(control) => format!("{} with its control {control}", loaded.name),
        };
        let on = ground_words(&loaded.scenario);
        self.screen.print(&format!("The run: {what}, {on}.\n\n")).await?;
        let order = Order {
            loaded,
            control,
            ground: ground(&loaded.scenario),
            seed: DEFAULT_SEED,
        };
        let conductor = Conductor::new(self.catalogue, order.ground, order.seed, self.cancel.clone())?;
        let finished = conductor.run_one(loaded, control).await?;
        let grade = Judged::of(&order, &finished).grade;
        let is_meant = |verdict: &Verdict| chapter.prediction.is_about(verdict);
        let checks = checks(&grade, &report::terminal([loaded]), is_meant);
        self.screen.print(&format!("{checks}\n")).await?;
        Ok(grade)
    }

    /// Says what the answer was worth: by the run, and not because the lesson says so.
    async fn explain(
        &mut self,
        chapter: &Chapter<'_>,
        grade: &Grade,
        answer: Option<usize>,
    ) -> Result<(), Stop> {
        let prediction = &chapter.prediction;
        if let Some(why) = unclear(prediction, grade) {
            let words = format!(
                "**This run does not show what the lesson is about:** {why}. `hallway check-lessons {}` tells more.",
                chapter.name()
            );
            return Ok(self.screen.read(&words).await?);
        }
        let styles = Styles::coloured();
        let right = prediction.right();
        let chosen = answer.map(|index| &prediction.choices[index]);
        match chosen {
            Some(chosen) if chosen.right => {
                let sign = paint(styles.good, "✓");
                self.screen
                    .print(&format!(" {sign} You said, and the run shows:\n\n"))
                    .await?;
                self.reason(chosen).await
            }
            Some(chosen) => {
                let sign = paint(styles.bad, "✗");
                self.screen.print(&format!(" {sign} You said:\n\n")).await?;
                self.reason(chosen).await?;
                self.screen.print(" What the run shows:\n\n").await?;
                self.reason(right).await
            }
            None => {
                self.screen.print(" What the run shows:\n\n").await?;
                self.reason(right).await
            }
        }
    }

    async fn reason(&mut self, choice: &Choice) -> Result<(), Stop> {
        let text = format!("> **{}**\n\n{}", choice.says, choice.because.trim());
        self.screen.read(&text).await?;
        Ok(())
    }
}
