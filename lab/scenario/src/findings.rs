//! What is wrong with a document that is well-formed, each at its place: for this crate, and for the files beside a scenario that refer to it.

use hallway_yaml::{Diagnostic, Diagnostics, Node, Path, Span, suggest};

/// What is wrong with a document.
#[derive(Debug)]
pub struct Findings<'a> {
    document: &'a Node,
    found: Vec<Diagnostic>,
}

/// The finding that was just added.
#[derive(Debug)]
pub struct Added<'a>(&'a mut Diagnostic);

impl<'a> Findings<'a> {
    /// Nothing is wrong yet with `document`.
    pub fn new(document: &'a Node) -> Self {
        Self {
            document,
            found: Vec::new(),
        }
    }

    /// Everything that was found.
    pub fn into_diagnostics(self) -> Diagnostics {
        self.found.into_iter().collect()
    }

    /// What was written at `path`.
    pub fn node(&self, path: &Path) -> Option<&'a Node> {
        self.document.at(path)
    }

    /// The value at `path` is wrong.
    pub fn value(&mut self, path: &Path, message: impl Into<String>, label: impl Into<String>) -> Added<'_> {
        let span = self.document.span(path);
        self.add(Diagnostic::error(message, span, label).with_path(path.clone()))
    }

    /// What is under the key at `path` is wrong as a whole.
    pub fn key(&mut self, path: &Path, message: impl Into<String>, label: impl Into<String>) -> Added<'_> {
        let span = self.document.key_span(path);
        self.add(Diagnostic::error(message, span, label).with_path(path.clone()))
    }

    /// The value at `path` must be one of `known`, which are `kind`s; says whether it is.
    pub fn reference<'n>(
        &mut self,
        path: &Path,
        kind: &str,
        written: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> bool {
        let span = self.document.span(path);
        self.known(span, path, kind, written, known)
    }

    /// The key at `path` must be one of `known`, which are `kind`s; says whether it is.
    pub fn key_reference<'n>(
        &mut self,
        path: &Path,
        kind: &str,
        written: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> bool {
        let span = self.document.key_span(path);
        self.known(span, path, kind, written, known)
    }

    fn known<'n>(
        &mut self,
        span: Span,
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
        self.add(Diagnostic::error(message, span, label).with_path(path.clone()))
            .help(suggest::did_you_mean(written, known));
        false
    }

    /// The key at `path` names `kind`; says whether it can be a name.
    pub fn key_name(&mut self, path: &Path, kind: &str, name: &str) -> bool {
        self.valid_name(path, kind, name, true)
    }

    /// The value at `path` names `kind`; says whether it can be a name.
    pub fn name(&mut self, path: &Path, kind: &str, name: &str) -> bool {
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
    pub fn help(self, help: impl Into<Option<String>>) {
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
