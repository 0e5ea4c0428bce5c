//! Places in a document: the keys and indexes that lead to a node.

use std::fmt;

/// One step from a node to a node inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value under a key of a mapping.
    Key(String),
    /// An item of a sequence, counted from 0.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Step {
        Step::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Step {
        Step::Index(index)
    }
}

/// The steps from the root of a document to a node. Displays as `spec.rules[0].retry`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// The path of the document itself.
    pub fn root() -> Path {
        Path::default()
    }

    /// The path of the keys `keys`, one inside the other.
    pub fn keys<const N: usize>(keys: [&str; N]) -> Path {
        Path(keys.map(Step::from).to_vec())
    }

    /// The path one step further: `path.with("rules").with(0)`.
    #[must_use]
    pub fn with(&self, step: impl Into<Step>) -> Path {
        let mut steps = self.0.clone();
        steps.push(step.into());
        Path(steps)
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// What a message calls the node here: `` `retry` ``, `` `codes[1]` `` or `this document`.
    pub fn subject(&self) -> String {
        let last_key = self.0.iter().rposition(|step| matches!(step, Step::Key(_)));
        match last_key {
            Some(at) => format!("`{}`", Path(self.0[at..].to_vec())),
            None if self.0.is_empty() => "this document".to_owned(),
            None => format!("item `{self}`"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => write!(formatter, "{key}")?,
                Step::Key(key) => write!(formatter, ".{key}")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_subjects_read_well() {
        let rule = Path::keys(["spec", "rules"]).with(0);
        assert_eq!(rule.with("retry").to_string(), "spec.rules[0].retry");
        assert_eq!(rule.with("retry").subject(), "`retry`");
        assert_eq!(rule.subject(), "`rules[0]`");
        assert_eq!(Path::root().subject(), "this document");
        assert_eq!(Path::root().with(2).subject(), "item `[2]`");
    }
}
