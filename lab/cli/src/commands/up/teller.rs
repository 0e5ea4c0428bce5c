//! Whom is told what happens: people, or programs that read a JSON document a line.

use std::io::{self, IsTerminal, Write, stdout};

use hallway_world::up::Counts;
use serde_json::json;

use super::announcement::Announcement;
use super::counts;
use super::lines::Lines;
use super::pushed::Pushed;

/// Tells what happens, on standard output.
pub(super) struct Teller {
    audience: Audience,
    lines: Lines,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Audience {
    /// Reads JSON.
    Programs,
    /// Reads later, or elsewhere: nothing is repeated.
    Readers,
    /// Sits at a terminal: the counts are shown as they grow.
    Watchers,
}

impl Teller {
    pub(super) fn new(json: bool) -> Self {
        let is_watched = stdout().is_terminal() && Lines::can_change();
        Self {
            audience: match (json, is_watched) {
                (true, _) => Audience::Programs,
                (false, false) => Audience::Readers,
                (false, true) => Audience::Watchers,
            },
            lines: Lines::default(),
        }
    }

    /// What changes on the terminal meanwhile.
    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Says under which conditions everybody is started.
    pub(super) fn begin(&self, heading: &str) {
        if self.audience != Audience::Programs {
            say(heading);
        }
    }

    /// Says that everybody is up.
    pub(super) fn announce(&self, announcement: &Announcement) {
        match self.audience {
            Audience::Programs => say(&announcement.json()),
            Audience::Readers | Audience::Watchers => say(&format!("{}\n", announcement.text())),
        }
    }

    /// Whether somebody wants to see [`Teller::show`] again and again.
    pub(super) fn is_watched(&self) -> bool {
        self.audience == Audience::Watchers
    }

    /// Shows what has been counted, in place of what was shown before.
    pub(super) fn show(&self, counts: &Counts) {
        self.lines.show(&counts::table(counts));
    }

    /// Says what came of pushing `file`.
    pub(super) fn pushed(&self, file: &str, pushed: &Pushed) {
        self.lines.aside(|| match self.audience {
            Audience::Programs => say(&pushed.event(file).to_string()),
            Audience::Readers | Audience::Watchers => say(&pushed.words(file)),
        });
    }

    /// Takes away what changes: nothing changes any more.
    pub(super) fn settle(&self) {
        self.lines.clear();
    }

    /// Says what had been counted in the end.
    pub(super) fn end(&self, last: &Counts) {
        match self.audience {
            Audience::Programs => say(&json!({ "event": "ended", "proxies": last }).to_string()),
            Audience::Readers => say(&counts::line(last)),
            Audience::Watchers => say(&counts::table(last)),
        }
    }
}

/// Prints a line. Whoever should read it may be gone: a terminal is closed, or a pipe; that is no reason to fail.
fn say(line: &str) {
    let _: io::Result<()> = writeln!(anstream::stdout(), "{line}");
}
