//! Answers of the proxy itself: a status, a flag, and a few words that say what happened and what to do.

use bytes::Bytes;
use hallway_model::ClusterName;
use hallway_model::telemetry::{Direction, ResponseFlag};
use http::header::{CONNECTION, CONTENT_TYPE, DATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::access::Exchange;
use crate::proxy::Proxy;
use crate::response::ResponseBody;

/// Says that a proxy answered and not the service, and which: `<workload> outbound` or `<workload> inbound`.
pub(crate) const X_HALLWAY_ANSWERED_BY: HeaderName = HeaderName::from_static("x-hallway-answered-by");

/// An answer of the proxy itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LocalReply {
    pub(crate) status: StatusCode,
    pub(crate) flag: Option<ResponseFlag>,
    /// What happened; goes to the access log too.
    pub(crate) detail: String,
    /// What to do about it.
    pub(crate) help: &'static str,
    /// Whether the connection ends with it.
    pub(crate) close: bool,
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
            help,
            close: false,
        }
    }

    /// The same, and the connection ends with it.
    pub(crate) fn and_close(mut self) -> Self {
        self.close = true;
        self
    }

    /// The response.
    pub(crate) fn respond(
        self,
        proxy: &Proxy,
        direction: Direction,
        mut exchange: Box<Exchange>,
    ) -> Response<ResponseBody> {
        let side = match direction {
            Direction::Outbound => "outbound",
            Direction::Inbound => "inbound",
        };
        let answered_by = format!("{} {side}", proxy.workload());
        let body = Body {
            error: &self.detail,
            help: self.help,
            flag: self.flag,
            answered_by: &answered_by,
            request_id: exchange.request_id().to_str().unwrap_or_default(),
        };
        let mut text = serde_json::to_vec(&body).expect("texts can be written as JSON");
        text.push(b'\n');
        if let Some(flag) = self.flag {
            exchange.flag(flag);
        }
        exchange.explain(self.detail);
        exchange.answered(self.status);
        let mut response = Response::new(ResponseBody::local(Bytes::from(text), exchange));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(DATE, proxy.date());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(answered_by) = HeaderValue::from_str(&answered_by) {
            headers.insert(X_HALLWAY_ANSWERED_BY, answered_by);
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
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

/// No rule of the table matches.
pub(crate) fn no_rule(table: &str) -> LocalReply {
    LocalReply::new(
        StatusCode::NOT_FOUND,
        Some(ResponseFlag::NR),
        format!("no rule of `{table}` matches the request"),
        "Add a rule that matches it, such as the path prefix `/`.",
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
