//! Files that hold secrets, made fit to be shown.
//!
//! Diagnostics quote what was written, with the line that it is on; logs, reports and the admin API repeat diagnostics. So what they are
//! made from never holds a secret: a copy of the file in which everything in a document of the kind `Secret` is masked that is not one of
//! its known words or its name. The copy has the same bytes in the same lines, so places stay right. The values themselves are read from
//! the file as it was written.
//!
//! A document counts as a Secret generously: when its kind looks like it, when it has data like one, or when it holds a private key. A file that is no
//! YAML is searched by its lines.

use std::ops::Range;

use hallway_yaml::{Content, Diagnostic, Diagnostics, Entry, Key, Mapping, Node, SourceFile};

use crate::load::RuleFile;

/// What is shown in the place of a text.
const WITHHELD: &str = "…";

/// What PEM calls a private key, in all its forms.
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// The words of a Secret that say nothing about what it holds.
const KNOWN_WORDS: [&str; 21] = [
    "Opaque",
    "Secret",
    "annotations",
    "apiVersion",
    "ca.crt",
    "creationTimestamp",
    "data",
    "generation",
    "immutable",
    "kind",
    "kubernetes.io/tls",
    "labels",
    "metadata",
    "name",
    "namespace",
    "spec",
    "stringData",
    "tls.crt",
    "tls.key",
    "type",
    "v1",
];

/// The fields that say what a resource is, and what it is called.
const TYPE_FIELDS: [&str; 3] = ["apiVersion", "kind", "type"];
const NAME_FIELDS: [&str; 2] = ["name", "namespace"];

/// A document of a file.
pub(crate) struct Document {
    /// What may be shown. All places are taken from it.
    pub(crate) shown: Node,
    /// What was written, where that may not be shown.
    pub(crate) confidential: Option<Node>,
}

/// The file without what its Secrets hold.
pub fn redacted(file: &RuleFile) -> RuleFile {
    let source = SourceFile::new(file.name.clone(), file.text.clone());
    let ranges = match hallway_yaml::parse(&source) {
        Ok(nodes) => confidential_ranges(&file.text, &nodes),
        Err(_) => suspicious_ranges(&file.text),
    };
    RuleFile {
        name: file.name.clone(),
        text: mask_ranges(&file.text, &ranges),
    }
}

/// Reads the documents of a file.
///
/// # Errors
/// As [`hallway_yaml::parse`], without a word of what a Secret holds.
pub(crate) fn read(source: &SourceFile) -> Result<Vec<Document>, Diagnostics> {
    let nodes = hallway_yaml::parse(source).map_err(|mistakes| mistakes_in(source, mistakes))?;
    let ranges = confidential_ranges(source.text(), &nodes);
    let shown = SourceFile::new(source.name(), mask_ranges(source.text(), &ranges));
    let document = |node: Node| match (ranges.is_empty(), is_confidential(&node)) {
        (true, _) => Document {
            shown: node,
            confidential: None,
        },
        (false, false) => Document {
            shown: moved(&node, &shown),
            confidential: None,
        },
        (false, true) => Document {
            shown: masked(&node, &shown, None),
            confidential: Some(node),
        },
    };
    Ok(nodes.into_iter().map(document).collect())
}

/// What is wrong with a file that is no YAML.
fn mistakes_in(source: &SourceFile, mistakes: Diagnostics) -> Diagnostics {
    let ranges = suspicious_ranges(source.text());
    if ranges.is_empty() {
        return mistakes;
    }
    let shown = SourceFile::new(source.name(), mask_ranges(source.text(), &ranges));
    let place = mistakes.iter().next().map(|first| first.primary.span.range());
    // The parser would quote what it trips over, so it reads the masked text instead.
    hallway_yaml::parse(&shown).err().unwrap_or_else(|| {
        let span = shown.span(place.unwrap_or(0..0));
        Diagnostic::error("this is not YAML as rules are written", span, "somewhere here")
            .with_help(
                "what is wrong is not shown, since the file holds a Secret; look at quotes and escapes"
                    .to_owned(),
            )
            .into()
    })
}

fn is_confidential(document: &Node) -> bool {
    let kind = document.get("kind").and_then(Node::as_text).unwrap_or_default();
    let has = |field: &str| document.get(field).is_some();
    kind.to_lowercase().contains("secret")
        || has("data")
        || has("stringData")
        || document.span.text().contains(PRIVATE_KEY)
}

/// Where the documents are that hold secrets, in a text that can be read as `nodes`.
fn confidential_ranges(text: &str, nodes: &[Node]) -> Vec<Range<usize>> {
    let mut ranges = document_ranges(text);
    ranges.retain(|range| {
        let mut inside = nodes
            .iter()
            .filter(|node| range.contains(&node.span.range().start));
        let written = &text[range.clone()];
        // A comment can hold a key too, and so can what was meant to be a Secret.
        inside.any(|node| is_confidential(node) || (node.get("kind").is_none() && is_suspicious(written)))
            || written.contains(PRIVATE_KEY)
    });
    ranges
}

/// The same in a text that cannot be read.
fn suspicious_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = document_ranges(text);
    ranges.retain(|range| is_suspicious(&text[range.clone()]));
    ranges
}

fn is_suspicious(document: &str) -> bool {
    let kind = document.lines().find_map(|line| {
        let line = line.trim_start_matches(['"', '\'']);
        line.strip_prefix("kind")
    });
    kind.unwrap_or(document).to_lowercase().contains("secret")
        || ["stringData", "tls.key", PRIVATE_KEY]
            .iter()
            .any(|word| document.contains(word))
}

/// From one `---` to the next.
fn document_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("---");
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            ranges.push(start..at);
            start = at;
        }
        at += line.len();
    }
    ranges.push(start..at);
    ranges
}

fn mask_ranges(text: &str, ranges: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        shown.push_str(&text[at..range.start]);
        mask(&text[range.clone()], &mut shown);
        at = range.end;
    }
    shown.push_str(&text[at..]);
    shown
}

/// Appends `text`, masked byte by byte but for its structure, its known words and its names.
fn mask(text: &str, shown: &mut String) {
    let mut field = "";
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if is_structure(first) {
            shown.push(first);
            rest = &rest[first.len_utf8()..];
            if first == '\n' {
                field = "";
            }
            continue;
        }
        let token = &rest[..token_length(rest)];
        rest = &rest[token.len()..];
        if is_public(token, field) {
            shown.push_str(token);
        } else {
            mask_token(token, shown);
        }
        field = token;
    }
}

fn is_structure(character: char) -> bool {
    matches!(character, ':' | ',' | '[' | ']' | '{' | '}' | '"' | '\'' | '#') || character.is_whitespace()
}

/// The bytes up to the next structure. An escaped quote or backslash does not end a quoted text.
fn token_length(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if is_structure(character) {
            return at;
        }
        if character == '\\' {
            characters.next_if(|(_, next)| matches!(next, '"' | '\\'));
        }
    }
    text.len()
}

/// A number stays one, so that the same mistakes are found.
fn mask_token(token: &str, shown: &mut String) {
    let stand_in = if token.bytes().all(|byte| byte.is_ascii_digit()) {
        '1'
    } else {
        'x'
    };
    for (position, byte) in token.bytes().enumerate() {
        let indicator =
            position == 0 && matches!(byte, b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b'-' | b'?');
        shown.push(match byte {
            byte if indicator => char::from(byte),
            _ => stand_in,
        });
    }
}

fn is_known(token: &str) -> bool {
    let is_block_header =
        || token.starts_with(['|', '>']) && token[1..].bytes().all(|byte| b"+-123456789".contains(&byte));
    let is_marker = || matches!(token, "-" | "---" | "..." | "?");
    KNOWN_WORDS.contains(&token) || is_block_header() || is_marker()
}

/// Whether a text may be shown, as a word or as the value of `field`. A line of base64 is too long for a type, and has capitals that a name
/// has not.
fn is_public(text: &str, field: &str) -> bool {
    let in_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let in_type = |byte: u8| byte.is_ascii_alphanumeric() || b"-./".contains(&byte);
    is_known(text)
        || NAME_FIELDS.contains(&field) && text.len() <= 253 && text.bytes().all(in_name)
        || TYPE_FIELDS.contains(&field) && text.len() <= 40 && text.bytes().all(in_type)
}

/// The same tree, with its places in `source`.
fn moved(node: &Node, source: &SourceFile) -> Node {
    rebuilt(
        node,
        source,
        &|key| key.to_owned(),
        &|node, _| node.content.clone(),
        None,
    )
}

/// The same tree with its places in `source`, masked as that is.
fn masked(node: &Node, source: &SourceFile, under: Option<&str>) -> Node {
    let key = |key: &str| if is_known(key) { key } else { WITHHELD }.to_owned();
    let scalar = |node: &Node, under: Option<&str>| match &node.content {
        Content::Text(text) => {
            let public = is_public(text, under.unwrap_or_default());
            Content::Text(if public { text } else { WITHHELD }.to_owned())
        }
        Content::Number(_) => Content::Number(1.into()),
        other => other.clone(),
    };
    rebuilt(node, source, &key, &scalar, under)
}

fn rebuilt(
    node: &Node,
    source: &SourceFile,
    key: &impl Fn(&str) -> String,
    scalar: &impl Fn(&Node, Option<&str>) -> Content,
    under: Option<&str>,
) -> Node {
    let content = match &node.content {
        Content::Sequence(items) => {
            let items = items.iter().map(|item| rebuilt(item, source, key, scalar, under));
            Content::Sequence(items.collect())
        }
        Content::Mapping(mapping) => {
            let entry = |entry: &Entry| Entry {
                key: Key {
                    span: source.span(entry.key.span.range()),
                    name: key(&entry.key.name),
                },
                value: rebuilt(&entry.value, source, key, scalar, Some(&entry.key.name)),
            };
            Content::Mapping(Mapping::from_unique(
                mapping.entries().iter().map(entry).collect(),
            ))
        }
        _ => scalar(node, under),
    };
    Node {
        span: source.span(node.span.range()),
        content,
    }
}
