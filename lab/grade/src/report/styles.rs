//! Colours. They stress what the words and signs say anyway, and never carry a meaning alone.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// Colours for a terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Styles {
    /// What holds.
    pub good: Style,
    /// What is red.
    pub bad: Style,
    /// What could not be judged.
    pub doubtful: Style,
    /// What names something.
    pub strong: Style,
    /// What is there for those who look closer.
    pub quiet: Style,
}

impl Styles {
    /// No colours at all.
    pub fn plain() -> Self {
        Self::default()
    }

    /// The colours of a terminal that has them.
    pub fn coloured() -> Self {
        Self {
            good: AnsiColor::Green.on_default(),
            bad: AnsiColor::Red.on_default().bold(),
            doubtful: AnsiColor::Yellow.on_default(),
            strong: Style::new().bold(),
            quiet: Style::new().dimmed(),
        }
    }
}

/// `text` in a style.
pub fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
