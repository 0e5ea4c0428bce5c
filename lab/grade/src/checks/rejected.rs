//! `rejected`: every request of a traffic was refused by the stated side for the stated reason, and nothing of it was
//! handled. The refusal is joined with the request exactly:
//!
//! - with its connection, by an inbound sidecar: the client failed; its address is the downstream end of a connection of the wire, whose
//!   upstream end is the peer of a refusal record;
//! - with its connection, by an outbound sidecar, which refuses whom it was led to: the client got its 503, and the access log has the
//!   request with the flag `UF` and a detail that starts with the reason;
//! - by itself, by an inbound sidecar that does not believe its token, or whose authorization policies do not let it pass: the
//!   client got its 401 or 403, or gRPC's status 16 or 7, and the access log of that sidecar has the request with its denial.

use hallway_evidence::{ClientRecord, ResponseSeen};
use hallway_model::telemetry::{Access, Denial, Direction, ResponseFlag};
use hallway_scenario::check::{Rejected, RequestRefusal};
use serde::Serialize;

use super::Judge;
use crate::evidence::{Evidence, is_replica, outcome_words, service_of};
use crate::tally::Tally;
use crate::verdict::{Finding, NoEvidence};

/// The status with which an outbound sidecar answers when it could not connect.
const SERVICE_UNAVAILABLE: u16 = 503;

/// The statuses with which an inbound sidecar answers a token that it does not believe, and what its policies do not let pass.
const DENIALS: [u16; 2] = [401, 403];

/// The same in gRPC: `UNAUTHENTICATED` and `PERMISSION_DENIED`.
const GRPC_DENIALS: [u32; 2] = [16, 7];

impl Judge for Rejected {
    fn expected(&self) -> String {
        let reason = reason_word(self.because);
        format!(
            "every request of {} refused by the {}: {reason}",
            self.traffic, self.by
        )
    }

    fn witness(&self) -> String {
        format!("the client, the wire and the {}", self.by)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let mut tally = Tally::default();
        for request in evidence.requests(&self.traffic)? {
            tally.add(Some(&request.correlation), seen(self, request, evidence));
        }
        Ok(tally.into_finding())
    }
}

/// Who refused a request, and why.
struct Refused<'a> {
    proxy: &'a str,
    reason: String,
}

/// What happened to one request.
fn seen(check: &Rejected, request: &ClientRecord, evidence: &Evidence<'_>) -> Result<String, String> {
    if let Some(entry) = evidence.handled(&request.correlation).first() {
        return Err(format!(
            "served by {} ({})",
            entry.received.instance,
            outcome_words(request)
        ));
    }
    let refused = match &request.outcome {
        Err(_) => refused_inbound(request, evidence),
        Ok(response) if response.status == SERVICE_UNAVAILABLE => refused_outbound(request, evidence),
        Ok(response) if is_denial(response) => denied(request, evidence),
        Ok(response) => return Err(format!("answered {}, handled by nobody", response.status)),
    };
    let Some(refused) = refused else {
        return Err(format!("no record of a refusal ({})", outcome_words(request)));
    };
    let words = format!(
        "{}, says the {} sidecar",
        refused.reason,
        service_of(refused.proxy)
    );
    let service = check.by.strip_suffix(" sidecar").unwrap_or(&check.by);
    let expected = is_replica(refused.proxy, service) && refused.reason == reason_word(check.because);
    if expected { Ok(words) } else { Err(words) }
}

fn refused_inbound<'a>(request: &ClientRecord, evidence: &Evidence<'a>) -> Option<Refused<'a>> {
    let refusal = evidence.refusal_of(request)?;
    Some(Refused {
        proxy: &refusal.proxy,
        reason: reason_word(refusal.reason),
    })
}

fn refused_outbound<'a>(request: &ClientRecord, evidence: &Evidence<'a>) -> Option<Refused<'a>> {
    let is_refusal = |record: &&&Access| record.direction.calls() && record.flags.contains(&ResponseFlag::UF);
    let record = evidence.accesses(&request.correlation).iter().find(is_refusal)?;
    // The detail is the reason's word, then the exact words of the check.
    let detail = record.detail.as_deref()?;
    let reason = detail.split_once(": ").map_or(detail, |(reason, _)| reason);
    Some(Refused {
        proxy: &record.proxy,
        reason: reason.to_owned(),
    })
}

fn is_denial(response: &ResponseSeen) -> bool {
    match &response.grpc {
        Some(grpc) => GRPC_DENIALS.contains(&grpc.status),
        None => DENIALS.contains(&response.status),
    }
}

fn denied<'a>(request: &ClientRecord, evidence: &Evidence<'a>) -> Option<Refused<'a>> {
    let records = evidence.accesses(&request.correlation).iter();
    let mut inbound = records.filter(|record| record.direction == Direction::Inbound);
    let (record, denial) = inbound.find_map(|record| Some((record, record.denial.as_ref()?)))?;
    Some(Refused {
        proxy: &record.proxy,
        reason: reason_word(match denial {
            Denial::Denied { .. } | Denial::NotAllowed => RequestRefusal::NotAuthorized,
            Denial::BadToken { .. } => RequestRefusal::InvalidToken,
        }),
    })
}

/// The word for a reason, as scenario files and records have it.
pub(crate) fn reason_word(reason: impl Serialize) -> String {
    let value = serde_json::to_value(reason).expect("a unit variant is a JSON string");
    value
        .as_str()
        .expect("a unit variant is a JSON string")
        .to_owned()
}
