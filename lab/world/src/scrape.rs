//! Scrapes of the proxies' metrics, in the Prometheus text format.
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_evidence::Sample;
use thiserror::Error;
use tokio::time::Instant;

use crate::http_client::{ClientError, HttpClient};
use crate::mesh::AdminAddress;

/// The pause between two scrapes that are compared.
const PAUSE: Duration = Duration::from_millis(25);

/// How long counters may go on growing after the last outcome.
const QUIET_WITHIN: Duration = Duration::from_secs(2);

/// Why there are no metrics.
#[derive(Debug, Error)]
pub(crate) enum ScrapeError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the admin endpoint answered {0}")]
    Status(http::StatusCode),
    #[error("the metrics are no text")]
    Encoding(#[from] std::str::Utf8Error),
    #[error(transparent)]
    Sample(#[from] SampleError),
}

/// A line that is no sample.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("line {line} of the metrics is no sample: `{text}`")]
pub(crate) struct SampleError {
    line: usize,
    text: String,
}

/// Scrapes until two scrapes in a row agree: a proxy counts a request a moment after its caller has the answer.
///
/// # Errors
/// [`ScrapeError`].
pub(crate) async fn scrape_when_quiet(
    client: &HttpClient,
    admin: &AdminAddress,
) -> Result<Vec<Sample>, ScrapeError> {
    let deadline = Instant::now() + QUIET_WITHIN;
    let mut before = scrape(client, admin).await?;
    loop {
        tokio::time::sleep(PAUSE).await;
        let now = scrape(client, admin).await?;
        if now == before || Instant::now() >= deadline {
            return Ok(now);
        }
        before = now;
    }
}

/// Scrapes once.
///
/// # Errors
/// [`ScrapeError`].
pub(crate) async fn scrape(client: &HttpClient, admin: &AdminAddress) -> Result<Vec<Sample>, ScrapeError> {
    let response = client
        .send(admin.address, admin.get("/metrics"), &mut None)
        .await?;
    if !response.status().is_success() {
        return Err(ScrapeError::Status(response.status()));
    }
    Ok(parse(std::str::from_utf8(response.body())?)?)
}

/// Reads all samples of a scrape. Comments, types and timestamps are passed over.
fn parse(text: &str) -> Result<Vec<Sample>, SampleError> {
    let is_sample = |(_, line): &(usize, &str)| !line.trim().is_empty() && !line.starts_with('#');
    let samples = text.lines().enumerate().filter(is_sample);
    let parsed = samples.map(|(index, line)| {
        parse_sample(line).ok_or_else(|| SampleError {
            line: index + 1,
            text: line.to_owned(),
        })
    });
    parsed.collect()
}

/// `name{label="value",…} value [timestamp]`
fn parse_sample(line: &str) -> Option<Sample> {
    let end_of_name = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(end_of_name);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(labels) => parse_labels(labels)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    (!name.is_empty()).then(|| Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// The labels, and what comes after their closing brace.
fn parse_labels(mut text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        text = text.trim_start_matches([',', ' ']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let (value, rest) = parse_quoted(rest)?;
        labels.insert(name.trim().to_owned(), value);
        text = rest;
    }
}

/// A value up to its closing quote, with `\\`, `\"` and `\n` unescaped, and what comes after it.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse, parse_sample};

    #[test]
    fn a_scrape_is_read() {
        let text = "# HELP hallway_requests Requests.\n\
                    # TYPE hallway_requests counter\n\
                    hallway_requests_total{direction=\"inbound\",status=\"200\"} 80\n\
                    hallway_requests_total{ direction=\"a \\\"b\\\" \\\\ \\n{},\", } 1.5e3 1700000000\n\
                    hallway_uptime +Inf\n\
                    # EOF\n";
        let samples = parse(text).unwrap();
        let shown: Vec<String> = samples
            .iter()
            .map(|sample| format!("{} {:?} {}", sample.name, sample.labels, sample.value))
            .collect();
        assert_eq!(
            shown,
            [
                r#"hallway_requests_total {"direction": "inbound", "status": "200"} 80"#,
                r#"hallway_requests_total {"direction": "a \"b\" \\ \n{},"} 1500"#,
                "hallway_uptime {} inf",
            ]
        );
    }

    #[test]
    fn what_is_no_sample_is_named_with_its_line() {
        for bad in ["name", "name{a=\"b} 1", "name{a=b} 1", "name one", "{} 1"] {
            let error = parse(&format!("fine 1\n{bad}\n")).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("line 2 of the metrics is no sample: `{bad}`")
            );
        }
    }

    proptest! {
        #[test]
        fn every_value_of_a_label_comes_back(value in "[ -~\n]{0,20}", number in -1e9..1e9f64) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let sample = parse_sample(&format!("name{{label=\"{escaped}\"}} {number}")).unwrap();
            prop_assert_eq!(&sample.labels["label"], &value);
            prop_assert!((sample.value - number).abs() < 1e-6);
        }
    }
}
