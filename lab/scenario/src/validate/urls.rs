//! URLs, methods and headers that can be sent.

use hallway_yaml::Path;
use http::{HeaderName, HeaderValue, Method, Uri};

use crate::findings::Findings;

/// Checks that the value at `path` is an absolute `http` URL of some service. Which services exist is for the rules to
/// say: a Service may have no workload of its own, only a route to others.
pub(super) fn check_url(findings: &mut Findings<'_>, path: &Path, url: &str) {
    let parsed = url.parse::<Uri>().ok();
    let is_http = parsed
        .as_ref()
        .is_some_and(|uri| uri.scheme_str() == Some("http"));
    let is_plain = !url.contains(['@', '#']);
    if !is_http || !is_plain {
        let message = format!("`{url}` is not the URL of a service");
        findings
            .value(path, message, "expected one such as `http://payments/charge`")
            .help(help(url));
    }
}

/// Checks that the value at `path` is a URL for a gateway, of whatever host name: which ones it serves is for the rules to say.
pub(super) fn check_outside_url(findings: &mut Findings<'_>, path: &Path, url: &str) {
    let parsed = url.parse::<Uri>().ok();
    let is_web = |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https"));
    if !parsed.is_some_and(is_web) || url.contains(['@', '#']) {
        let message = format!("`{url}` is no URL for a gateway");
        findings.value(path, message, "expected one such as `https://shop.test/orders`");
    }
}

/// Checks that the value at `path` is a method.
pub(super) fn check_method(findings: &mut Findings<'_>, path: &Path, method: &str) {
    let parsed = Method::from_bytes(method.as_bytes());
    let is_usual = parsed.is_ok_and(|method| method != Method::CONNECT)
        && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_usual {
        findings.value(
            path,
            format!("`{method}` is not a method that can be sent"),
            "expected one such as `POST`",
        );
    }
}

/// Checks that the entry at `path` is a header.
pub(super) fn check_header(findings: &mut Findings<'_>, path: &Path, name: &str, value: &str) {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        findings.key(
            path,
            format!("`{name}` is not the name of a header"),
            "expected one such as `x-canary`",
        );
    }
    if HeaderValue::from_str(value).is_err() {
        findings.value(
            path,
            format!("the value of `{name}` cannot be sent"),
            "expected printable ASCII text",
        );
    }
}

fn help(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    match scheme {
        "https" => Some(format!(
            "write `http://{rest}`: the sidecars encrypt, not the application"
        )),
        "" if !rest.is_empty() && !rest.contains([' ', '@', '#']) => {
            Some(format!("did you mean `http://{}`?", rest.trim_start_matches('/')))
        }
        _ => None,
    }
}
