//! The contract of the sample services, clause by clause, against every implementation.
//!
//! Each clause of `services/CONTRACT.md` is one function, which starts the services that it needs as real processes and
//! talks to them over real sockets. At the end stands a table: clauses by implementations.
//!
//! - [`implementation`]: how each implementation is started; [`service`]: a running one and its records
//! - [`wire`]: the suite's HTTP client; [`upstream`]: whom the services call
//! - [`lifecycle`], [`http`], [`calls`], [`behaviour`], [`faults`], [`ledger`], [`control`]: the clauses
//! - [`http2`], [`grpc`]: those of the optional group

mod behaviour;
mod calls;
mod control;
mod faults;
mod grpc;
mod http;
mod http2;
mod implementation;
mod ledger;
mod lifecycle;
mod service;
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
const PATIENCE: Duration = Duration::from_secs(60);

/// How many clauses are tried at once against one implementation.
const AT_ONCE: usize = 3;

/// One clause of the contract and the function that tries it.
struct Clause {
    title: &'static str,
    /// Whether it belongs to the optional group of HTTP/2.
    optional: bool,
    check: Box<dyn Fn(Implementation) -> Check>,
}

impl Clause {
    fn binds(&self, implementation: Implementation) -> bool {
        !self.optional || implementation.has_http2()
    }

    /// Whoever does not have the optional group has nothing of it.
    fn check(&self, implementation: Implementation) -> Check {
        match self.binds(implementation) {
            true => (self.check)(implementation),
            false => Box::pin(http2::is_refused(implementation)),
        }
    }
}

fn clause<Trial>(title: &'static str, check: fn(Implementation) -> Trial) -> Clause
where
    Trial: Future<Output = Verdict> + Send + 'static,
{
    Clause {
        title,
        optional: false,
        check: Box::new(move |implementation| Box::pin(check(implementation))),
    }
}

fn optional<Trial>(title: &'static str, check: fn(Implementation) -> Trial) -> Clause
where
    Trial: Future<Output = Verdict> + Send + 'static,
{
    Clause {
        optional: true,
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
        clause("C12 propagation", calls::propagation),
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
        optional("C29 HTTP/2", http2::protocol),
        optional("C30 gRPC calls", grpc::calls),
        optional("C31 gRPC outcomes", grpc::outcomes),
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
    let mut table = format!(
        "\n  {:30}{}\n",
        "services/CONTRACT.md",
        names.map(|name| format!("{name:10}")).concat()
    );
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
