//! What records and segments say, in a few words, and which request they are about.

use std::collections::BTreeMap;

use hallway_model::telemetry::{Access, ControlRecord, Judgement, ProxyRecord, Span};
use hallway_scenario::fault::{Fault, Program};
use hallway_service::contract::{CORRELATION_HEADER, Record};

use super::{Entry, ReplayEvent};

/// How much of a line is shown, in characters.
const LINE: usize = 120;

/// What an entry is about.
pub(super) enum About {
    /// No request, or none that can be told.
    Nothing,
    /// The request with this `x-hallway-request`.
    Correlation(String),
    /// The request with this `x-request-id`, and with that `x-hallway-request` if it is known.
    RequestId(String, Option<String>),
    /// A request as a process counts it, and with that `x-hallway-request` if it is known.
    Handling(String, u64, Option<String>),
}

/// Finds out, from all entries together, which request each is about.
pub(super) fn resolve(entries: Vec<Entry>) -> Vec<ReplayEvent> {
    let (mut by_id, mut by_handling) = (BTreeMap::new(), BTreeMap::new());
    for entry in &entries {
        match &entry.about {
            About::RequestId(id, Some(correlation)) => {
                by_id.insert(id.clone(), correlation.clone());
            }
            About::Handling(process, number, Some(correlation)) => {
                by_handling.insert((process.clone(), *number), correlation.clone());
            }
            _ => {}
        }
    }
    let request = |about| match about {
        About::Nothing => None,
        About::Correlation(correlation)
        | About::RequestId(_, Some(correlation))
        | About::Handling(_, _, Some(correlation)) => Some(correlation),
        About::RequestId(id, None) => by_id.get(&id).cloned(),
        About::Handling(process, number, None) => by_handling.get(&(process, number)).cloned(),
    };
    let event = |entry: Entry| ReplayEvent {
        at: entry.at,
        from: entry.from,
        to: entry.to,
        what: entry.what,
        request: request(entry.about),
    };
    entries.into_iter().map(event).collect()
}

/// The machine of a process.
pub(super) fn machine(process: &str) -> &str {
    process.split_once('/').map_or(process, |(machine, _)| machine)
}

/// A process in the words of scenario files.
pub(super) fn program(process: &str) -> String {
    match process.split_once('/') {
        Some((machine, "sidecar")) => format!("{machine} sidecar"),
        Some((machine, "application")) => machine.to_owned(),
        Some((_, "control-plane")) => "control plane".to_owned(),
        Some((machine, "client")) => format!("lab at {machine}"),
        Some((machine, _)) => machine.to_owned(),
        None => process.to_owned(),
    }
}

/// Whom a fault befalls.
pub(super) fn befallen(fault: &Fault) -> String {
    match fault {
        Fault::Crash(program) | Fault::Restart(program) | Fault::Pause(program) | Fault::Resume(program) => {
            Program::to_string(program)
        }
        Fault::ClockSkew(skew) => skew.of.to_string(),
        _ => fault
            .link()
            .map_or_else(String::new, |(from, to)| format!("{from} – {to}")),
    }
}

/// A record, and what it is about.
pub(super) fn record(process: &str, line: &str) -> (String, About) {
    if let Ok(record) = serde_json::from_str(line) {
        return proxy_record(record);
    }
    if let Ok(record) = serde_json::from_str(line) {
        return service_record(process, record);
    }
    match serde_json::from_str(line) {
        Ok(record) => (control_record(record), About::Nothing),
        Err(_) => (shortened(line), About::Nothing),
    }
}

/// The `x-hallway-request` of a head that is readable.
pub(super) fn correlation(bytes: &[u8]) -> Option<String> {
    let (head, _) = split(bytes, b"\r\n\r\n")?;
    let name = format!("\r\n{CORRELATION_HEADER}: ");
    let (_, value) = split(head, name.as_bytes())?;
    let value = split(value, b"\r\n").map_or(value, |(value, _)| value);
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Bytes on the wire: the first line of a head, or how many there are.
pub(super) fn data(bytes: &[u8]) -> String {
    let first_line = split(bytes, b"\r\n").and_then(|(line, _)| std::str::from_utf8(line).ok());
    match (bytes, first_line) {
        ([20..=23, 3, ..], _) => format!("{} bytes of TLS", bytes.len()),
        (_, Some(line)) if line.contains("HTTP/1.1") => shortened(line),
        _ => format!("{} bytes", bytes.len()),
    }
}

fn proxy_record(record: ProxyRecord) -> (String, About) {
    match record {
        ProxyRecord::Listening { .. } => ("is ready".to_owned(), About::Nothing),
        ProxyRecord::Access(access) => {
            let correlation = access.headers.get(CORRELATION_HEADER).cloned();
            (
                accessed(&access),
                About::RequestId(access.request_id, correlation),
            )
        }
        ProxyRecord::Span(span) => (attempted(&span), About::RequestId(span.request_id, None)),
        ProxyRecord::Refusal(refusal) => {
            let what = format!("refuses {}: {}", refusal.peer_address, refusal.detail);
            (what, About::Nothing)
        }
        ProxyRecord::Connection(connection) => {
            let what = format!(
                "closed connection from {} after {} requests",
                connection.peer_address, connection.requests
            );
            (what, About::Nothing)
        }
        ProxyRecord::Configuration(configuration) => {
            let what = match configuration.refused {
                None => format!("puts configuration {} in force", configuration.version),
                Some(reason) => format!("refuses configuration {}: {reason}", configuration.version),
            };
            (what, About::Nothing)
        }
        ProxyRecord::Identity(identity) => (
            format!("uses a new certificate for {}", identity.identity),
            About::Nothing,
        ),
    }
}

fn accessed(access: &Access) -> String {
    let status = access
        .status
        .map_or_else(|| "no status".to_owned(), |status| status.to_string());
    let flags: String = access.flags.iter().map(|flag| format!(" {flag:?}")).collect();
    format!(
        "access log: {} {}{} → {status}{flags} in {} µs, {} attempts",
        access.method, access.authority, access.path, access.duration_us, access.attempts
    )
}

fn attempted(span: &Span) -> String {
    let came = match (&span.status, &span.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.clone(),
        (None, None) => "nothing".to_owned(),
    };
    let then = match &span.judgement {
        Judgement::Returned { .. } => "returned".to_owned(),
        Judgement::Retried { reason, .. } => format!("to be retried ({reason})"),
    };
    format!("span: attempt {} → {came}, {then}", span.attempt)
}

fn service_record(process: &str, record: Record) -> (String, About) {
    match record {
        Record::Listening { .. } => ("is ready".to_owned(), About::Nothing),
        Record::Received(entry) => {
            let what = format!("ledger: received {} {}", entry.method, entry.path);
            let about = About::Handling(process.to_owned(), entry.handling, entry.correlation);
            (what, about)
        }
        Record::Effect(entry) => {
            let key = entry.key.map(|key| format!(" of {key}")).unwrap_or_default();
            let what = format!("ledger: effect {}{key}", entry.number);
            (what, About::Handling(process.to_owned(), entry.handling, None))
        }
        Record::FirstCall(entry) => {
            let came = match (entry.status, entry.error) {
                (Some(status), _) => status.to_string(),
                (None, error) => error.unwrap_or_default(),
            };
            let what = format!("first call: {} → {came}", entry.url);
            (shortened(&what), About::Nothing)
        }
        Record::Finished(entry) => {
            let status = entry
                .status
                .map(|status| format!(" {status}"))
                .unwrap_or_default();
            let what = format!("ledger: {:?}{status}", entry.outcome).to_lowercase();
            (what, About::Handling(process.to_owned(), entry.handling, None))
        }
    }
}

fn control_record(record: ControlRecord) -> String {
    match record {
        ControlRecord::Listening { .. } => "is ready".to_owned(),
        ControlRecord::Accepted { generation, .. } => {
            format!("puts rules in force as generation {generation}")
        }
        ControlRecord::Refused { problems, .. } => format!("refuses rules, {} problems", problems.len()),
        ControlRecord::Sent { proxy, version, .. } => format!("sends version {version} to {proxy}"),
        ControlRecord::Answered {
            proxy,
            version,
            refused: None,
            ..
        } => format!("hears that {proxy} has version {version} in force"),
        ControlRecord::Answered {
            proxy,
            version,
            refused: Some(reason),
            ..
        } => format!("hears that {proxy} refuses version {version}: {reason}"),
        ControlRecord::Issued { workload, .. } => format!("issues a certificate to {workload}"),
        ControlRecord::Denied { reason, .. } => shortened(&format!("denies: {reason}")),
    }
}

fn shortened(line: &str) -> String {
    line.chars().take(LINE).collect()
}

fn split<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes
        .windows(separator.len())
        .position(|window| window == separator)?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}
