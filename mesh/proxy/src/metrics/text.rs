//! The series of all workers as OpenMetrics text.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use hallway_model::telemetry::ResponseFlag;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::series::{
    AttemptLabels, BUCKETS, DenialLabels, Durations, RequestLabels, RouteLabels, Series, Totals,
};

/// Adds the workers up whenever somebody asks.
#[derive(Debug)]
pub(super) struct Sums(pub(super) Vec<Arc<Series>>);

/// Names and values of labels, in order.
type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

impl Collector for Sums {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut totals = Totals::default();
        self.0.iter().for_each(|series| totals.add(series));
        let mut described =
            |name: &str, help: &str, kind, write: &dyn Fn(MetricEncoder<'_>) -> fmt::Result| {
                write(encoder.encode_descriptor(name, help, None, kind)?)
            };
        described(
            "requests",
            "Requests, at their end; response_code 0: none.",
            MetricType::Counter,
            &|metric| {
                counters(
                    metric,
                    totals
                        .requests
                        .iter()
                        .map(|(labels, count)| (request(labels), *count)),
                )
            },
        )?;
        described(
            "request_duration_seconds",
            "From the arrival of a request to the end of its response.",
            MetricType::Histogram,
            &|metric| {
                histograms(
                    metric,
                    totals
                        .durations
                        .iter()
                        .map(|(labels, durations)| (route(labels), durations)),
                )
            },
        )?;
        described(
            "attempts",
            "Attempts to have a request answered; response_code 0: none.",
            MetricType::Counter,
            &|metric| {
                counters(
                    metric,
                    totals
                        .attempts
                        .iter()
                        .map(|(labels, count)| (attempt(labels), *count)),
                )
            },
        )?;
        described(
            "retries",
            "Attempts after the first.",
            MetricType::Counter,
            &|metric| {
                counters(
                    metric,
                    totals
                        .retries
                        .iter()
                        .map(|(labels, count)| (route(labels), *count)),
                )
            },
        )?;
        described(
            "retries_overflowed",
            "Retries that did not happen: the retry budget was spent.",
            MetricType::Counter,
            &|metric| {
                counters(
                    metric,
                    totals
                        .overflows
                        .iter()
                        .map(|(labels, count)| (route(labels), *count)),
                )
            },
        )?;
        described(
            "requests_denied",
            "Requests refused for their token, or by an authorization policy; rule none: none allowed them.",
            MetricType::Counter,
            &|metric| {
                counters(
                    metric,
                    totals
                        .denials
                        .iter()
                        .map(|(labels, count)| (denial(labels), *count)),
                )
            },
        )
    }
}

fn counters<'a>(
    mut metric: MetricEncoder<'_>,
    counts: impl Iterator<Item = (Labels<'a>, u64)>,
) -> fmt::Result {
    for (labels, count) in counts {
        metric
            .encode_family(&labels)?
            .encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
    }
    Ok(())
}

fn histograms<'a>(
    mut metric: MetricEncoder<'_>,
    histograms: impl Iterator<Item = (Labels<'a>, &'a Durations)>,
) -> fmt::Result {
    for (labels, durations) in histograms {
        let bounds = BUCKETS.into_iter().chain([f64::MAX]);
        let buckets: Vec<(f64, u64)> = bounds.zip(durations.buckets).collect();
        metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            durations.sum,
            durations.count(),
            &buckets,
            None,
        )?;
    }
    Ok(())
}

/// The names of these labels are Istio's.
fn request(labels: &RequestLabels) -> Labels<'_> {
    vec![
        ("direction", labels.direction.as_str().into()),
        ("route", labels.route.as_str().into()),
        ("cluster", labels.cluster.as_str().into()),
        ("source_principal", labels.source.as_str().into()),
        ("destination_principal", labels.destination.as_str().into()),
        ("response_code", labels.response_code.to_string().into()),
        ("response_flags", words(&labels.flags).into()),
    ]
}

fn denial(labels: &DenialLabels) -> Labels<'_> {
    vec![
        ("direction", labels.direction.as_str().into()),
        ("because", labels.because.as_str().into()),
        ("rule", labels.rule.as_str().into()),
    ]
}

fn route(labels: &RouteLabels) -> Labels<'_> {
    vec![
        ("direction", labels.direction.as_str().into()),
        ("route", labels.route.as_str().into()),
        ("cluster", labels.cluster.as_str().into()),
    ]
}

fn attempt(labels: &AttemptLabels) -> Labels<'_> {
    vec![
        ("direction", labels.direction.as_str().into()),
        ("cluster", labels.cluster.as_str().into()),
        ("response_code", labels.response_code.to_string().into()),
    ]
}

/// The flags as the access log shows them; `-` when there is none.
fn words(flags: &[ResponseFlag]) -> String {
    let words: Vec<String> = flags.iter().map(|flag| format!("{flag:?}")).collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(",")
    }
}
