//! The result as tables: rows of who was measured, columns of figures, always with the ratio to Hallway.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Report;
use crate::inspection::Inspection;
use crate::metric::Metric;
use crate::plan::{ROUNDS_OF_ROWS, Topic};
use crate::results::Results;
use crate::statistics::Spread;
use crate::subject::Subject;
use crate::target::{Outcome, ROUNDS_THAT_COUNT};

/// Cells, row by row; the first column is left-aligned.
type Rows = Vec<Vec<String>>;

/// The tables of one setup: a leading figure, with its spread and its ratio to Hallway, and others beside it.
const TABLES: [(Metric, &[Metric]); 5] = [
    (
        Metric::CpuPerRequest,
        &[
            Metric::UserPerRequest,
            Metric::SystemPerRequest,
            Metric::RequestsPerSecond,
            Metric::MemoryIdle,
            Metric::MemoryLoaded,
        ],
    ),
    (
        Metric::AddedP50,
        &[
            Metric::AddedP90,
            Metric::AddedP99,
            Metric::LatencyP50,
            Metric::LatencyP90,
            Metric::LatencyP99,
        ],
    ),
    (
        Metric::DownloadCpu,
        &[Metric::DownloadRate, Metric::UploadCpu, Metric::UploadRate],
    ),
    (Metric::MemoryHolding, &[Metric::MemoryPerConnection]),
    (Metric::ConnectionCpu, &[Metric::ConnectionsPerSecond]),
];

pub(super) fn render(report: &Report) -> String {
    let mut text = heading(report);
    for results in &report.results {
        if !matches!(results.topic, Topic::Routes | Topic::Endpoints) {
            of_setup(&mut text, results);
        }
    }
    by_number(&mut text, report, Topic::Routes, "routes", |results| {
        results.setup.routes
    });
    by_number(&mut text, report, Topic::Endpoints, "endpoints", |results| {
        results.setup.endpoints
    });
    targets(&mut text, &report.targets);
    text
}

fn heading(report: &Report) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "A pair of sidecars with mutual TLS 1.3 between them: client → sidecar → sidecar → application\n\n\
         machine   {}, {} cores, {}\n",
        machine.processor, machine.cores, machine.kernel
    );
    let conditions = &report.conditions;
    for (name, version) in &conditions.versions {
        let _ = writeln!(text, "{name:<9} {version}");
    }
    for missing in &conditions.missing {
        let _ = writeln!(text, "missing   {missing}");
    }
    for (suite, subjects) in by_cipher_suite(&conditions.inspections) {
        let _ = writeln!(text, "cipher    {suite}: {}", subjects.join(", "));
    }
    let _ = writeln!(
        text,
        "method    {} rounds in turn, {} s each after {} s; medians, with the lowest and the highest round; \
         ratios round by round",
        conditions.rounds, report.seconds, report.warm_up_seconds
    );
    if conditions.quick {
        text += "          quick: short, few rounds, not everything; good for seeing that it works, not for comparing\n";
    }
    if !report.optimised {
        text += "          this is a development build of Hallway; `cargo run --release -- bench sidecar` is faster\n";
    }
    text
}

/// Who was seen to use which.
fn by_cipher_suite(inspections: &[Inspection]) -> BTreeMap<&str, Vec<&'static str>> {
    let mut suites = BTreeMap::<&str, Vec<&'static str>>::new();
    for inspection in inspections {
        let suite = inspection.agreement.cipher_suite.as_str();
        suites.entry(suite).or_default().push(inspection.subject.name());
    }
    suites
}

fn of_setup(text: &mut String, results: &Results) {
    for (leading, others) in TABLES {
        if !results.has(leading) && !others.iter().any(|metric| results.has(*metric)) {
            continue;
        }
        let _ = writeln!(text, "\n{}", title(results, leading));
        let mut rows = vec![vec![
            String::new(),
            leading.heading().to_owned(),
            "÷ hallway".to_owned(),
        ]];
        rows[0].extend(others.iter().map(|metric| metric.heading().to_owned()));
        for subject in results.subjects() {
            let ratio = results.ratio(leading, subject, Subject::Hallway);
            let mut row = vec![
                subject.name().to_owned(),
                with_spread(results.get(subject, leading)),
                ratio.map_or_else(dash, |ratio| format!("{:.2}", ratio.median)),
            ];
            row.extend(others.iter().map(|metric| {
                let figure = results.get(subject, *metric);
                figure.map_or_else(dash, |figure| number(figure.median))
            }));
            rows.push(row);
        }
        align(text, &rows);
    }
}

fn title(results: &Results, leading: Metric) -> &'static str {
    match (results.topic, leading) {
        (_, Metric::AddedP50) => {
            "Latency at 800 requests/s in open loop, from the intended start; added: minus direct"
        }
        (_, Metric::DownloadCpu) => "1 MiB down and up, over 4 connections",
        (_, Metric::MemoryHolding) => {
            "1,000 idle connections of clients: resident memory of the larger sidecar"
        }
        (_, Metric::ConnectionCpu) => "New mTLS connections at the second sidecar, each for one request",
        (Topic::AccessLog, _) => "1 KiB of JSON over HTTP/1.1, 64 at once, 50 routes, access logs on",
        (Topic::Http2, _) => "1 KiB of JSON over HTTP/2 from client to application, 64 at once, 50 routes",
        (Topic::Grpc, _) => {
            "gRPC unary with 1 KiB, over HTTP/2 from client to application, 64 at once, 50 routes"
        }
        _ => "1 KiB of JSON over HTTP/1.1, 64 at once, 50 routes, access logs off",
    }
}

/// CPU by the number of routes or endpoints: one column for each number.
fn by_number(
    text: &mut String,
    report: &Report,
    topic: Topic,
    unit: &str,
    number_of: impl Fn(&Results) -> u32,
) {
    let columns: Vec<&Results> = report
        .results
        .iter()
        .filter(|results| results.topic == topic)
        .collect();
    let Some(first) = columns.first() else {
        return;
    };
    let _ = writeln!(
        text,
        "\n{} by the number of {unit}, at most {ROUNDS_OF_ROWS} rounds",
        Metric::CpuPerRequest.heading()
    );
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(
        columns
            .iter()
            .map(|results| thousands(f64::from(number_of(results)))),
    );
    for subject in first.subjects() {
        let mut row = vec![subject.name().to_owned()];
        row.extend(
            columns
                .iter()
                .map(|results| with_spread(results.get(subject, Metric::CpuPerRequest))),
        );
        rows.push(row);
    }
    align(text, &rows);
}

fn targets(text: &mut String, targets: &[Outcome]) {
    if targets.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nTargets, by medians of at least {ROUNDS_THAT_COUNT} rounds"
    );
    let rows: Rows = targets
        .iter()
        .map(|target| {
            let verdict = match target.reached {
                Some(true) => "reached",
                Some(false) => "not reached",
                None => "too few rounds",
            };
            let spread = with_spread(Some(target.measured.clone()));
            vec![
                target.what.clone(),
                target.wanted.to_string(),
                spread,
                verdict.to_owned(),
            ]
        })
        .collect();
    align(text, &rows);
}

fn align(text: &mut String, rows: &Rows) {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let gap = " ".repeat(widths[column] - cell.chars().count());
            let _ = match column {
                0 => write!(line, "  {cell}{gap}"),
                _ => write!(line, "  {gap}{cell}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn with_spread(spread: Option<Spread>) -> String {
    spread.map_or_else(dash, |spread| {
        let [median, lowest, highest] = [spread.median, spread.lowest, spread.highest].map(number);
        format!("{median} ({lowest}–{highest})")
    })
}

fn dash() -> String {
    "–".to_owned()
}

/// As many digits as the size deserves.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 999.5 => thousands(value),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match value < 0.0 {
        true => format!("-{grouped}"),
        false => grouped,
    }
}

#[cfg(test)]
mod tests {
    use super::{align, number};

    #[test]
    fn numbers_have_as_many_digits_as_they_deserve() {
        let numbers = [0.754, 33.46, 999.4, 999.6, 84_299.0, -1_234.0].map(number);
        assert_eq!(numbers, ["0.75", "33.5", "999.4", "1,000", "84,299", "-1,234"]);
    }

    #[test]
    fn columns_are_aligned() {
        let mut text = String::new();
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        align(
            &mut text,
            &vec![row(["", "µs", "b"]), row(["name", "1,000", "–"])],
        );
        assert_eq!(text, "           µs  b\n  name  1,000  –\n");
    }
}
