//! Who sends a request, by the token that it brings (Istio's `RequestAuthentication`). Who sends it by its certificate was settled in the
//! handshake.
//!
//! As in Istio, a request without a token passes, as nobody: to demand one is for an `AuthorizationPolicy`. One with a token that is not
//! believed is refused. Several tokens are refused too: which of them counts would be for the application to guess.

use std::time::SystemTime;

use hallway_identity::jwt::{self, JwtError};
use hallway_model::JwtRule;
use hallway_model::authentication::TokenHeader;
use hallway_model::telemetry::Denial;
use http::HeaderMap;
use thiserror::Error;

use crate::access::Exchange;
use crate::configuration::Configuration;
use crate::downstream::Downstream;
use crate::head::Head;
use crate::reply::LocalReply;

/// Why a request is not believed.
#[derive(Debug, Eq, Error, PartialEq)]
enum TokenError {
    #[error("there are several")]
    Several,
    #[error(transparent)]
    Jwt(#[from] JwtError),
}

/// The principal that the token of the request proves; none when there is none. The application sees the token only where a rule says so.
pub(crate) fn authenticate(
    configuration: &Configuration,
    downstream: &Downstream,
    head: &mut Head,
    exchange: &mut Exchange,
) -> Result<Option<String>, LocalReply> {
    let rules = configuration.authentication(downstream.direction);
    if rules.is_empty() {
        return Ok(None);
    }
    principal(rules, head.headers_mut(), exchange.wall_clock()).map_err(|error| {
        exchange.deny(Denial::BadToken {
            reason: error.to_string(),
        })
    })
}

/// A token, and the rules that look for one where it was found.
struct Found<'r, 'h> {
    header: &'r str,
    token: &'h str,
    rules: Vec<&'r JwtRule>,
}

fn principal(
    rules: &[JwtRule],
    headers: &mut HeaderMap,
    now: SystemTime,
) -> Result<Option<String>, TokenError> {
    let found = tokens(rules, headers);
    let found = match &found[..] {
        [] => return Ok(None),
        [found] => found,
        _ => return Err(TokenError::Several),
    };
    let (claims, rule) = jwt::verify(found.token, found.rules.iter().copied(), now)?;
    if !rule.forward_original_token {
        headers.remove(found.header);
    }
    Ok(claims.request_principal())
}

fn tokens<'r, 'h>(rules: &'r [JwtRule], headers: &'h HeaderMap) -> Vec<Found<'r, 'h>> {
    let mut found: Vec<Found<'r, 'h>> = Vec::new();
    for rule in rules {
        for from in &rule.from_headers {
            let values = headers.get_all(from.name.as_str()).iter();
            for token in values.filter_map(|value| token(value.as_bytes(), from)) {
                let same = |found: &&mut Found<'_, '_>| {
                    found.header == from.name && found.token.as_ptr() == token.as_ptr()
                };
                match found.iter_mut().find(same) {
                    Some(found) => found.rules.push(rule),
                    None => found.push(Found {
                        header: &from.name,
                        token,
                        rules: vec![rule],
                    }),
                }
            }
        }
    }
    found
}

/// The token in the value of a header, if it begins with the prefix. One that is no text is a token too, though none that is believed.
fn token<'a>(value: &'a [u8], from: &TokenHeader) -> Option<&'a str> {
    let scheme = from.prefix.trim_end();
    let (start, rest) = value.split_at_checked(scheme.len())?;
    let is_separate = scheme.len() == from.prefix.len() || rest.first().is_none_or(u8::is_ascii_whitespace);
    let matches = start.eq_ignore_ascii_case(scheme.as_bytes()) && is_separate;
    matches.then(|| std::str::from_utf8(rest.trim_ascii()).unwrap_or_default())
}
