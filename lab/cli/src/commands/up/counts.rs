//! What proxies have counted, in words. Pure.

use std::collections::BTreeMap;

use hallway_model::telemetry::Direction;
use hallway_world::up::{Counts, ProxyCounts, StatusClass};

/// How many characters a column takes at least.
const COLUMN: usize = 22;

/// A line per proxy, under a line that says what they mean.
pub(super) fn table(counts: &Counts) -> String {
    let rows = counts.iter().map(|(proxy, counted)| row(proxy, counted));
    let heading = columns("requests", "in", "out", "");
    std::iter::once(heading)
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}

/// All in one line.
pub(super) fn line(counts: &Counts) -> String {
    let side = |(direction, counted): (&Direction, &BTreeMap<StatusClass, u64>)| {
        format!("{} {}", direction.as_str(), classes(counted))
    };
    let proxy = |(proxy, counted): (&String, &ProxyCounts)| {
        let sides: Vec<String> = counted.requests.iter().map(side).collect();
        (counted.total() > 0).then(|| format!("{proxy} {}", sides.join(", ")))
    };
    let proxies: Vec<String> = counts.iter().filter_map(proxy).collect();
    match proxies.is_empty() {
        true => "no requests".to_owned(),
        false => format!("requests: {}", proxies.join("; ")),
    }
}

/// What one proxy has counted: what came in from the mesh, or from outside of it, and what went out into it.
fn row(proxy: &str, counted: &ProxyCounts) -> String {
    let side = |direction| counted.requests.get(&direction).map(classes).unwrap_or_default();
    let came_in = side(Direction::Gateway) + &side(Direction::Inbound);
    let refused = match counted.refused_handshakes {
        0 => String::new(),
        refused => format!("{refused} handshakes refused"),
    };
    columns(
        proxy,
        &or_dash(came_in),
        &or_dash(side(Direction::Outbound)),
        &refused,
    )
}

/// `2xx 11 4xx 1`
fn classes(counted: &BTreeMap<StatusClass, u64>) -> String {
    let class = |(class, count): (&StatusClass, &u64)| format!("{} {count}", class.as_str());
    counted.iter().map(class).collect::<Vec<_>>().join(" ")
}

fn or_dash(words: String) -> String {
    match words.is_empty() {
        true => "–".to_owned(),
        false => words,
    }
}

fn columns(proxy: &str, came_in: &str, out: &str, refused: &str) -> String {
    let line = format!(" {proxy:<COLUMN$} {came_in:<COLUMN$} {out:<COLUMN$} {refused}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hallway_model::telemetry::Direction;
    use hallway_world::up::{Counts, ProxyCounts, StatusClass};

    use super::{line, table};

    fn counts() -> Counts {
        let good = |count| BTreeMap::from([(StatusClass::Successful, count)]);
        let mixed = BTreeMap::from([(StatusClass::Successful, 11), (StatusClass::ClientError, 1)]);
        let proxy = |requests: &[(Direction, BTreeMap<StatusClass, u64>)], refused_handshakes| ProxyCounts {
            requests: requests.iter().cloned().collect(),
            refused_handshakes,
        };
        Counts::from([
            ("front-1".to_owned(), proxy(&[(Direction::Gateway, mixed)], 2)),
            (
                "storefront-1".to_owned(),
                proxy(
                    &[(Direction::Inbound, good(11)), (Direction::Outbound, good(12))],
                    0,
                ),
            ),
            ("orders-1".to_owned(), proxy(&[], 0)),
        ])
    }

    #[test]
    fn there_is_a_line_for_each_proxy() {
        insta::assert_snapshot!(table(&counts()), @"
        requests               in                     out
        front-1                2xx 11 4xx 1           –                      2 handshakes refused
        orders-1               –                      –
        storefront-1           2xx 11                 2xx 12
        ");
    }

    #[test]
    fn in_one_line_only_those_are_told_that_had_requests() {
        insta::assert_snapshot!(line(&counts()), @"requests: front-1 gateway 2xx 11 4xx 1; storefront-1 outbound 2xx 12, inbound 2xx 11");
        assert_eq!(line(&Counts::new()), "no requests");
    }
}
