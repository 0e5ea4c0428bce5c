//! `hallway bench control`: what a control plane costs that very many proxies follow.

use std::process::ExitCode;

use hallway_scenario::Ground;
use hallway_world::measure::control::{Event, Figures, Measured, Order};

use super::{failed, json, note_build, options};
use crate::arguments::BenchControl;
use crate::failure::Failure;
use crate::runtime;

/// How many proxies there are, and how many with `--quick`.
const PROXIES: [u32; 2] = [1_000, 100];

/// How often everything happens.
const TIMES: u32 = 5;

/// Measures, and prints a table or JSON.
pub(crate) fn control(arguments: &BenchControl) -> Result<ExitCode, Failure> {
    let order = Order {
        proxies: arguments.proxies.unwrap_or(PROXIES[usize::from(arguments.quick)]),
        times: TIMES,
    };
    let show = !arguments.json;
    if show {
        anstream::println!("{}", heading(order.proxies));
    }
    let each = |measured: &Measured| {
        if show {
            anstream::println!("{}", row(order.proxies, measured));
        }
    };
    let options = options(Ground::Processes)?;
    let measuring =
        async |cancel| hallway_world::measure::control::control(&options, order, each, cancel).await;
    let figures = runtime::run(measuring)?.map_err(failed)?;
    if show {
        anstream::println!("{}", notes(&figures));
        note_build("bench control");
    } else {
        anstream::println!("{}", json(&figures));
    }
    Ok(ExitCode::SUCCESS)
}

fn heading(proxies: u32) -> String {
    format!(
        "A control plane that {proxies} proxies follow: medians of {TIMES}\n\n\
         {:<42} {:>12} {:>22} {:>18} {:>18}",
        "", "all have it", "CPU, control plane", "updates per proxy", "bytes per proxy"
    )
}

fn row(proxies: u32, measured: &Measured) -> String {
    let cpu = match measured.cpu_ms {
        Some(spread) => {
            let each = spread.median * 1e3 / f64::from(proxies);
            format!("{:.0} ms ({each:.0} µs each)", spread.median)
        }
        None => "unknown".to_owned(),
    };
    format!(
        "{:<42} {:>9.0} ms {cpu:>22} {:>18.1} {:>18.0}",
        words(measured.event),
        measured.seconds.median * 1e3,
        measured.updates_per_proxy,
        measured.bytes_per_proxy,
    )
}

fn words(event: Event) -> &'static str {
    match event {
        Event::Join => "all join at once (once)",
        Event::InitialLoad => "all open their streams at once (once)",
        Event::EndpointChange => "a workload moves",
        Event::EndpointChangeAnsweredAnew => "the same, each answer over a new connection",
        Event::RuleChange => "a route changes",
        Event::Burst => "a hundred workloads move",
        Event::StreamsDrop => "all streams drop, and come back at once",
        Event::Restart => "the control plane dies and starts again",
    }
}

fn notes(figures: &Figures) -> String {
    let memory = match figures.memory {
        Some(memory) => format!("{:.0} MiB ({})", memory.kib() as f64 / 1024.0, memory.words()),
        None => "unknown".to_owned(),
    };
    format!(
        "\nThe control plane, with all of them connected, occupies {memory}. Each proxy has {} route tables and clusters, and {} endpoints.",
        figures.services, figures.proxies,
    )
}
