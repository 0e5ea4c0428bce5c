//! Lines on a terminal that change as long as they are shown.
//!
//! The cursor stays at the beginning of the line below them, so that it does no harm that the terminal writes `^C` there.

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::termios::tcgetwinsize;

/// Lines that change, on standard error. Clones are the same lines.
#[derive(Clone, Default)]
pub(super) struct Lines {
    /// What is shown.
    shown: Arc<Mutex<Vec<String>>>,
}

impl Lines {
    /// Whether lines can be changed on standard error.
    pub(super) fn can_change() -> bool {
        // Terminals that cannot move their cursor say so.
        let can_move = std::env::var_os("TERM").is_some_and(|terminal| terminal != "dumb");
        stderr().is_terminal() && can_move
    }

    /// Shows `text` in place of what was shown before, as much of it as there is room for.
    pub(super) fn show(&self, text: &str) {
        let (width, height) = room();
        // A line that is wrapped would be two.
        let cut = |line: &str| line.chars().take(width).collect();
        let lines: Vec<String> = text.lines().take(height).map(cut).collect();
        let mut shown = self.lock();
        let changed = replaced(&shown, &lines);
        *shown = lines;
        write(&changed);
    }

    /// Lets `print` write to the terminal without disturbing what is shown.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        let shown = self.lock();
        write(&replaced(&shown, &[]));
        print();
        write(&replaced(&[], &shown));
    }

    /// Takes away what is shown.
    pub(super) fn clear(&self) {
        let shown = std::mem::take(&mut *self.lock());
        write(&replaced(&shown, &[]));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.shown.lock().expect("writing to a terminal does not panic")
    }
}

/// What a terminal is told so that it shows `new` in place of `old`. Sources: ECMA-48, 8.3.13 (CPL) and 8.3.39 (ED).
fn replaced(old: &[String], new: &[String]) -> String {
    let mut text = match old.len() {
        0 => String::new(),
        lines => format!("\x1b[{lines}F\x1b[J"),
    };
    for line in new {
        text += line;
        text.push('\n');
    }
    text
}

/// How many characters a line can have, and how many lines there can be above that of the cursor.
fn room() -> (usize, usize) {
    let size = tcgetwinsize(stderr())
        .ok()
        .filter(|size| size.ws_col > 0 && size.ws_row > 1);
    size.map_or((80, 23), |size| {
        (size.ws_col.into(), usize::from(size.ws_row) - 1)
    })
}

fn write(text: &str) {
    // A terminal that is gone misses nothing.
    let _: io::Result<()> = stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn the_cursor_goes_back_over_what_was_shown_and_no_further() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(replaced(&lines(&[]), &lines(&["a", "b"])), "a\nb\n");
        assert_eq!(replaced(&lines(&["a", "b"]), &lines(&["c"])), "\x1b[2F\x1b[Jc\n");
        assert_eq!(replaced(&lines(&["c"]), &lines(&[])), "\x1b[1F\x1b[J");
        assert_eq!(replaced(&lines(&[]), &lines(&[])), "");
    }
}
