//! Conditions on requests: paths, and regular expressions.

use std::sync::LazyLock;

use hallway_yaml::{Diagnostic, Path};
use regex::{Regex, RegexBuilder};

use super::{Checker, Place};
use crate::http_route::{HttpRouteMatch, PathMatchType, ValueMatchType};

/// The most memory that a compiled expression may take, in bytes.
const REGEX_SIZE_LIMIT: usize = 64 * 1024;

/// The characters that a path may have (Gateway API's CRD).
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$").expect("the pattern is valid")
});

impl Checker<'_> {
    pub(super) fn http_match(&mut self, place: Place<'_>, request: &HttpRouteMatch) {
        let value = place.path.with("path").with("value");
        match request.path.match_type {
            PathMatchType::RegularExpression => {
                self.regular_expression(place.with_path(&value), &request.path.value);
            }
            PathMatchType::Exact | PathMatchType::PathPrefix => {
                self.path(place.with_path(&value), &request.path.value);
            }
        }
        let headers = request
            .headers
            .iter()
            .map(|header| (header.match_type, &header.name, &header.value));
        self.conditions(place.with_path(&place.path.with("headers")), headers, true);
        let parameters = request
            .query_params
            .iter()
            .map(|query| (query.match_type, &query.name, &query.value));
        self.conditions(
            place.with_path(&place.path.with("queryParams")),
            parameters,
            false,
        );
    }

    /// A path as Gateway API takes it.
    pub(super) fn path(&mut self, place: Place<'_>, value: &str) {
        let mistake = if !value.starts_with('/') {
            "must begin with `/`"
        } else if value.contains("//") {
            "must not have empty elements (`//`)"
        } else if value.split('/').any(|element| matches!(element, "." | "..")) {
            "must not have the elements `.` and `..`"
        } else if value.to_lowercase().contains("%2f") {
            "must not have an encoded slash (`%2f`)"
        } else if !PATH.is_match(value) {
            "has a character that a path cannot have"
        } else {
            return;
        };
        let help = "write a path without its query, such as `/orders`, percent-encoded where needed";
        self.error(place, format!("the path `{value}` {mistake}"), mistake, help);
    }

    /// Conditions on named values. Of two with the same name Gateway API would ignore the second.
    fn conditions<'m>(
        &mut self,
        place: Place<'_>,
        conditions: impl Iterator<Item = (ValueMatchType, &'m String, &'m String)>,
        ignore_case: bool,
    ) {
        let mut keys: Vec<(Path, String)> = Vec::new();
        for (index, (match_type, name, value)) in conditions.enumerate() {
            let item = place.path.with(index);
            let name = if ignore_case {
                name.to_lowercase()
            } else {
                name.clone()
            };
            keys.push((item.with("name"), name));
            if match_type == ValueMatchType::RegularExpression {
                self.regular_expression(place.with_path(&item.with("value")), value);
            }
        }
        self.unique(
            place,
            "conditions on",
            keys.iter().map(|(path, name)| (path.clone(), name.as_str())),
        );
    }

    fn regular_expression(&mut self, place: Place<'_>, expression: &str) {
        // As the proxy will use it: anchored at both ends.
        let compiled = RegexBuilder::new(&format!("^(?:{expression})$"))
            .size_limit(REGEX_SIZE_LIMIT)
            .build();
        let Err(error) = compiled else { return };
        let reason = match &error {
            regex::Error::CompiledTooBig(_) => format!("it takes more than {} KiB", REGEX_SIZE_LIMIT / 1024),
            // The last line of the message is the reason; those before draw the expression.
            error => error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned(),
        };
        let message = format!("the regular expression `{expression}` cannot be used: {reason}");
        let diagnostic = Diagnostic::error(message, place.span(), reason);
        self.report(
            place,
            diagnostic.with_help("use RE2 syntax, without look-around and back-references".to_owned()),
        );
    }
}
