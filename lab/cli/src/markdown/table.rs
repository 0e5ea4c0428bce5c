//! Tables, in columns that fit.

use anstyle::Style;
use hallway_grade::report::Styles;
use hallway_grade::report::styles::paint;

use super::inline;

/// The least width of a column.
const LEAST: usize = 8;

/// The gap between columns.
const GAP: &str = "  ";

/// The lines of a table that is written as `rows`, of which the second divides the head from the others.
pub(super) fn lines(rows: &[&str], width: usize) -> Vec<String> {
    let cells: Vec<Vec<&str>> = rows
        .iter()
        .filter(|row| !is_divider(row))
        .map(|row| cells(row))
        .collect();
    let count = cells.iter().map(Vec::len).max().unwrap_or(0);
    let natural = (0..count).map(|column| {
        let of_column = cells.iter().filter_map(|row| row.get(column));
        of_column.map(|cell| inline::width(cell)).max().unwrap_or(0)
    });
    let widths = fitted(
        natural.collect(),
        width.saturating_sub(GAP.len() * count.saturating_sub(1)),
    );
    let mut lines = Vec::new();
    for (index, row) in cells.iter().enumerate() {
        let style = if index == 0 {
            Style::new().bold()
        } else {
            Style::new()
        };
        lines.extend(row_lines(row, &widths, style));
        if index == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            lines.push(paint(Styles::coloured().quiet, rule.join(GAP)));
        }
    }
    lines
}

fn row_lines(row: &[&str], widths: &[usize], style: Style) -> Vec<String> {
    let columns: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| inline::wrapped(cell, *width, style))
        .collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let line = |at: usize| {
        let cells = columns.iter().zip(widths).map(|(lines, width)| {
            let text = lines.get(at).map_or("", String::as_str);
            let padding = width.saturating_sub(inline::shown(text));
            format!("{text}{:padding$}", "")
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// The widths of columns, the widest made narrower until all fit into `room`.
fn fitted(mut widths: Vec<usize>, room: usize) -> Vec<usize> {
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max().filter(|widest| **widest > LEAST) {
            Some(widest) => *widest -= 1,
            None => break,
        }
    }
    widths
}

fn cells(row: &str) -> Vec<&str> {
    let row = row.trim().trim_start_matches('|');
    let row = row.strip_suffix('|').unwrap_or(row);
    row.split('|').map(str::trim).collect()
}

fn is_divider(row: &str) -> bool {
    row.contains('-') && row.chars().all(|character| "|-: ".contains(character))
}
