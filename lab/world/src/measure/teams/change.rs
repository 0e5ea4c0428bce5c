//! What was changed, counted in files and lines. Pure.

use std::fmt::Write as _;

use serde::Serialize;

/// What was changed.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Change {
    /// Files that differ.
    pub files: usize,
    /// Lines that are gone.
    pub lines_removed: usize,
    /// Lines that are new.
    pub lines_added: usize,
    /// The lines themselves, as a unified diff without context; empty when nothing differs.
    pub diff: String,
}

impl Change {
    /// Notes how the file of this name differs. All lines from the first to the last that differ count as one hunk.
    pub(super) fn add(&mut self, name: &str, before: &str, after: &str) {
        if before == after {
            return;
        }
        let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
        let shorter = before.len().min(after.len());
        let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
            pairs.take_while(|(one, other)| one == other).count()
        };
        let head = same(&mut before.iter().zip(&after));
        let tail = same(&mut before.iter().rev().zip(after.iter().rev()).take(shorter - head));
        let removed = &before[head..before.len() - tail];
        let added = &after[head..after.len() - tail];
        self.files += 1;
        self.lines_removed += removed.len();
        self.lines_added += added.len();
        let _ = writeln!(
            self.diff,
            "--- {name}\n+++ {name}\n@@ -{line},{} +{line},{} @@",
            removed.len(),
            added.len(),
            line = head + 1
        );
        let marked = removed.iter().map(|line| ('-', line));
        for (mark, line) in marked.chain(added.iter().map(|line| ('+', line))) {
            let _ = writeln!(self.diff, "{mark}{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Change;

    fn lines() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[ab]", 0..8)
    }

    fn text(lines: &[String]) -> String {
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    proptest! {
        #[test]
        fn a_diff_makes_the_one_text_the_other(before in lines(), after in lines()) {
            let mut change = Change::default();
            change.add("file", &text(&before), &text(&after));
            prop_assert_eq!(change.files, usize::from(before != after));
            let mut patched = before.clone();
            if let Some(hunk) = change.diff.lines().nth(2) {
                let number = hunk.trim_start_matches("@@ -").split(',').next().unwrap_or_default();
                let head = number.parse::<usize>().unwrap() - 1;
                let marked = |mark: char| {
                    let body = change.diff.lines().skip(3);
                    body.filter_map(|line| line.strip_prefix(mark).map(str::to_owned)).collect::<Vec<_>>()
                };
                let tail = patched.split_off(head);
                prop_assert_eq!(&tail[..change.lines_removed], &marked('-')[..]);
                patched.extend(marked('+'));
                patched.extend_from_slice(&tail[change.lines_removed..]);
            }
            prop_assert_eq!(patched, after);
        }
    }

    #[test]
    fn what_differs_is_counted_and_shown() {
        let mut change = Change::default();
        change.add("same", "a\nb\n", "a\nb\n");
        assert_eq!(change, Change::default());
        change.add("retry.py", "a\nATTEMPTS = 3\nb\n", "a\nATTEMPTS = 2\nb\n");
        change.add("longer", "a\na\n", "a\na\na\n");
        assert_eq!(
            (change.files, change.lines_removed, change.lines_added),
            (2, 1, 2)
        );
        assert_eq!(
            change.diff,
            "--- retry.py\n+++ retry.py\n@@ -2,1 +2,1 @@\n-ATTEMPTS = 3\n+ATTEMPTS = 2\n\
             --- longer\n+++ longer\n@@ -3,0 +3,1 @@\n+a\n"
        );
    }
}
