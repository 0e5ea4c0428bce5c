//! Words as a shell reads them. Source: POSIX.1-2024, Shell Command Language, 2.2 Quoting.

/// `word` so that a shell takes it for one word, and for nothing else.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:,@%+=".contains(character);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::quoted;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        let words = [
            "plain",
            "https://shop.test/a?b=c&d",
            "",
            "it's",
            "$HOME `id` \"x\" \\ *",
            "~",
            "é\nü",
        ];
        for word in words {
            let script = format!("printf %s {}", quoted(word));
            let output = Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
        assert_eq!(quoted("https://shop.test/"), "https://shop.test/");
    }
}
