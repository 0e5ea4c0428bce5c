//! The contract of the sample services, clause by clause, against every implementation.
//!
//! Each clause of `services/CONTRACT.md` is one function, which starts the services that it needs as real processes and
//! talks to them over real sockets. At the end stands a table: clauses by implementations.
//!
//! - [`implementation`]: how each implementation is started; [`service`]: a running one and its records
//! - [`wire`]: the suite's HTTP client; [`upstream`]: whom the services call
//! - [`lifecycle`], [`http`], [`noise`], [`idle`]: starting and stopping, HTTP, and what is none
//! - [`calls`], [`propagation`]: the calls that are made
//! - [`behaviour`], [`faults`], [`capacity`], [`ticks`], [`effects`]: the behaviours
//! - [`ledger`], [`control`]: what is written down, and how a running service is told things
//! - [`http2`], [`grpc`], [`own_retries`]: the optional groups
//! - [`book`]: where the table is shown

mod behaviour;
mod book;
mod calls;
mod capacity;
mod control;
mod effects;
mod faults;
mod grpc;
mod http;
mod http2;
mod idle;
mod implementation;
mod ledger;
mod lifecycle;
mod noise;
mod own_retries;
mod propagation;
mod service;
mod ticks;
mod upstream;
mod wire;

use std::error::Error;
use std::fmt::Debug;
use std::io::Write;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use implementation::Implementation;

/// Why a clause does not hold.
type Failure = Box<dyn Error + Send + Sync>;

/// Whether a clause holds.
type Verdict = Result<(), Failure>;

/// A clause that is being tried.
type Check = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// How long one clause may take against one implementation.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many clauses are tried at once against one implementation.
const AT_ONCE: usize = 3;

/// One clause of the contract and the function that tries it.
struct Clause {
    title: &'static str,
    group: Group,
    check: Box<dyn Fn(Implementation) -> Check>,
}

/// Whom a clause binds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Group {
    Everyone,
    /// Those who have the optional group of HTTP/2 and gRPC.
    Http2,
    /// Those who have the optional group of the team's own retries.
    OwnRetries,
}

impl Clause {
    fn binds(&self, implementation: Implementation) -> bool {
        match self.group {
            Group::Everyone => true,
            Group::Http2 => implementation.has_http2(),
            Group::OwnRetries => implementation.own_retries().is_some(),
        }
    }

    /// Whoever does not have an optional group has nothing of it.
    fn check(&self, implementation: Implementation) -> Check {
        match self.group {
            _ if self.binds(implementation) => (self.check)(implementation),
            Group::OwnRetries => Box::pin(own_retries::are_refused(implementation)),
            Group::Everyone | Group::Http2 => Box::pin(http2::is_refused(implementation)),
        }
    }
}

fn clause<Trial>(title: &'static str, check: fn(Implementation) -> Trial) -> Clause
where
    Trial: Future<Output = Verdict> + Send + 'static,
{
    Clause {
        title,
        group: Group::Everyone,
        check: Box::new(move |implementation| Box::pin(check(implementation))),
    }
}

fn optional<Trial>(group: Group, title: &'static str, check: fn(Implementation) -> Trial) -> Clause
where
    Trial: Future<Output = Verdict> + Send + 'static,
{
    Clause {
        group,
        ..clause(title, check)
    }
}

fn clauses() -> Vec<Clause> {
    vec![
        clause("C1  bootstrap", lifecycle::bootstrap_is_read),
        clause("C2  listening", lifecycle::listening),
        clause("C3  stopping", lifecycle::stopping),
        clause("C4  protocol", http::protocol),
        clause("C5  limits", http::limits),
        clause("C6  malformed requests", http::malformed_requests),
        clause("C7  answer", http::answer),
        clause("C8  calls through the proxy", calls::through_the_proxy),
        clause("C9  calls without a proxy", calls::without_a_proxy),
        clause("C10 one attempt", calls::one_attempt),
        clause("C11 order", calls::order),
        clause("C12 propagation", propagation::propagation),
        clause("C13 results and relaying", calls::results_and_relaying),
        clause("C14 behaviour", behaviour::precedence),
        clause("C15 status", behaviour::status),
        clause("C16 latency", behaviour::latency),
        clause("C17 fail first", faults::fail_first),
        clause("C18 fail share", faults::fail_share),
        clause("C19 resets", faults::resets),
        clause("C20 hang", faults::hang),
        clause("C21 slow body", behaviour::slow_body),
        clause("C22 received and finished", ledger::received_and_finished),
        clause("C23 killed", ledger::killed),
        clause("C24 cancellation", ledger::cancellation),
        clause("C25 authentication", control::authentication),
        clause("C26 ready", control::ready),
        clause("C27 changing the behaviour", control::changing_the_behaviour),
        clause("C28 calling on demand", control::calling_on_demand),
        optional(Group::Http2, "C29 HTTP/2", http2::protocol),
        optional(Group::Http2, "C30 gRPC calls", grpc::calls),
        optional(Group::Http2, "C31 gRPC outcomes", grpc::outcomes),
        clause("C32 fail pattern", faults::fail_pattern),
        clause("C33 capacity", capacity::capacity),
        clause("C34 truncated body", faults::truncated_body),
        clause("C35 ticks", ticks::ticks),
        clause("C36 effect", effects::effect),
        clause("C37 idle close", idle::idle_close),
        clause("C38 dropped trace", propagation::dropped_trace),
        clause("C39 first calls", propagation::first_calls),
        optional(Group::OwnRetries, "C40 own retries", own_retries::own_retries),
    ]
}

#[tokio::test]
async fn every_implementation_keeps_every_clause() {
    let clauses = clauses();
    let columns =
        join_all(Implementation::ALL.map(|implementation| verdicts(&clauses, implementation))).await;
    let (table, broken) = report(&clauses, &columns);
    // Past the capture of the test harness: the table is for whoever runs the suite.
    writeln!(std::io::stderr(), "{table}").expect("standard error takes a table");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // Where a runtime is missing, there is no whole table to compare.
    if columns.iter().all(Option::is_some) {
        book::has(&table).expect("the book has the table");
    }
}

/// What came of every clause against `implementation`; nothing when it cannot run here.
async fn verdicts(clauses: &[Clause], implementation: Implementation) -> Option<Vec<Verdict>> {
    if let Err(missing) = implementation.runtime().await {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!in_ci, "{implementation} must be tested in CI: {missing}");
        return None;
    }
    let checks = clauses.iter().map(|clause| async {
        let check = tokio::time::timeout(PATIENCE, clause.check(implementation));
        check
            .await
            .unwrap_or_else(|_| fail(format!("it took longer than {PATIENCE:?}")))
    });
    Some(stream::iter(checks).buffered(AT_ONCE).collect().await)
}

/// The table, and one line for every clause that is broken.
fn report(clauses: &[Clause], columns: &[Option<Vec<Verdict>>]) -> (String, Vec<String>) {
    let names = Implementation::ALL.map(|implementation| implementation.to_string());
    let names = names.map(|name| format!("{name:10}")).concat();
    let mut table = format!("\n  {:30}{}\n", "services/CONTRACT.md", names.trim_end());
    let mut broken = Vec::new();
    for (row, clause) in clauses.iter().enumerate() {
        table += &format!("  {:30}", clause.title);
        for (implementation, column) in Implementation::ALL.iter().zip(columns) {
            table += match column.as_ref().map(|verdicts| &verdicts[row]) {
                Some(Ok(())) if !clause.binds(*implementation) => "absent    ",
                Some(Ok(())) => "holds     ",
                Some(Err(_)) => "BROKEN    ",
                None => "skipped   ",
            };
            if let Some(Err(failure)) = column.as_ref().map(|verdicts| &verdicts[row]) {
                broken.push(format!(
                    "{} is broken by {implementation}: {failure}",
                    clause.title
                ));
            }
        }
        table = table.trim_end().to_owned() + "\n";
    }
    for (implementation, column) in Implementation::ALL.iter().zip(columns) {
        if column.is_none() {
            table += &format!("  {implementation} was skipped: its runtime is not installed\n");
        }
    }
    (table, broken)
}

fn fail<T>(reason: impl Into<String>) -> Result<T, Failure> {
    Err(reason.into().into())
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { fail(otherwise()) }
}

fn equal<T: Debug + PartialEq<U>, U: Debug>(what: &str, actual: T, expected: U) -> Verdict {
    ensure(actual == expected, || {
        format!("{what}: expected {expected:?}, saw {actual:?}")
    })
}
