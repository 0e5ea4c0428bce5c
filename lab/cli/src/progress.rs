//! What a person sees while scenarios run: on a terminal a line per run with its numbers, elsewhere nothing.

use std::time::Duration;

use hallway_world::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The display.
pub(crate) struct Board {
    lines: MultiProgress,
    total: ProgressBar,
}

/// A search through many seeds.
pub(crate) struct Search(ProgressBar);

/// One run on the display.
pub(crate) struct Line {
    bar: ProgressBar,
    total: ProgressBar,
}

impl Board {
    pub(crate) fn new() -> Self {
        // Hidden by itself when standard error is no terminal.
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let total = lines
            .add(ProgressBar::new(0).with_style(style("{wide_bar:.dim} {pos} of {len} runs · {elapsed}")));
        Self { lines, total }
    }

    /// Says how many runs there will be.
    pub(crate) fn expect(&self, runs: u64) {
        self.total.set_length(runs);
        self.total.enable_steady_tick(Duration::from_millis(200));
    }

    /// Begins a line for a run.
    pub(crate) fn line(&self, name: String) -> Line {
        let bar = ProgressBar::new(0)
            .with_style(style(" {prefix:<36} {msg}"))
            .with_prefix(name);
        Line {
            bar: self.lines.insert_before(&self.total, bar),
            total: self.total.clone(),
        }
    }

    /// Lets `print` write to the terminal without disturbing the display.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.lines.suspend(print);
    }

    /// Takes the display away.
    pub(crate) fn clear(&self) {
        self.total.finish_and_clear();
    }
}

impl Search {
    /// Begins a search through so many seeds.
    pub(crate) fn begin(seeds: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(seeds), ProgressDrawTarget::stderr()).with_style(style(
            "{wide_bar:.dim} {pos} of {len} seeds · {per_sec} · {elapsed}",
        ));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// A seed has been tried.
    pub(crate) fn tried(&self) {
        self.0.inc(1);
    }

    /// How many have been tried; takes the display away.
    pub(crate) fn end(self) -> u64 {
        self.0.finish_and_clear();
        self.0.position()
    }
}

impl Line {
    /// Where the run tells how far it is.
    pub(crate) fn listen(&self) -> UnboundedSender<Progress> {
        let (sender, mut receiver) = unbounded_channel();
        let bar = self.bar.clone();
        hallway_host::Task::start(async move {
            while let Some(progress) = receiver.recv().await {
                bar.set_message(words(progress));
            }
        });
        sender
    }

    /// The run has ended.
    pub(crate) fn finish(self) {
        self.total.inc(1);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn words(progress: Progress) -> String {
    match progress {
        Progress::Starting => "starting processes".to_owned(),
        Progress::Ready => "ready".to_owned(),
        Progress::Traffic { done, total } => format!("{done} of {total} requests"),
        Progress::Stopping => "stopping".to_owned(),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates in this file are well-formed")
}
