//! Text in a column.

/// `text`, cut to at most `width` characters.
pub fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width - 1).collect();
    format!("{}…", kept.trim_end())
}

/// `line` in pieces of at most `width` characters, broken at spaces; a longer word stays whole.
pub fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    if line.chars().count() <= width {
        return vec![line.to_owned()];
    }
    for word in line.split_whitespace() {
        match pieces.last_mut() {
            Some(piece) if piece.chars().count() + 1 + word.chars().count() <= width => {
                piece.push(' ');
                piece.push_str(word);
            }
            _ => pieces.push(word.to_owned()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{shortened, wrapped};

    #[test]
    fn text_is_cut_at_its_width() {
        assert_eq!(shortened("half and half", 13), "half and half");
        assert_eq!(shortened("half and half", 10), "half and…");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("one two   three", 7), ["one two", "three"]);
        assert_eq!(
            wrapped("incomprehensible words", 7),
            ["incomprehensible", "words"]
        );
        assert_eq!(wrapped("as   it   is", 12), ["as   it   is"]);
    }
}
