//! `hallway bench lab`: what a mesh costs a lab as a whole, beside the same services without one.

use std::process::ExitCode;

use hallway_scenario::Ground;
use hallway_world::measure::Spread;
use hallway_world::measure::lab::{Cost, Figures, Order};
use hallway_world::measure::process::Memory;
use tokio_util::sync::CancellationToken;

use super::{failed, json, note_build, options};
use crate::arguments::BenchLab;
use crate::failure::Failure;
use crate::runtime;

/// How many services there are.
const SERVICES: [u32; 3] = [3, 12, 40];

/// How often they are started, and how often with `--quick`.
const TIMES: [u32; 2] = [5, 1];

/// Measures, and prints a table or JSON.
pub(crate) fn lab(arguments: &BenchLab) -> Result<ExitCode, Failure> {
    let sizes = match (&arguments.services, arguments.quick) {
        (Some(services), _) => std::slice::from_ref(services),
        (None, true) => &SERVICES[..2],
        (None, false) => &SERVICES,
    };
    let times = TIMES[usize::from(arguments.quick)];
    let measuring = async |cancel: CancellationToken| {
        let mut all = Vec::new();
        if !arguments.json {
            anstream::println!("{}", heading(times));
        }
        for services in sizes {
            let order = Order {
                services: *services,
                times,
            };
            let figures = hallway_world::measure::lab::lab(&options(Ground::Processes)?, order, &cancel)
                .await
                .map_err(failed)?;
            if !arguments.json {
                anstream::println!("{}", rows(&figures));
            }
            all.push(figures);
        }
        Ok::<_, Failure>(all)
    };
    let all = runtime::run(measuring)??;
    if arguments.json {
        anstream::println!("{}", json(&all));
    } else {
        anstream::println!("{}", notes(&all));
        note_build("bench lab");
    }
    Ok(ExitCode::SUCCESS)
}

fn heading(times: u32) -> String {
    let started = match times {
        1 => "started once".to_owned(),
        times => format!("started {times} times; medians"),
    };
    format!(
        "Real processes, {started}\n\n{:<30} {:>10} {:>12} {:>14} {:>16} {:>16}",
        "", "processes", "memory", "first answer", "rules: all ACK", "rules: in force"
    )
}

fn rows(figures: &Figures) -> String {
    let services = figures.services;
    let cost = |name: &str, cost: &Cost| {
        format!(
            "{:<30} {:>10} {:>12} {:>14}",
            format!("{services} services {name}"),
            cost.processes,
            mebibytes(cost.memory),
            milliseconds(cost.first_answer_seconds),
        )
    };
    let (alone, meshed) = (&figures.alone, &figures.meshed);
    let difference = |more: f64, less: f64| format!("{:+.0} ms", (more - less) * 1e3);
    let more_memory = Option::zip(meshed.memory, alone.memory)
        .map_or("unknown".to_owned(), |(meshed, alone)| {
            format!("{:+.1} MiB", in_mebibytes(meshed) - in_mebibytes(alone))
        });
    [
        cost("alone", alone),
        cost("with a mesh", meshed)
            + &format!(
                " {:>16} {:>16}",
                milliseconds(figures.acknowledged_seconds),
                milliseconds(figures.observed_seconds)
            ),
        format!(
            "{:<30} {:>10} {:>12} {:>14}",
            "  so the mesh costs",
            format!("{:+}", meshed.processes - alone.processes),
            more_memory,
            difference(
                meshed.first_answer_seconds.median,
                alone.first_answer_seconds.median
            ),
        ),
        format!(
            "  {} a sidecar, {} the control plane",
            figures.sidecars.map_or("unknown".to_owned(), |sidecars| format!(
                "{:.1} MiB",
                in_mebibytes(sidecars) / f64::from(services)
            )),
            mebibytes(figures.control_plane)
        ),
    ]
    .join("\n")
}

fn notes(all: &[Figures]) -> String {
    let counted = all.iter().find_map(|figures| figures.meshed.memory);
    let counted = counted.map_or("unknown here", Memory::words);
    format!(
        "\nMemory is {counted}, after a few requests. First answer: from the first program's start until one service has had an answer of another \
         (through both of their sidecars). All ACK: from a push of rules until every sidecar has put them in force, as the control plane has heard; in force: \
         until a request shows it. Both are looked for every 2 ms."
    )
}

fn milliseconds(spread: Spread<f64>) -> String {
    format!("{:.0} ms", spread.median * 1e3)
}

fn mebibytes(memory: Option<Memory>) -> String {
    memory.map_or("unknown".to_owned(), |memory| {
        format!("{:.1} MiB", in_mebibytes(memory))
    })
}

fn in_mebibytes(memory: Memory) -> f64 {
    memory.kib() as f64 / 1024.0
}
