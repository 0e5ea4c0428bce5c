//! What is wrong, each at its place.

use hallway_yaml::{Diagnostic, Diagnostics, Node, Path, suggest};

/// What is wrong with a document.
pub(super) struct Findings<'a> {
    document: &'a Node,
    found: Vec<Diagnostic>,
}

/// The finding that was just added.
pub(super) struct Added<'a>(&'a mut Diagnostic);

impl<'a> Findings<'a> {
    pub(super) fn new(document: &'a Node) -> Self {
        Self {
            document,
            found: Vec::new(),
        }
    }

    pub(super) fn into_diagnostics(self) -> Diagnostics {
        self.found.into_iter().collect()
    }

    /// What was written at `path`.
    pub(super) fn node(&self, path: &Path) -> Option<&'a Node> {
        self.document.at(path)
    }

    /// The value at `path` is wrong.
    pub(super) fn value(
        &mut self,
        path: &Path,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Added<'_> {
        let span = self.document.span(path);
        self.add(Diagnostic::error(message, span, label).with_path(path.clone()))
    }

    /// What is under the key at `path` is wrong as a whole.
    pub(super) fn key(
        &mut self,
        path: &Path,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Added<'_> {
        let span = self.document.key_span(path);
        self.add(Diagnostic::error(message, span, label).with_path(path.clone()))
    }

    /// The value at `path` must be one of `known`, which are `kind`s; says whether it is.
    pub(super) fn reference<'n>(
        &mut self,
        path: &Path,
        kind: &str,
        written: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> bool {
        let known: Vec<&str> = known.into_iter().collect();
        if known.contains(&written) {
            return true;
        }
        let label = match known.is_empty() {
            true => format!("the scenario has no {kind}"),
            false => format!("expected {}", suggest::one_of(known.iter().copied())),
        };
        let message = format!("there is no {kind} `{written}`");
        self.value(path, message, label)
            .help(suggest::did_you_mean(written, known));
        false
    }

    /// The key at `path` names `kind`; says whether it can be a name.
    pub(super) fn key_name(&mut self, path: &Path, kind: &str, name: &str) -> bool {
        self.valid_name(path, kind, name, true)
    }

    /// The value at `path` names `kind`; says whether it can be a name.
    pub(super) fn name(&mut self, path: &Path, kind: &str, name: &str) -> bool {
        self.valid_name(path, kind, name, false)
    }

    fn valid_name(&mut self, path: &Path, kind: &str, name: &str, is_key: bool) -> bool {
        if is_dns_label(name) {
            return true;
        }
        let message = format!("`{name}` cannot name {kind}");
        let label =
            "expected lower-case letters, digits and `-`, beginning and ending with a letter or digit";
        match is_key {
            true => self.key(path, message, label),
            false => self.value(path, message, label),
        };
        false
    }

    fn add(&mut self, diagnostic: Diagnostic) -> Added<'_> {
        self.found.push(diagnostic);
        Added(self.found.last_mut().expect("it was just added"))
    }
}

impl Added<'_> {
    /// Adds what to do next.
    pub(super) fn help(self, help: impl Into<Option<String>>) {
        self.0.help = help.into();
    }
}

/// RFC 1123 label: what Kubernetes takes for the name of a service, a namespace or a service account.
fn is_dns_label(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !name.starts_with('-')
        && !name.ends_with('-')
        && (1..=63).contains(&name.len())
        && name.bytes().all(allowed)
}
