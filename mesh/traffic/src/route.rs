//! The route tables of a snapshot, compiled once, and found by authority.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallway_model::{RouteTable, Rule};
use thiserror::Error;

use crate::headers::{HeaderEdits, InvalidHeader};
use crate::rewrite::{self, InvalidPathChange};
use crate::route_match::{InvalidPattern, RequestHead, RouteIndex, Selection};

/// All route tables of one proxy.
#[derive(Debug, Default)]
pub struct Routes {
    tables: BTreeMap<String, Arc<CompiledTable>>,
    by_authority: BTreeMap<String, Arc<CompiledTable>>,
}

/// One route table, ready to select rules.
#[derive(Debug)]
pub struct CompiledTable {
    source: RouteTable,
    rules: Vec<Arc<CompiledRule>>,
    index: RouteIndex,
}

/// One rule, with its header filters parsed.
#[derive(Debug)]
pub struct CompiledRule {
    /// The rule as it was configured.
    pub rule: Rule,
    /// The route that it is part of: what rate limits count apart.
    pub route: Arc<str>,
    /// Its changes to the headers of requests.
    pub request_headers: HeaderEdits,
    /// Its changes to the headers of responses.
    pub response_headers: HeaderEdits,
}

/// Why route tables cannot be put in force.
#[derive(Debug, Error)]
pub enum RouteError {
    /// A pattern does not compile.
    #[error("rule `{rule}`: {source}; correct the pattern and push again")]
    Pattern {
        /// The rule.
        rule: String,
        /// What is wrong.
        source: InvalidPattern,
    },
    /// A header filter names something that is no header, or one that no filter may touch.
    #[error("rule `{rule}`: {source}; correct the filter and push again")]
    Header {
        /// The rule.
        rule: String,
        /// What is wrong.
        source: InvalidHeader,
    },
    /// A change of a path could not be made to every request.
    #[error("rule `{rule}`: {source}; correct the filter and push again")]
    PathChange {
        /// The rule.
        rule: String,
        /// What is wrong.
        source: InvalidPathChange,
    },
    /// Two tables claim one authority.
    #[error("`{first}` and `{second}` both claim the authority `{authority}`; one of them must give it up")]
    Ambiguous {
        /// The authority.
        authority: String,
        /// One table.
        first: String,
        /// The other.
        second: String,
    },
}

impl Routes {
    /// Compiles `tables`. A table that is the same as in `previous` is taken over from there.
    ///
    /// # Errors
    /// When a table cannot be put in force; then none of them should be.
    pub fn compile(tables: &BTreeMap<String, RouteTable>, previous: &Self) -> Result<Self, RouteError> {
        let mut routes = Self::default();
        for (name, table) in tables {
            let compiled = match previous.tables.get(name) {
                Some(known) if known.source == *table => Arc::clone(known),
                _ => Arc::new(CompiledTable::compile(table.clone())?),
            };
            for authority in &table.authorities {
                let other = routes
                    .by_authority
                    .insert(authority.to_ascii_lowercase(), Arc::clone(&compiled));
                if let Some(other) = other.filter(|other| other.source.name != table.name) {
                    return Err(RouteError::Ambiguous {
                        authority: authority.clone(),
                        first: other.source.name.clone(),
                        second: table.name.clone(),
                    });
                }
            }
            routes.tables.insert(name.clone(), compiled);
        }
        Ok(routes)
    }

    /// The table that serves `authority`, which is compared without regard to case.
    pub fn table(&self, authority: &str) -> Option<&CompiledTable> {
        let found = if authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.by_authority.get(&authority.to_ascii_lowercase())
        } else {
            self.by_authority.get(authority)
        };
        found.map(Arc::as_ref)
    }

    /// The authorities that are served, in order.
    pub fn authorities(&self) -> impl Iterator<Item = &str> {
        self.by_authority.keys().map(String::as_str)
    }
}

impl CompiledTable {
    /// Compiles one table.
    ///
    /// # Errors
    /// When a pattern or a header filter is invalid.
    pub fn compile(source: RouteTable) -> Result<Self, RouteError> {
        let rules = source
            .rules
            .iter()
            .map(|rule| CompiledRule::compile(rule).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let index = RouteIndex::compile(&source.rules)?;
        Ok(Self { source, rules, index })
    }

    /// The rule that `request` selects, by the precedence that [`crate::route_match`] states.
    pub fn select(&self, request: &RequestHead<'_>) -> Option<Selection<'_>> {
        self.index.find(request).map(|found| Selection {
            rule: &self.rules[found.rule],
            names_method: found.names_method,
            matched_prefix: found.matched_prefix,
        })
    }

    /// The service and port that the table stands for.
    pub fn name(&self) -> &str {
        &self.source.name
    }
}

impl CompiledRule {
    fn compile(rule: &Rule) -> Result<Self, RouteError> {
        let edits = |changes| {
            HeaderEdits::compile(changes).map_err(|source| RouteError::Header {
                rule: rule.name.clone(),
                source,
            })
        };
        rewrite::check(rule).map_err(|source| RouteError::PathChange {
            rule: rule.name.clone(),
            source,
        })?;
        Ok(Self {
            request_headers: edits(&rule.request_headers)?,
            response_headers: edits(&rule.response_headers)?,
            route: rule.route().into(),
            rule: rule.clone(),
        })
    }
}
