//! Strict YAML: documents with source positions, validated against the schema of the types that they become.
//!
//! A type derives serde's `Deserialize` and schemars' `JsonSchema`; its JSON Schema is the one description of its shape.
//! [`parse`] turns text into a tree of [`Node`]s that know where they were written, and [`Node::decode`] checks the tree
//! against the schema of a type, reports *every* mistake at its exact place, and builds the value. Unknown fields are
//! never ignored, whatever the schema says about additional properties of a struct.
//!
//! ```
//! #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
//! struct Retry {
//!     attempts: u32,
//! }
//!
//! let source = hallway_yaml::SourceFile::new("rules.yaml", "attemps: 3\n");
//! let [document] = &hallway_yaml::parse(&source).unwrap()[..] else { panic!("one document") };
//! let diagnostics = document.decode::<Retry>().unwrap_err();
//! assert_eq!(diagnostics.iter().next().unwrap().message, "unknown field `attemps`");
//! ```
//!
//! | module | concept |
//! | --- | --- |
//! | [`source`] | a file's text, and spans in it |
//! | [`node`], [`path`] | the tree of one document, and places in it |
//! | [`parser`], `scalar` | text to trees: no anchors, tags or duplicate keys; YAML 1.2 core scalars |
//! | [`merge_patch`] | RFC 7396 on trees: what is patched keeps the span of the patch |
//! | [`outline`], `phrase` | what a schema says to a person who looks something up |
//! | [`schema`], `validate` | JSON Schemas of types, and trees checked against them |
//! | `deserialize` | trees to values |
//! | [`diagnostic`], `render` | what is wrong, where, and what to do next |
//! | [`suggest`] | "did you mean", and lists in prose |

mod deserialize;
pub mod diagnostic;
pub mod merge_patch;
pub mod node;
pub mod outline;
pub mod parser;
pub mod path;
mod phrase;
mod render;
mod scalar;
pub mod schema;
pub mod source;
pub mod suggest;
mod validate;

pub use diagnostic::{Diagnostic, Diagnostics, Label, Record, Severity};
pub use node::{Content, Entry, Key, Mapping, Node};
pub use outline::{Outline, Place};
pub use parser::{parse, parse_one};
pub use path::{Path, Step};
pub use render::Style;
pub use schema::schema_for;
pub use source::{SourceFile, Span};
