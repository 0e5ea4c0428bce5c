//! Text to trees. Anchors, aliases, tags, merge keys and duplicate keys are refused: rules should read as they act.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Content, Entry, Key, Mapping, Node};
use crate::scalar;
use crate::source::{SourceFile, Span};

/// The longest file that is read, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The deepest nesting of mappings and sequences.
pub const MAX_DEPTH: usize = 64;

/// Reads all documents of a file. A document without content is a null node.
///
/// # Errors
/// All mistakes up to the first one that makes the rest unreadable.
pub fn parse(source: &SourceFile) -> Result<Vec<Node>, Diagnostics> {
    if source.text().len() > MAX_BYTES {
        let message = format!("the file is larger than {} KiB", MAX_BYTES / 1024);
        return Err(Diagnostic::error(message, source.span(0..0), "").into());
    }
    let mut builder = Builder::new(source);
    let outcome = builder.documents();
    let mut diagnostics = builder.diagnostics;
    match outcome {
        Ok(documents) if diagnostics.is_empty() => return Ok(documents),
        Ok(_) => {}
        Err(stop) => diagnostics.push(*stop),
    }
    Err(diagnostics)
}

/// Reads a file that holds exactly one document.
///
/// # Errors
/// As [`parse`], and when there is no document or more than one.
pub fn parse_one(source: &SourceFile) -> Result<Node, Diagnostics> {
    let mut documents = parse(source)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Ok(document),
        (Some(second), false) => {
            let message = "this file must hold one document, not several";
            let help = "remove the `---` line, or move what follows to a file of its own".to_owned();
            Err(Diagnostic::error(message, second.head(), "another document")
                .with_help(help)
                .into())
        }
        (None, _) => Err(Diagnostic::error("the file is empty", source.span(0..0), "").into()),
    }
}

/// The mistake that makes the rest of the file unreadable.
type Stop = Box<Diagnostic>;

struct Builder<'s> {
    source: &'s SourceFile,
    events: Parser<'s, StrInput<'s>>,
    /// The byte offset of each character; the parser counts characters.
    offsets: Vec<usize>,
    depth: usize,
    diagnostics: Diagnostics,
}

impl<'s> Builder<'s> {
    fn new(source: &'s SourceFile) -> Builder<'s> {
        Builder {
            source,
            events: Parser::new_from_str(source.text()),
            offsets: source.text().char_indices().map(|(offset, _)| offset).collect(),
            depth: 0,
            diagnostics: Diagnostics::new(),
        }
    }

    fn documents(&mut self) -> Result<Vec<Node>, Stop> {
        let mut documents = Vec::new();
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(documents),
                (Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd, _) => {}
                (event, span) => documents.push(self.node(event, span)?),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'s>, Span), Stop> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, self.span(span.start.index(), span.end.index()))),
            Some(Err(error)) => Err(self.syntax_error(&error)),
            None => Ok((Event::StreamEnd, self.span(usize::MAX, usize::MAX))),
        }
    }

    fn node(&mut self, event: Event<'s>, span: Span) -> Result<Node, Stop> {
        let (tag, anchor) = match &event {
            Event::Scalar(_, _, anchor, tag) => (tag.as_ref(), *anchor),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (tag.as_ref(), *anchor),
            _ => (None, 0),
        };
        if let Some(tag) = tag {
            self.refuse(
                &span,
                format!("tag `{tag}`"),
                "remove the tag; the field decides the type of the value",
            );
        }
        if anchor != 0 {
            self.refuse(&span, "an anchor", "write the value out in each place");
        }
        match event {
            Event::Scalar(text, style, ..) => Ok(self.scalar(&text, style, span)),
            Event::SequenceStart(..) => self.nested(&span, Builder::sequence),
            Event::MappingStart(..) => self.nested(&span, Builder::mapping),
            _ => {
                self.refuse(&span, "an alias", "write the value out in each place");
                Ok(Node {
                    span,
                    content: Content::Null,
                })
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Node {
        let content = match style {
            ScalarStyle::Plain => scalar::resolve(text).unwrap_or_else(|reason| {
                let message = format!("the number `{text}` is not supported");
                self.diagnostics
                    .push(Diagnostic::error(message, span.first_line(), reason));
                Content::Null
            }),
            _ => Content::Text(text.to_owned()),
        };
        Node { span, content }
    }

    fn nested(
        &mut self,
        start: &Span,
        build: impl FnOnce(&mut Self, &Span) -> Result<Node, Stop>,
    ) -> Result<Node, Stop> {
        if self.depth == MAX_DEPTH {
            let message = format!("values are nested more than {MAX_DEPTH} deep");
            return Err(Box::new(Diagnostic::error(message, start.clone(), "")));
        }
        self.depth += 1;
        let node = build(self, start);
        self.depth -= 1;
        node
    }

    fn sequence(&mut self, start: &Span) -> Result<Node, Stop> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, end) => {
                    let span = self.cover(start, items.last(), &end);
                    return Ok(Node {
                        span,
                        content: Content::Sequence(items),
                    });
                }
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn mapping(&mut self, start: &Span) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                let span = self.cover(start, entries.last().map(|entry| &entry.value), &span);
                return Ok(Node {
                    span,
                    content: Content::Mapping(Mapping::from_unique(entries)),
                });
            }
            let key = self.key(event, span)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            if let Some(first) = seen.get(&key.name) {
                self.duplicate(&key, first);
                continue;
            }
            seen.insert(key.name.clone(), key.span.clone());
            entries.push(Entry { key, value });
        }
    }

    fn key(&mut self, event: Event<'s>, span: Span) -> Result<Key, Stop> {
        if let Event::Scalar(name, style, 0, None) = &event {
            if *style == ScalarStyle::Plain && name == "<<" {
                self.refuse(&span, "a merge key", "write the fields out");
            }
            return Ok(Key {
                span,
                name: name.clone().into_owned(),
            });
        }
        let span = self.node(event, span)?.head();
        self.refuse(&span, "a key that is not plain text", "write `name: value`");
        Ok(Key {
            name: span.text().to_owned(),
            span,
        })
    }

    fn duplicate(&mut self, key: &Key, first: &Span) {
        let diagnostic = Diagnostic::error(
            format!("`{}` is given twice", key.name),
            key.span.clone(),
            "given again here",
        )
        .with_secondary(first.clone(), "first given here")
        .with_help("keep one of the two".to_owned());
        self.diagnostics.push(diagnostic);
    }

    fn refuse(&mut self, span: &Span, what: impl AsRef<str>, help: &str) {
        let message = format!("{} is not supported", what.as_ref());
        let diagnostic = Diagnostic::error(message, span.first_line(), "").with_help(help.to_owned());
        self.diagnostics.push(diagnostic);
    }

    fn syntax_error(&self, error: &ScanError) -> Stop {
        let at = error.marker().index();
        let at_end = self.source.text().trim_end().chars().count().saturating_sub(1);
        let span = self.span(at.min(at_end), at.min(at_end) + 1).first_line();
        let help = "check the indentation and the quotes here and on the line before".to_owned();
        let message = format!("this is not YAML: {}", error.info());
        Box::new(Diagnostic::error(message, span, "").with_help(help))
    }

    /// From the start of a collection to its closing bracket, or in block style to the end of its last value.
    fn cover(&self, start: &Span, last: Option<&Node>, end: &Span) -> Span {
        let from = start.range().start;
        let to = match last {
            _ if !end.range().is_empty() && matches!(end.text(), "}" | "]") => end.range().end,
            Some(last) => last.span.range().end,
            None => start.range().end,
        };
        self.source.span(from..to.max(from))
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let offset = |index: usize| {
            self.offsets
                .get(index)
                .copied()
                .unwrap_or(self.source.text().len())
        };
        let (start, end) = (offset(start), offset(end));
        let trimmed = self.source.text()[start..end.max(start)].trim_end().len();
        self.source.span(start..start + trimmed)
    }
}

#[cfg(test)]
mod tests;
