//! What a learner reads and types: page by page on a terminal, line by line in a pipe.

use std::io::{self, BufRead, IsTerminal, Write};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::{markdown, report};

/// How wide prose is at most; longer lines are hard to read.
const WIDEST: usize = 96;

/// The height of a terminal that does not tell.
const USUAL_HEIGHT: usize = 24;

/// Where a learner reads and types.
pub(super) struct Screen {
    lines: UnboundedReceiver<String>,
    cancel: CancellationToken,
    is_terminal: bool,
    /// How many lines have been shown since somebody typed.
    shown: usize,
}

/// Nobody types any more: standard input has ended, or somebody has interrupted.
pub(super) struct Ended;

impl Screen {
    /// Begins to read standard input.
    pub(super) fn new(cancel: CancellationToken) -> Result<Self, Failure> {
        let (sender, lines) = unbounded_channel();
        // A thread of the runtime would have to be waited for.
        let reading = std::thread::Builder::new().spawn(move || {
            for line in io::stdin().lock().lines() {
                // What is no text is as good as the end.
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        reading.map_err(|error| Failure::lab(format_args!("cannot start a thread: {error}")))?;
        Ok(Self {
            lines,
            cancel,
            is_terminal: io::stdin().is_terminal() && io::stdout().is_terminal(),
            shown: 0,
        })
    }

    /// Shows lines; on a terminal, no more at once than it has room for.
    pub(super) async fn show(&mut self, lines: &[String]) -> Result<(), Ended> {
        for line in lines {
            if self.is_terminal && self.shown + 2 >= height() {
                self.pause("Enter for more").await?;
            }
            anstream::println!("{line}");
            self.shown += 1;
        }
        Ok(())
    }

    /// Shows a Markdown text, and an empty line after it.
    pub(super) async fn read(&mut self, text: &str) -> Result<(), Ended> {
        let mut lines = markdown::lines(text, width());
        lines.push(String::new());
        self.show(&lines).await
    }

    /// Shows text that is laid out already.
    pub(super) async fn print(&mut self, text: &str) -> Result<(), Ended> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        self.show(&lines).await
    }

    /// On a terminal, waits for Enter.
    pub(super) async fn pause(&mut self, why: &str) -> Result<(), Ended> {
        if self.is_terminal {
            anstream::print!("── {why}; q quits ");
            if matches!(self.line().await?.trim(), "q" | "quit") {
                return Err(Ended);
            }
        }
        Ok(())
    }

    /// Asks for a line.
    pub(super) async fn ask(&mut self, question: &str) -> Result<String, Ended> {
        anstream::println!("{question}");
        if self.is_terminal {
            anstream::print!("> ");
        }
        self.line().await
    }

    /// The next line that somebody types.
    pub(super) async fn line(&mut self) -> Result<String, Ended> {
        // Without it, a prompt would not be seen.
        let _ = io::stdout().flush();
        let line = self.cancel.run_until_cancelled(self.lines.recv()).await;
        self.shown = 0;
        line.flatten().ok_or(Ended)
    }
}

/// How wide prose is.
pub(super) fn width() -> usize {
    report::terminal_width().unwrap_or(WIDEST).min(WIDEST)
}

/// How many lines fit on the terminal.
fn height() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    let rows = size.map(|size| usize::from(size.ws_row)).filter(|rows| *rows > 4);
    rows.unwrap_or(USUAL_HEIGHT)
}
