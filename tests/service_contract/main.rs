//! The contract of the sample services, clause by clause, against every implementation.
//!
//! Each clause of `services/CONTRACT.md` is one function, which starts the services that it needs and talks to them: real processes over
//! real sockets, and the Rust service once more on a machine of a simulation. At the end stands a table: clauses by implementations.
//!
//! - [`subject`]: an implementation on a ground; [`implementation`]: how each is started as a process
//! - [`program`]: one that runs, on either ground; [`service`]: a running service and its records
//! - [`wire`]: the suite's HTTP client; [`upstream`]: whom the services call
//! - [`lifecycle`], [`http`], [`noise`], [`idle`]: starting and stopping, HTTP, and what is none
//! - [`calls`], [`propagation`]: the calls that are made
//! - [`behaviour`], [`faults`], [`capacity`], [`ticks`], [`effects`]: the behaviours
//! - [`ledger`], [`control`]: what is written down, and how a running service is told things
//! - [`http2`], [`grpc`], [`own_retries`]: the optional groups
//! - [`table`]: what came of it; [`book`]: where the table is shown

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
mod program;
mod propagation;
mod service;
mod subject;
mod table;
mod ticks;
mod upstream;
mod wire;

use std::error::Error;
use std::fmt::Debug;
use std::io::Write;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use futures_util::{StreamExt, stream};
use hallway_simulator::{Options, Simulation};
use implementation::Implementation;
use subject::Subject;
use table::{Cell, Column};

/// Why a clause does not hold.
type Failure = Box<dyn Error + Send + Sync>;

/// Whether a clause holds.
type Verdict = Result<(), Failure>;

/// A clause that is being tried.
type Trial<'a> = LocalBoxFuture<'a, Verdict>;

/// How long one clause may take against one implementation.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many clauses are tried at once against one implementation.
const AT_ONCE: usize = 3;

/// One clause of the contract and the function that tries it.
struct Clause {
    title: &'static str,
    group: Group,
    check: Box<dyn for<'a> Fn(&'a Subject) -> Trial<'a>>,
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
    fn check<'a>(&self, subject: &'a Subject) -> Trial<'a> {
        match self.group {
            _ if self.binds(subject.implementation) => (self.check)(subject),
            Group::OwnRetries => Box::pin(own_retries::are_refused(subject)),
            Group::Everyone | Group::Http2 => Box::pin(http2::is_refused(subject)),
        }
    }
}

fn clause(title: &'static str, check: impl AsyncFn(&Subject) -> Verdict + Copy + 'static) -> Clause {
    optional(Group::Everyone, title, check)
}

fn optional(
    group: Group,
    title: &'static str,
    check: impl AsyncFn(&Subject) -> Verdict + Copy + 'static,
) -> Clause {
    Clause {
        title,
        group,
        check: Box::new(move |subject| Box::pin(async move { check(subject).await })),
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

#[test]
fn every_implementation_keeps_every_clause() {
    let clauses = clauses();
    let mut columns = on_processes(&clauses);
    columns.push(simulated(&clauses));
    let (table, broken) = table::of(&clauses, &columns);
    // Past the capture of the test harness: the table is for whoever runs the suite.
    writeln!(std::io::stderr(), "{table}").expect("standard error takes a table");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // Where a runtime is missing, there is no whole table to compare.
    if columns.iter().all(|column| column.cells.is_some()) {
        book::has(&table).expect("the book has the table");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn on_processes(clauses: &[Clause]) -> Vec<Column> {
    join_all(Implementation::ALL.map(|implementation| on_process(clauses, implementation))).await
}

/// What came of every clause against processes of `implementation`; nothing when they cannot run here.
async fn on_process(clauses: &[Clause], implementation: Implementation) -> Column {
    let name = implementation.to_string();
    if let Err(missing) = implementation.runtime().await {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!in_ci, "{implementation} must be tested in CI: {missing}");
        return Column { name, cells: None };
    }
    let subject = Subject::real(implementation);
    let checks = clauses.iter().map(|clause| cell(clause, &subject));
    let cells = stream::iter(checks).buffered(AT_ONCE).collect().await;
    Column {
        name,
        cells: Some(cells),
    }
}

/// What came of every clause in a simulation of its own.
fn simulated(clauses: &[Clause]) -> Column {
    let cells = clauses.iter().map(|clause| {
        let simulation = Simulation::new(Options::default());
        let subject = Subject::simulated(&simulation);
        simulation.run(cell(clause, &subject))
    });
    Column {
        name: format!("{}, simulated", Implementation::RUST),
        cells: Some(cells.collect()),
    }
}

async fn cell(clause: &Clause, subject: &Subject) -> Cell {
    let verdict = tokio::time::timeout(PATIENCE, clause.check(subject)).await;
    Cell {
        verdict: verdict.unwrap_or_else(|_| fail(format!("it took longer than {PATIENCE:?}"))),
        binds: clause.binds(subject.implementation),
        unasked: subject.unasked(),
    }
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
