//! Files to resources, all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallway_model::bootstrap::Admission;
use hallway_yaml::{Diagnostic, Diagnostics, Node, Path, SourceFile, Step};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::check;
use crate::kind::Kind;
use crate::manifest::{DEFAULT_NAMESPACE, Named};
use crate::redaction::{self, Document};
use crate::resources::{Located, NamespacedName, Resources};

/// A file of rules: any number of YAML documents. Its `Debug` output is without the text, which may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// The name that messages show.
    pub name: String,
    /// The text.
    pub text: String,
}

/// An accepted set of rules.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The resources.
    pub resources: Resources,
    /// What is probably not meant.
    pub warnings: Diagnostics,
}

/// Reads and checks a set of files as a whole.
///
/// # Errors
/// Everything that is wrong with any of the files (and the warnings), each at its place.
pub fn load(files: Vec<RuleFile>, admission: Admission) -> Result<Loaded, Diagnostics> {
    let mut loader = Loader::default();
    for file in files {
        loader.file(&SourceFile::new(file.name, file.text));
    }
    let found = check::check(&loader.resources, &loader.unreadable, admission);
    let diagnostics: Diagnostics = loader.diagnostics.into_iter().chain(found).collect();
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    Ok(Loaded {
        resources: loader.resources,
        warnings: diagnostics,
    })
}

/// What could not be read: references to it are not called dangling.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    /// The resources that others refer to, and whose name could be read.
    pub(crate) named: BTreeSet<(Kind, NamespacedName)>,
    /// Whether there is a document without a known kind or name.
    pub(crate) others: bool,
}

#[derive(Default)]
struct Loader {
    resources: Resources,
    unreadable: Unreadable,
    diagnostics: Vec<Diagnostic>,
}

impl fmt::Debug for RuleFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RuleFile")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Loader {
    fn file(&mut self, source: &SourceFile) {
        match redaction::read(source) {
            Ok(documents) => documents
                .into_iter()
                .filter(|document| !document.shown.is_null())
                .for_each(|document| self.document(document)),
            Err(diagnostics) => {
                self.unreadable.others = true;
                self.diagnostics.extend(diagnostics);
            }
        }
    }

    fn document(&mut self, node: Document) {
        let kind = match Kind::of(&node.shown) {
            Ok(kind) => kind,
            Err(diagnostic) => {
                self.unreadable.others = true;
                return self.diagnostics.push(*diagnostic);
            }
        };
        let Loader {
            resources,
            diagnostics,
            ..
        } = self;
        let outcome = match kind {
            Kind::Service => add(kind, node, &mut resources.services, diagnostics),
            Kind::Secret => add(kind, node, &mut resources.secrets, diagnostics),
            Kind::Gateway => add(kind, node, &mut resources.gateways, diagnostics),
            Kind::HttpRoute => add(kind, node, &mut resources.http_routes, diagnostics),
            Kind::PeerAuthentication => add(kind, node, &mut resources.peer_authentications, diagnostics),
            Kind::RequestAuthentication => {
                add(kind, node, &mut resources.request_authentications, diagnostics)
            }
            Kind::AuthorizationPolicy => add(kind, node, &mut resources.authorization_policies, diagnostics),
            Kind::DestinationRule => add(kind, node, &mut resources.destination_rules, diagnostics),
            Kind::BackendTrafficPolicy => {
                add(kind, node, &mut resources.backend_traffic_policies, diagnostics)
            }
            Kind::EnvoyGatewayPolicy => add(kind, node, &mut resources.envoy_gateway_policies, diagnostics),
        };
        match (kind, outcome) {
            (Kind::Service | Kind::Secret | Kind::Gateway, Err(Some(key))) => {
                self.unreadable.named.insert((kind, key));
            }
            (Kind::Service | Kind::Secret | Kind::Gateway, Err(None)) => self.unreadable.others = true,
            _ => {}
        }
    }
}

/// Decodes a document into its place among `others` of its kind.
///
/// # Errors
/// The name of the resource that could not be decoded, as far as it can be read.
fn add<T: Named + DeserializeOwned + JsonSchema>(
    kind: Kind,
    document: Document,
    others: &mut BTreeMap<NamespacedName, Located<T>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), Option<NamespacedName>> {
    let Document { shown, confidential } = document;
    let resource = match decode::<T>(&shown, confidential.as_ref()) {
        Ok(resource) => resource,
        Err(mistakes) => {
            diagnostics
                .extend(mistakes.with_context(|mistake| Some(context(kind, &shown, mistake.path.as_ref()))));
            return Err(readable_name(&shown));
        }
    };
    let key = resource.metadata().key();
    if let Some(first) = others.get(&key) {
        diagnostics.push(duplicate(kind, &key, &shown, &first.document));
        return Ok(());
    }
    others.insert(key, Located::new(resource, shown));
    Ok(())
}

/// What is wrong is found in what may be shown, and the values are taken from what was written.
fn decode<T: DeserializeOwned + JsonSchema>(
    shown: &Node,
    confidential: Option<&Node>,
) -> Result<T, Diagnostics> {
    let resource = shown.decode::<T>()?;
    let Some(written) = confidential else {
        return Ok(resource);
    };
    written.decode().map_err(|_| {
        let span = shown.span(&Path::root());
        Diagnostic::error("a value is not of the form that its field has", span, "in here")
            .with_help("which one is not shown, since it may be a secret".to_owned())
            .into()
    })
}

fn duplicate(kind: Kind, key: &NamespacedName, node: &Node, first: &Node) -> Diagnostic {
    let name = Path::keys(["metadata", "name"]);
    Diagnostic::error(
        format!("there are two {kind}s named {key}"),
        node.span(&name),
        "named again here",
    )
    .with_secondary(first.span(&name), "first named here")
    .with_help("remove or rename one of them".to_owned())
}

/// What a place is part of: `HTTPRoute shop/checkout, rule 1`.
pub(crate) fn context(kind: Kind, document: &Node, path: Option<&Path>) -> String {
    let name = readable_name(document).map_or_else(|| "without a name".to_owned(), |key| key.to_string());
    let rule = match path.map_or(&[][..], Path::steps) {
        [Step::Key(spec), Step::Key(rules), Step::Index(index), ..] if spec == "spec" && rules == "rules" => {
            let named = document
                .at(&crate::resources::rule_path(*index).with("name"))
                .and_then(Node::as_text);
            named.map_or_else(
                || format!(", rule {}", index + 1),
                |name| format!(", rule {} (`{name}`)", index + 1),
            )
        }
        _ => String::new(),
    };
    format!("{kind} {name}{rule}")
}

fn readable_name(document: &Node) -> Option<NamespacedName> {
    let metadata = document.get("metadata")?;
    let namespace = metadata
        .get("namespace")
        .map_or(Some(DEFAULT_NAMESPACE), Node::as_text)?;
    Some(NamespacedName::new(namespace, metadata.get("name")?.as_text()?))
}
