//! Outlines as text of at most 80 columns.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hallway_config::Kind;
use hallway_yaml::outline::{Entry, Group, GroupKind, UnknownField};
use hallway_yaml::{Outline, Place, suggest};
use serde_json::Value;

use super::Topic;

/// The width of a page, in columns.
const WIDTH: usize = 80;

/// How far what is said of an entry is indented.
const INDENT: usize = 4;

/// The field of a resource that says what is wanted.
const SPECIFICATION: &str = "spec";

/// More names than these are not repeated below a list of them.
const MOST_NAMES: usize = 8;

/// How descriptions say what holds when a field is absent, so that it need not be said again.
const SAYS_DEFAULT: [&str; 2] = ["when absent", "The default is"];

/// A place, and how one gets there.
#[derive(Clone, Debug)]
pub(super) struct Section<'s> {
    topic: Topic,
    kind: Option<Kind>,
    /// The path as it is typed.
    path: Vec<String>,
    place: Place<'s>,
}

/// The page that lists the kinds of rules.
pub(super) fn kinds() -> String {
    let mut page = "The kinds of rules that Hallway understands, with their `apiVersion`:\n\n".to_owned();
    for kind in Kind::ALL {
        let schema = kind.schema().to_value();
        let entry = Entry {
            name: kind.name().to_owned(),
            shape: kind.api_version().to_owned(),
            meaning: purpose(Place::document(&schema)).join(" "),
            ..Entry::default()
        };
        write_entry(&mut page, &entry);
    }
    page.push_str("\nNext:  hallway show rules HTTPRoute    the fields of one of them\n");
    page
}

impl<'s> Section<'s> {
    /// Where a topic begins in its `schema`.
    pub(super) fn beginning(topic: Topic, kind: Option<Kind>, schema: &'s Value) -> Self {
        let document = Place::document(schema);
        let place = match topic {
            Topic::Rules | Topic::ScenarioFormat => document,
            Topic::Checks => document.inside("checks").expect("a scenario has checks"),
        };
        Self {
            topic,
            kind,
            path: kind.iter().map(|kind| kind.name().to_owned()).collect(),
            place,
        }
    }

    /// The section about a field of this one.
    ///
    /// # Errors
    /// When it has no such field.
    pub(super) fn inside(&self, name: &str) -> Result<Self, UnknownField> {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        Ok(Self {
            path,
            place: self.place.inside(name)?,
            ..self.clone()
        })
    }

    /// What it is about.
    pub(super) fn title(&self) -> String {
        match (self.path.is_empty(), self.topic) {
            (false, _) => self.path.join("."),
            (true, Topic::ScenarioFormat) => "scenario.yaml".to_owned(),
            (true, topic) => topic.name().to_owned(),
        }
    }

    /// The command that shows it.
    pub(super) fn command(&self) -> String {
        let command = format!("hallway show {} {}", self.topic.name(), self.path.join("."));
        command.trim_end().to_owned()
    }

    /// It as a page; with `all`, with everything below it.
    pub(super) fn page(&self, all: bool) -> String {
        let mut page = String::new();
        self.write(&mut page, true);
        let specification = self.inside(SPECIFICATION).ok().filter(|_| self.is_kind());
        if all {
            self.write_below(&mut page, &mut BTreeMap::new());
        } else if let Some(specification) = specification {
            // It is what a kind is looked up for.
            page.push('\n');
            specification.write(&mut page, false);
            self.write_more(&mut page, &[specification.below(), self.below()].concat());
        } else {
            self.write_more(&mut page, &self.below());
        }
        page
    }

    fn is_kind(&self) -> bool {
        self.topic == Topic::Rules && self.path.len() == 1
    }

    /// What is said of this place alone, `with_meaning` or without.
    fn write(&self, page: &mut String, with_meaning: bool) {
        let outline = self.place.outline();
        let (about, meaning) = match (self.kind, self.path.as_slice()) {
            (Some(kind), [_]) => (kind.api_version(), purpose(self.place)),
            // That a specification is one is known; what it is for, its type says.
            (Some(_), [_, spec]) if spec == SPECIFICATION => {
                let of_type = outline.meaning.last().cloned();
                (outline.shape.as_str(), of_type.into_iter().collect())
            }
            _ => (outline.shape.as_str(), outline.meaning.clone()),
        };
        write_wrapped(page, 0, INDENT, &format!("{}: {about}", self.title()));
        for paragraph in meaning.iter().filter(|_| with_meaning) {
            write_wrapped(page, INDENT, INDENT, paragraph);
        }
        for (position, group) in outline.groups.iter().enumerate() {
            page.push('\n');
            let alternative = (outline.groups.len() > 1).then_some(position);
            write_group(page, group, alternative, |entry| !self.is_heading(entry));
        }
        write_refused(page, &outline);
    }

    /// Whether an entry is said by the heading of a kind, or has a section there.
    fn is_heading(&self, entry: &Entry) -> bool {
        self.is_kind() && ["apiVersion", "kind", SPECIFICATION].contains(&entry.name.as_str())
    }

    /// Writes the sections below this one; `shown` has the titles of those that were written, by their type.
    fn write_below(&self, page: &mut String, shown: &mut BTreeMap<String, String>) {
        for inner in self.with_more() {
            page.push('\n');
            let name = inner.place.type_name();
            if let Some(title) = name.and_then(|name| shown.get(name)) {
                write_wrapped(page, 0, INDENT, &format!("{}: as {title}", inner.title()));
                continue;
            }
            shown.extend(name.map(|name| (name.to_owned(), inner.title())));
            inner.write(page, true);
            inner.write_below(page, shown);
        }
    }

    /// Says which entries have pages of their own.
    fn write_more(&self, page: &mut String, below: &[Self]) {
        let Some(first) = below.first() else { return };
        let names: Vec<String> = below
            .iter()
            .map(|section| section.path[self.path.len()..].join("."))
            .collect();
        let of = match names.len() > MOST_NAMES {
            true => "each of them".to_owned(),
            false => suggest::all_of(names.iter().map(String::as_str)),
        };
        page.push('\n');
        write_wrapped(page, 0, 0, &format!("There is more to say of {of}:"));
        let _ = writeln!(page, "{:INDENT$}{}", "", first.command());
    }

    /// The sections that [`write_more`](Self::write_more) names.
    fn below(&self) -> Vec<Self> {
        let mut below = self.with_more();
        below.retain(|section| {
            !self.is_kind() || section.path.last().is_some_and(|name| name != SPECIFICATION)
        });
        below
    }

    /// The sections about the entries of which there is more to say.
    fn with_more(&self) -> Vec<Self> {
        let groups = self.place.outline().groups;
        let entries = groups.into_iter().flat_map(|group| group.entries);
        let names = entries.filter(|entry| entry.has_more).map(|entry| entry.name);
        names
            .map(|name| self.inside(&name).expect("its own outline names the field"))
            .collect()
    }
}

/// What a kind is for: what its specification says, or else its document.
fn purpose(document: Place) -> Vec<String> {
    let specification = document.inside(SPECIFICATION).ok();
    let of_type = specification.and_then(|specification| specification.outline().meaning.pop());
    of_type.map_or_else(|| document.outline().meaning, |meaning| vec![meaning])
}

/// Writes the entries of `group` that `is_shown`; `alternative` is its position if there are several groups.
fn write_group(
    page: &mut String,
    group: &Group,
    alternative: Option<usize>,
    is_shown: impl Fn(&Entry) -> bool,
) {
    let lead = match &group.kind {
        GroupKind::Fields => String::new(),
        GroupKind::Value => "this:".to_owned(),
        GroupKind::Shape(meaning) => format!("these fields. {meaning}"),
        GroupKind::OneOf => "exactly one of these fields:".to_owned(),
        GroupKind::Words => "one of these words:".to_owned(),
    };
    let lead = match alternative {
        Some(0) => format!("Either {lead}"),
        Some(_) => format!("Or {lead}"),
        None => capitalised(&lead),
    };
    if !lead.is_empty() {
        write_wrapped(page, 0, 0, &lead);
    }
    for entry in group.entries.iter().filter(|entry| is_shown(entry)) {
        write_entry(page, entry);
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// `name: what is written there; required`, and below it what it means.
fn write_entry(page: &mut String, entry: &Entry) {
    let mut line = entry.name.clone();
    if !entry.shape.is_empty() {
        let _ = write!(line, ": {}", entry.shape);
    }
    if entry.is_required {
        line.push_str("; required");
    }
    let is_said = SAYS_DEFAULT.iter().any(|words| entry.meaning.contains(words));
    if let Some(default) = entry.default.as_ref().filter(|_| !is_said) {
        let _ = write!(line, "; `{default}` when absent");
    }
    write_wrapped(page, 0, INDENT, &line);
    if !entry.meaning.is_empty() {
        write_wrapped(page, INDENT, INDENT, &entry.meaning);
    }
}

fn write_refused(page: &mut String, outline: &Outline) {
    if outline.refused.is_empty() {
        return;
    }
    page.push_str("\nRefused on purpose:\n");
    for (name, reason) in &outline.refused {
        write_wrapped(page, 0, INDENT, &format!("`{name}` {reason}"));
    }
}

/// Writes `text` in lines of at most [`WIDTH`] columns, the first one indented by `first` and the others by `others`.
fn write_wrapped(page: &mut String, first: usize, others: usize, text: &str) {
    let mut line = " ".repeat(first);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            page.push_str(&line);
            page.push('\n');
            line = " ".repeat(others);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    page.push_str(&line);
    page.push('\n');
}
