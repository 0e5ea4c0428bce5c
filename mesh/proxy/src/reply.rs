//! Answers of the proxy itself: a status, a flag, and a few words that say what happened and what to do.

use bytes::Bytes;
use hallway_model::ClusterName;
use hallway_model::route::Redirect;
use hallway_model::telemetry::{Denial, Direction, ResponseFlag};
use hallway_traffic::path::AmbiguousPath;
use hallway_traffic::rate_limit::TooMany;
use hallway_traffic::redirect::{self, Asked};
use http::header::{CONNECTION, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::response::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use crate::access::Exchange;
use crate::front::Unrouted;
use crate::response::ResponseBody;
use crate::worker::Worker;

/// Says that a proxy answered and not the service, and which: such as `<workload> outbound`.
pub(crate) const X_HALLWAY_ANSWERED_BY: HeaderName = HeaderName::from_static("x-hallway-answered-by");

/// An answer of the proxy itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LocalReply {
    pub(crate) status: StatusCode,
    pub(crate) flag: Option<ResponseFlag>,
    /// What happened; goes to the access log too.
    pub(crate) detail: String,
    /// What the caller is told.
    pub(crate) told: Told,
    /// Whether the connection ends with it.
    pub(crate) close: bool,
    /// Where the caller is sent.
    pub(crate) location: Option<HeaderValue>,
    /// After how many seconds to come again.
    pub(crate) retry_after: Option<u64>,
}

/// What a caller is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// What happened, and what to do about it.
    All { help: &'static str },
    /// Only these words: what happened is none of its business.
    Only(&'static str),
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    help: &'a str,
    flag: Option<ResponseFlag>,
    answered_by: &'a str,
    request_id: &'a str,
}

impl LocalReply {
    pub(crate) fn new(
        status: StatusCode,
        flag: Option<ResponseFlag>,
        detail: impl Into<String>,
        help: &'static str,
    ) -> Self {
        Self {
            status,
            flag,
            detail: detail.into(),
            told: Told::All { help },
            close: false,
            location: None,
            retry_after: None,
        }
    }

    /// The same, and the connection ends with it.
    pub(crate) fn and_close(mut self) -> Self {
        self.close = true;
        self
    }

    /// The response.
    pub(crate) fn respond(
        mut self,
        worker: &Worker,
        direction: Direction,
        mut exchange: Box<Exchange>,
    ) -> Response<ResponseBody> {
        if direction == Direction::Gateway {
            // How the mesh looks from inside is nothing for strangers; the access log says it.
            self.told = Told::Only(self.status.canonical_reason().unwrap_or("refused"));
        }
        let answered_by = format!("{} {}", worker.proxy.workload(), direction.as_str());
        let (mut head, text) = match exchange.is_grpc() {
            true => (self.grpc(), Bytes::new()),
            false => self.http(&answered_by, exchange.request_id()),
        };
        head.headers.insert(DATE, worker.date());
        // Who answers is nothing for strangers either.
        if direction != Direction::Gateway
            && let Ok(answered_by) = HeaderValue::from_str(&answered_by)
        {
            head.headers.insert(X_HALLWAY_ANSWERED_BY, answered_by);
        }
        if let Some(location) = self.location {
            head.headers.insert(LOCATION, location);
        }
        if let Some(seconds) = self.retry_after {
            head.headers.insert(RETRY_AFTER, seconds.into());
        }
        if head.status == StatusCode::UNAUTHORIZED {
            head.headers.insert(WWW_AUTHENTICATE, INVALID_TOKEN);
        }
        if self.close {
            head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(flag) = self.flag {
            exchange.flag(flag);
        }
        exchange.explain(self.detail);
        exchange.answered(head.status);
        Response::from_parts(head, ResponseBody::local(text, exchange))
    }

    /// As HTTP says it: a status, and a body with the words.
    fn http(&self, answered_by: &str, request_id: &HeaderValue) -> (Parts, Bytes) {
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = self.status;
        let help = match self.told {
            Told::All { help } => help,
            Told::Only(words) => {
                let plain = HeaderValue::from_static("text/plain");
                head.headers.insert(CONTENT_TYPE, plain);
                return (head, Bytes::from_static(words.as_bytes()));
            }
        };
        let body = Body {
            error: &self.detail,
            help,
            flag: self.flag,
            answered_by,
            request_id: request_id.to_str().unwrap_or_default(),
        };
        let mut text = serde_json::to_vec(&body).expect("texts can be written as JSON");
        text.push(b'\n');
        let json = HeaderValue::from_static("application/json");
        head.headers.insert(CONTENT_TYPE, json);
        (head, text.into())
    }

    /// As gRPC says it: 200, and a status of its own with a message, in the headers since there is no body ("Trailers-Only").
    /// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, "Responses".
    fn grpc(&self) -> Parts {
        let (mut head, ()) = Response::new(()).into_parts();
        let words = match self.told {
            Told::All { help } => format!("{}. {help}", self.detail),
            Told::Only(words) => words.to_owned(),
        };
        let message = utf8_percent_encode(&words, NOT_IN_A_MESSAGE).to_string();
        let message = HeaderValue::from_str(&message).expect("what is left is plain ASCII");
        let grpc = HeaderValue::from_static("application/grpc");
        head.headers.insert(CONTENT_TYPE, grpc);
        head.headers.insert(GRPC_STATUS, grpc_status(self.status).into());
        head.headers.insert(GRPC_MESSAGE, message);
        head
    }
}

/// What goes with each 401 (RFC 9110 §11.6.1, RFC 6750 §3.1): only a token can be what is wrong.
const INVALID_TOKEN: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// What a gRPC message must not hold as it is.
const NOT_IN_A_MESSAGE: &AsciiSet = &CONTROLS.add(b'%');

/// The gRPC status that stands for an HTTP status.
/// Source: <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>.
fn grpc_status(status: StatusCode) -> u16 {
    match status.as_u16() {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// The limit on requests in flight is reached.
pub(crate) fn too_many_requests() -> LocalReply {
    LocalReply::new(
        StatusCode::SERVICE_UNAVAILABLE,
        Some(ResponseFlag::UO),
        "as many requests as this proxy allows are in flight",
        "Send less at once, or raise `limits.requests` of the proxy.",
    )
}

/// There is no configuration yet.
pub(crate) fn not_configured() -> LocalReply {
    LocalReply::new(
        StatusCode::SERVICE_UNAVAILABLE,
        Some(ResponseFlag::NC),
        "this proxy has no configuration yet",
        "Wait until its `/ready` answers 200; if it never does, see whether the control plane runs.",
    )
}

/// `CONNECT`.
pub(crate) fn connect_unsupported() -> LocalReply {
    LocalReply::new(
        StatusCode::NOT_IMPLEMENTED,
        None,
        "CONNECT is not supported: the sidecar has to see the request to route it",
        "Send the request itself in plaintext, `GET http://service/path`; the sidecars encrypt it between them.",
    )
    .and_close()
}

/// A transfer coding beside chunks.
pub(crate) fn transfer_coding_unsupported() -> LocalReply {
    LocalReply::new(
        StatusCode::NOT_IMPLEMENTED,
        None,
        "the request has another transfer coding than `chunked`",
        "Send the body as it is, or with a `Content-Encoding`.",
    )
    .and_close()
}

/// A request that breaks the protocol.
pub(crate) fn malformed(detail: &str) -> LocalReply {
    LocalReply::new(
        StatusCode::BAD_REQUEST,
        Some(ResponseFlag::DPE),
        detail,
        "Send `GET http://service/path`, or `GET /path` with one `Host: service` header.",
    )
    .and_close()
}

/// Plaintext, on a connection that was accepted while it was still allowed.
pub(crate) fn no_longer_accepted() -> LocalReply {
    LocalReply::new(
        StatusCode::FORBIDDEN,
        None,
        "the PeerAuthentication of this workload no longer accepts this kind of connection",
        "Connect anew, through the sidecar.",
    )
    .and_close()
}

/// A method in lower case, where it matters which it is. Source: Istio's "Authorization Policy Normalization".
pub(crate) fn ambiguous_method() -> LocalReply {
    LocalReply::new(
        StatusCode::BAD_REQUEST,
        None,
        "the method is not in upper case, and may be taken for another one",
        "Send it in upper case, such as `GET`.",
    )
}

/// A path that can be read in two ways, where it matters which.
pub(crate) fn ambiguous_path(error: AmbiguousPath) -> LocalReply {
    LocalReply::new(
        StatusCode::BAD_REQUEST,
        None,
        format!("the path can be read in more than one way: {error}"),
        "Send the path in its plain form, such as `/admin` in place of `/x/../admin`.",
    )
}

/// The rules of this workload refuse it. Whom the policies do not let pass does not learn which there are. The words for them are Envoy's, as
/// are those in the log (<https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details>).
pub(crate) fn denied(denial: &Denial) -> LocalReply {
    match denial {
        Denial::BadToken { reason } => LocalReply::new(
            StatusCode::UNAUTHORIZED,
            None,
            format!("the token of the request is refused: {reason}"),
            "Get a new one from its issuer, and send only one.",
        ),
        Denial::Denied { .. } | Denial::NotAllowed => {
            let detail = format!("rbac_access_denied_matched_policy[{}]", denial.rule());
            LocalReply {
                told: Told::Only("RBAC: access denied"),
                ..LocalReply::new(StatusCode::FORBIDDEN, None, detail, "")
            }
        }
    }
}

/// No route table claims the authority.
pub(crate) fn unknown_authority<'a>(authority: &str, known: impl Iterator<Item = &'a str>) -> LocalReply {
    let mut known: Vec<&str> = known.take(NAMED_AUTHORITIES + 1).collect();
    let more = if known.len() > NAMED_AUTHORITIES {
        ", …"
    } else {
        ""
    };
    known.truncate(NAMED_AUTHORITIES);
    LocalReply::new(
        StatusCode::NOT_FOUND,
        Some(ResponseFlag::NR),
        format!(
            "no service is called `{authority}`; there are: {}{more}",
            known.join(", ")
        ),
        "Check the spelling, and that a Service of that name exists.",
    )
}

/// How many authorities the answer to an unknown one names.
const NAMED_AUTHORITIES: usize = 12;

/// No listener of the gateway is for the host, or none of its rules for the request.
pub(crate) fn unrouted(authority: &str, why: Unrouted) -> LocalReply {
    let (status, detail) = match why {
        Unrouted::NoListener => (
            StatusCode::NOT_FOUND,
            format!("no listener of the gateway is for `{authority}`"),
        ),
        Unrouted::NoRule => (
            StatusCode::NOT_FOUND,
            format!("no route of the gateway is for `{authority}` and this request"),
        ),
        // RFC 9110, section 15.5.20: a client that shares a connection between names opens another one then.
        Unrouted::Misdirected => (
            StatusCode::MISDIRECTED_REQUEST,
            format!("the connection was opened for another listener than that of `{authority}`"),
        ),
    };
    LocalReply::new(
        status,
        Some(ResponseFlag::NR),
        detail,
        "Check the host names of the Gateway's listeners and of the routes attached to them.",
    )
}

/// No rule of the table matches.
pub(crate) fn no_rule(table: &str) -> LocalReply {
    LocalReply::new(
        StatusCode::NOT_FOUND,
        Some(ResponseFlag::NR),
        format!("no rule of `{table}` matches the request"),
        "Add a rule that matches it, such as the path prefix `/`.",
    )
}

/// The client has made as many requests as it may.
pub(crate) fn rate_limited(refused: &TooMany) -> LocalReply {
    // Whole seconds (RFC 9110, section 10.2.3), so that nobody comes too early.
    let seconds = refused.retry_after.as_millis().div_ceil(1000).max(1);
    LocalReply {
        retry_after: u64::try_from(seconds).ok(),
        ..LocalReply::new(
            StatusCode::TOO_MANY_REQUESTS,
            Some(ResponseFlag::RL),
            format!(
                "the client has made the {} requests that it may in {:?}",
                refused.limit.requests, refused.limit.interval
            ),
            "Wait as long as the header `retry-after` says.",
        )
    }
}

/// The body is longer than the gateway takes.
pub(crate) fn body_too_long(most: u64) -> LocalReply {
    LocalReply::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        None,
        format!("the body is longer than the {most} bytes that are taken"),
        "Send less at once.",
    )
    .and_close()
}

/// A proxy inside has refused the request, in words that are for those inside.
pub(crate) fn answered_inside(status: StatusCode) -> LocalReply {
    LocalReply::new(
        status,
        None,
        "a proxy inside has answered",
        "See the access log of the callee's sidecar under this request id.",
    )
}

/// The rule sends the caller elsewhere.
pub(crate) fn redirected(redirect: &Redirect, asked: &Asked<'_>) -> LocalReply {
    let location = redirect::location(redirect, asked);
    let status = StatusCode::from_u16(redirect.status).unwrap_or(StatusCode::FOUND);
    LocalReply {
        location: Some(HeaderValue::from_str(&location).expect("it is plain ASCII")),
        ..LocalReply::new(
            status,
            None,
            format!("the rule sends the caller to {location}"),
            "Follow the header `location`.",
        )
    }
}

/// The path that the rule puts in the place of the caller's is too long with the rest of it.
pub(crate) fn target_too_long() -> LocalReply {
    LocalReply::new(
        StatusCode::URI_TOO_LONG,
        None,
        "the path becomes too long by the rewrite of the rule",
        "Ask for a shorter path, or make the replacement shorter.",
    )
}

/// The rule has no backend with a weight.
pub(crate) fn no_backend(rule: &str) -> LocalReply {
    LocalReply::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        None,
        format!("rule `{rule}` has no backend with a weight above 0"),
        "Give it a backend.",
    )
}

/// The backend does not exist.
pub(crate) fn unresolved(reason: &str) -> LocalReply {
    LocalReply::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        None,
        reason,
        "Correct the reference of the rule's backend.",
    )
}

/// The snapshot lacks the cluster.
pub(crate) fn unknown_cluster(name: &ClusterName) -> LocalReply {
    LocalReply::new(
        StatusCode::SERVICE_UNAVAILABLE,
        Some(ResponseFlag::NC),
        format!("the configuration has no cluster `{name}`"),
        "This is an error of the control plane; push the rules again.",
    )
}
