//! What is inside a paragraph: emphasis, code and links.

use anstyle::{AnsiColor, Style};
use hallway_grade::report::styles::paint;

/// `text` in lines of at most `width` characters, broken at spaces; a longer word stays whole.
pub(super) fn wrapped(text: &str, width: usize, style: Style) -> Vec<String> {
    let mut lines: Vec<Vec<Word>> = Vec::new();
    let mut used = 0;
    for word in words(&spans(text, style)) {
        let length = length(&word);
        match lines.last_mut() {
            Some(line) if used + 1 + length <= width => {
                used += 1 + length;
                line.push(word);
            }
            _ => {
                used = length;
                lines.push(vec![word]);
            }
        }
    }
    lines.iter().map(|line| painted(line)).collect()
}

/// How wide `text` is on one line.
pub(super) fn width(text: &str) -> usize {
    let lengths: Vec<usize> = words(&spans(text, Style::new())).iter().map(length).collect();
    lengths.iter().sum::<usize>() + lengths.len().saturating_sub(1)
}

/// How wide a line is that was made here.
pub(super) fn shown(line: &str) -> usize {
    anstream::adapter::strip_str(line).to_string().chars().count()
}

/// Text in one style.
struct Span {
    style: Style,
    text: String,
}

/// A word, which may change its style inside.
type Word = Vec<(Style, String)>;

fn length(word: &Word) -> usize {
    word.iter().map(|(_, text)| text.chars().count()).sum()
}

fn painted(line: &[Word]) -> String {
    let words = line.iter().map(|word| {
        let parts = word.iter().map(|(style, text)| match *style == Style::new() {
            true => text.clone(),
            false => paint(*style, text),
        });
        parts.collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The words of spans that follow each other.
fn words(spans: &[Span]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut is_open = false;
    for span in spans {
        for (index, piece) in span.text.split(char::is_whitespace).enumerate() {
            is_open &= index == 0;
            if piece.is_empty() {
                continue;
            }
            let part = (span.style, piece.to_owned());
            match words.last_mut() {
                Some(word) if is_open => word.push(part),
                _ => words.push(vec![part]),
            }
            is_open = true;
        }
    }
    words
}

/// The spans of a text, in `style` where it says nothing else. Code keeps its backticks, so that it is told from words without colours too.
fn spans(text: &str, style: Style) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut rest = text;
    let mut plain = String::new();
    while let Some(character) = rest.chars().next() {
        match marked(rest) {
            Some((kind, inside, after)) => {
                let text = std::mem::take(&mut plain);
                spans.push(Span { style, text });
                match kind {
                    Kind::Code => spans.push(Span {
                        style: AnsiColor::Cyan.on_default(),
                        text: format!("`{inside}`"),
                    }),
                    Kind::Strong => spans.extend(self::spans(inside, style.bold())),
                    Kind::Emphasis => spans.extend(self::spans(inside, style.italic())),
                    Kind::Link => spans.extend(self::spans(inside, style)),
                }
                rest = after;
            }
            None => {
                plain.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    spans.push(Span { style, text: plain });
    spans
}

enum Kind {
    Code,
    Strong,
    Emphasis,
    Link,
}

/// What begins here, what is inside it, and what comes after it.
fn marked(text: &str) -> Option<(Kind, &str, &str)> {
    if let Some(rest) = text.strip_prefix('`') {
        let (inside, after) = rest.split_once('`')?;
        return Some((Kind::Code, inside, after));
    }
    if let Some(rest) = text.strip_prefix("**") {
        let (inside, after) = rest.split_once("**")?;
        return Some((Kind::Strong, inside, after));
    }
    if let Some(rest) = text.strip_prefix('*') {
        let (inside, after) = rest.split_once('*')?;
        let is_emphasis = !inside.is_empty() && !inside.starts_with(' ') && !inside.ends_with(' ');
        return is_emphasis.then_some((Kind::Emphasis, inside, after));
    }
    let (inside, target) = text.strip_prefix('[')?.split_once("](")?;
    let (_, after) = target.split_once(')')?;
    (!inside.contains('[')).then_some((Kind::Link, inside, after))
}
