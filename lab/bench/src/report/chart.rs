//! The result as charts: SVG without scripts or fonts of its own, readable on light and dark pages.

use std::fmt::Write as _;

use super::Report;
use crate::metric::Metric;
use crate::plan::Topic;
use crate::results::Results;
use crate::subject::Subject;

const WIDTH: f64 = 760.0;
/// Where bars begin: right of the names.
const LEFT: f64 = 130.0;
/// Where the longest bar ends: room for its figures.
const RIGHT: f64 = 600.0;
const BAR: f64 = 18.0;
const ROW: f64 = 28.0;
const TOP: f64 = 62.0;
/// Colours that differ in lightness too.
const COLOURS: [&str; 3] = ["#2f6db5", "#8db8e8", "#c9772b"];

/// A bar of several parts, one after the other or one above the other.
struct Bar {
    name: &'static str,
    parts: Vec<f64>,
    /// What is written behind it.
    label: String,
}

/// File names and contents.
pub(super) fn charts(report: &Report) -> Vec<(&'static str, String)> {
    let of = |topic: Topic| report.results.iter().find(move |results| results.topic == topic);
    let mut charts = Vec::new();
    let stacked = [Metric::UserPerRequest, Metric::SystemPerRequest];
    for (topic, file, title) in [
        (
            Topic::Standard,
            "cpu.svg",
            "CPU µs per request of the pair, access logs off",
        ),
        (
            Topic::AccessLog,
            "cpu-access-log.svg",
            "CPU µs per request of the pair, access logs on",
        ),
        (
            Topic::Http2,
            "cpu-http2.svg",
            "CPU µs per request of the pair, HTTP/2 throughout",
        ),
        (Topic::Grpc, "cpu-grpc.svg", "CPU µs per gRPC call of the pair"),
    ] {
        charts
            .extend(of(topic).and_then(|results| bars(results, file, title, &stacked, &["user", "system"])));
    }
    if let Some(standard) = of(Topic::Standard) {
        let added = [Metric::AddedP50];
        charts.extend(bars(
            standard,
            "latency.svg",
            "Added median latency at 800 requests/s, µs",
            &added,
            &["p50"],
        ));
        let loaded = [Metric::MemoryLoaded];
        charts.extend(bars(
            standard,
            "memory.svg",
            "Resident memory of a loaded sidecar, MB",
            &loaded,
            &["MB"],
        ));
    }
    for (topic, file, title) in [
        (
            Topic::Routes,
            "routes.svg",
            "CPU µs per request, from few routes to many",
        ),
        (
            Topic::Endpoints,
            "endpoints.svg",
            "CPU µs per request, from few endpoints to many",
        ),
    ] {
        let columns: Vec<&Results> = report
            .results
            .iter()
            .filter(|results| results.topic == topic)
            .collect();
        charts.extend(growth(&columns, file, title));
    }
    charts
}

/// A bar for everybody who has these figures.
fn bars(
    results: &Results,
    file: &'static str,
    title: &str,
    metrics: &[Metric],
    legend: &[&str],
) -> Option<(&'static str, String)> {
    let bars: Vec<Bar> = results
        .subjects()
        .filter_map(|subject| {
            let parts: Option<Vec<f64>> = metrics
                .iter()
                .map(|metric| Some(results.get(subject, *metric)?.median))
                .collect();
            let parts = parts?;
            let label = format!("{:.1}", parts.iter().sum::<f64>());
            Some(Bar {
                name: subject.name(),
                parts,
                label,
            })
        })
        .collect();
    (!bars.is_empty()).then(|| (file, draw(title, legend, &bars)))
}

/// For everybody a bar for each number, the last one labelled with all.
fn growth(columns: &[&Results], file: &'static str, title: &str) -> Option<(&'static str, String)> {
    let cpu = |results: &Results, subject: Subject| Some(results.get(subject, Metric::CpuPerRequest)?.median);
    let bars: Vec<Bar> = columns
        .first()?
        .subjects()
        .flat_map(|subject| {
            columns.iter().filter_map(move |results| {
                let setup = results.setup;
                let number = match results.topic {
                    Topic::Endpoints => setup.endpoints,
                    _ => setup.routes,
                };
                let value = cpu(results, subject)?;
                Some(Bar {
                    name: subject.name(),
                    parts: vec![value],
                    label: format!("{value:.1} with {number}"),
                })
            })
        })
        .collect();
    (!bars.is_empty()).then(|| (file, draw(title, &[], &bars)))
}

fn draw(title: &str, legend: &[&str], bars: &[Bar]) -> String {
    let longest = bars
        .iter()
        .map(|bar| bar.parts.iter().sum::<f64>())
        .fold(f64::MIN_POSITIVE, f64::max);
    let scale = (RIGHT - LEFT) / longest;
    let height = TOP + ROW * bars.len() as f64 + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\" fill=\"#808080\">\n<title>{title}</title>\n\
         <text x=\"10\" y=\"24\" font-size=\"16\">{title}</text>\n"
    );
    for (place, part) in legend.iter().enumerate().filter(|_| legend.len() > 1) {
        let x = LEFT + 90.0 * place as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{}\"/><text x=\"{}\" y=\"47\">{part}</text>",
            COLOURS[place],
            x + 18.0
        );
    }
    let mut above = "";
    for (place, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * place as f64;
        if bar.name != above {
            let _ = writeln!(svg, "<text x=\"10\" y=\"{}\">{}</text>", y + 14.0, bar.name);
            above = bar.name;
        }
        let mut x = LEFT;
        for (part, colour) in bar.parts.iter().zip(colours(bar.name)) {
            let width = (part * scale).max(0.0);
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>"
            );
            x += width;
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\">{}</text>",
            x + 6.0,
            y + 14.0,
            bar.label
        );
    }
    svg + "</svg>\n"
}

/// Hallway's own bars stand out when there is only one colour.
fn colours(name: &str) -> [&'static str; 2] {
    match name == Subject::Hallway.name() {
        true => [COLOURS[2], "#e8b98a"],
        false => [COLOURS[0], COLOURS[1]],
    }
}
