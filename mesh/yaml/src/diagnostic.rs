//! What is wrong with a file, where, and what to do next.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::path::Path;
use crate::render::{self, Style};
use crate::source::Span;

/// The most findings that are shown as text: more are read by nobody.
const MAX_RENDERED: usize = 100;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but it probably does not do what was meant.
    Warning,
}

/// A place in a file with a remark about it.
#[derive(Clone, Debug)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The remark; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line that makes sense without the excerpt.
    pub message: String,
    /// Where it is wrong.
    pub primary: Label,
    /// Other places that explain it.
    pub secondary: Vec<Label>,
    /// What the place is part of, such as `HTTPRoute shop/checkout, rule 1`.
    pub context: Option<String>,
    /// What to do next.
    pub help: Option<String>,
    /// Where in the document it is wrong, if the document could be read.
    pub path: Option<Path>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(message: impl Into<String>, span: Span, label: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            primary: Label {
                span,
                text: label.into(),
            },
            secondary: Vec::new(),
            context: None,
            help: None,
            path: None,
        }
    }

    /// The same finding with another severity.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Diagnostic {
        self.severity = severity;
        self
    }

    /// The same finding with what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<Option<String>>) -> Diagnostic {
        self.help = help.into();
        self
    }

    /// The same finding with what its place is part of.
    #[must_use]
    pub fn with_context(mut self, context: impl Into<Option<String>>) -> Diagnostic {
        self.context = context.into();
        self
    }

    /// The same finding with its place in the document.
    #[must_use]
    pub fn with_path(mut self, path: Path) -> Diagnostic {
        self.path = Some(path);
        self
    }

    /// The same finding with another place that explains it.
    #[must_use]
    pub fn with_secondary(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// The finding as text with an excerpt of the file; ends without a line break.
    pub fn render(&self, style: Style) -> String {
        render::render(self, style)
    }

    /// The finding as data, without the file.
    pub fn record(&self) -> Record {
        let span = &self.primary.span;
        Record {
            severity: self.severity,
            message: self.message.clone(),
            file: span.source().name().to_owned(),
            line: span.line(),
            column: span.column(),
            label: self.primary.text.clone(),
            context: self.context.clone(),
            help: self.help.clone(),
        }
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.record().serialize(serializer)
    }
}

/// A [`Diagnostic`] as data: what an API answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The name of the file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// A remark about the place; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What the place is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// `file:line:column: message (help)`
impl fmt::Display for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.message
        )?;
        match &self.help {
            Some(help) => write!(formatter, " ({help})"),
            None => Ok(()),
        }
    }
}

/// Findings, in the order of the files and of the places in them.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// No findings.
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    /// Adds a finding at its place in the order; findings at the same place keep the order in which they were added.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let at = self
            .0
            .partition_point(|earlier| position(earlier) <= position(&diagnostic));
        self.0.insert(at, diagnostic);
    }

    /// Whether there is an error among the findings.
    pub fn has_errors(&self) -> bool {
        self.iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there is no finding.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of findings.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The findings in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Tells each finding that lacks it what its place is part of.
    #[must_use]
    pub fn with_context(mut self, describe: impl Fn(&Diagnostic) -> Option<String>) -> Diagnostics {
        for diagnostic in self
            .0
            .iter_mut()
            .filter(|diagnostic| diagnostic.context.is_none())
        {
            diagnostic.context = describe(diagnostic);
        }
        self
    }

    /// The findings as data.
    pub fn records(&self) -> Vec<Record> {
        self.iter().map(Diagnostic::record).collect()
    }

    /// The first findings as text, an empty line between them; ends without a line break.
    pub fn render(&self, style: Style) -> String {
        let mut rendered: Vec<String> = self
            .iter()
            .take(MAX_RENDERED)
            .map(|diagnostic| diagnostic.render(style))
            .collect();
        if self.len() > MAX_RENDERED {
            rendered.push(format!("and {} more", self.len() - MAX_RENDERED));
        }
        rendered.join("\n\n")
    }
}

fn position(diagnostic: &Diagnostic) -> (&str, usize) {
    let span = &diagnostic.primary.span;
    (span.source().name(), span.range().start)
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        self.0.extend(diagnostics);
        self.0.sort_by(|one, other| position(one).cmp(&position(other)));
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Diagnostics {
        let mut collected = Diagnostics::new();
        collected.extend(diagnostics);
        collected
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Diagnostics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Plain text with excerpts.
impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Diagnostics {}
