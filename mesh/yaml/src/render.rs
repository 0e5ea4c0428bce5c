//! Diagnostics as text with an excerpt of the file.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::SourceFile;

/// How text is dressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without colour.
    Plain,
    /// With ANSI colours.
    Coloured,
}

pub(crate) fn render(diagnostic: &Diagnostic, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .elements(snippets(diagnostic));
    if let Some(context) = &diagnostic.context {
        group = group.element(Level::NOTE.no_name().message(trusted(&format!("in {context}"))));
    }
    let mut report = vec![group];
    if let Some(help) = &diagnostic.help {
        report.push(Group::with_title(Level::HELP.secondary_title(trusted(help))));
    }
    renderer.decor_style(DecorStyle::Unicode).render(&report)
}

/// One excerpt for each file that the labels point into, that of the primary label first.
fn snippets(diagnostic: &Diagnostic) -> Vec<Snippet<'_, annotate_snippets::Annotation<'_>>> {
    let mut files: Vec<&SourceFile> = vec![diagnostic.primary.span.source()];
    for label in &diagnostic.secondary {
        if !files.iter().any(|file| file.name() == label.span.source().name()) {
            files.push(label.span.source());
        }
    }
    files.into_iter().map(|file| snippet(diagnostic, file)).collect()
}

fn snippet<'d>(
    diagnostic: &'d Diagnostic,
    file: &'d SourceFile,
) -> Snippet<'d, annotate_snippets::Annotation<'d>> {
    let secondary = diagnostic
        .secondary
        .iter()
        .map(|label| (AnnotationKind::Context, label));
    let labels = std::iter::once((AnnotationKind::Primary, &diagnostic.primary)).chain(secondary);
    let annotations = labels
        .filter(|(_, label)| label.span.source().name() == file.name())
        .map(|(kind, label)| kind.span(label.span.range()).label(text(label)));
    Snippet::source(file.text())
        .path(file.name())
        .annotations(annotations)
}

fn text(label: &Label) -> Option<Cow<'static, str>> {
    (!label.text.is_empty()).then(|| trusted(&label.text).into())
}

/// Text from a file could hold control characters that would reach the terminal.
fn trusted(text: &str) -> String {
    normalize_untrusted_str(text)
}
