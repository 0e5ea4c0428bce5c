//! `hallway bench simulator`: how fast the simulator is, and what a machine in it costs.
//!
//! Each mesh is measured in a process of its own, so that its memory can be told from that of the others.

use std::process::{Command, ExitCode, Stdio};

use hallway_scenario::{Ground, load_directory};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::mesh::Mesh;
use super::{json, note_build, options};
use crate::arguments::BenchSimulator;
use crate::failure::Failure;

/// The meshes that are measured: that of the stated goal, and how it grows.
const MACHINES: [u32; 3] = [14, 200, 1_000];

/// What was measured of one mesh.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Measured {
    /// The machines, those of the control plane and of the lab included.
    machines: u32,
    /// The virtual time from the first program's start to the last one's end.
    virtual_seconds: f64,
    /// How long that took.
    wall_seconds: f64,
    /// The first divided by the second.
    virtual_seconds_per_second: f64,
    /// The requests of clients; each crosses one pair of sidecars.
    requests: u64,
    /// Those per second of wall time.
    requests_per_second: f64,
    /// The peak of resident memory, the evidence of the run included, above what the process had before; absent where the system does not tell.
    memory_kib_per_machine: Option<u64>,
}

/// Measures, and prints a table or JSON.
pub(crate) fn simulator(arguments: &BenchSimulator) -> Result<ExitCode, Failure> {
    if let Some(machines) = arguments.machines {
        let measured = measure(machines)?;
        anstream::println!("{}", json(&measured));
        return Ok(ExitCode::SUCCESS);
    }
    let meshes = if arguments.quick {
        &MACHINES[..1]
    } else {
        &MACHINES
    };
    if !arguments.json {
        anstream::println!("{}", heading());
    }
    let mut all = Vec::new();
    for machines in meshes {
        let measured = in_a_process(*machines)?;
        if !arguments.json {
            anstream::println!("{}", row(&measured));
        }
        all.push(measured);
    }
    if arguments.json {
        anstream::println!("{}", json(&all));
    } else {
        note_build("bench simulator");
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures one mesh in a process of its own.
fn in_a_process(machines: u32) -> Result<Measured, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::lab(format_args!("cannot measure {machines} machines: {error}"))
    };
    let binary = std::env::current_exe().map_err(|error| failed(&error))?;
    let output = Command::new(binary)
        .args(["bench", "simulator", "--machines", &machines.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))
}

/// Measures one mesh in this process.
fn measure(machines: u32) -> Result<Measured, Failure> {
    let mesh = Mesh::of(machines);
    let directory = std::env::temp_dir().join(format!("hallway-{}", std::process::id()));
    let directory = directory.join(mesh.name());
    let written = mesh.write(&directory);
    let loaded = written
        .map_err(|error| Failure::lab(format_args!("cannot write {}: {error}", directory.display())))
        .and_then(|()| load_directory(&directory).map_err(Failure::lab));
    let measured = loaded.and_then(|loaded| {
        let before = memory_kib("VmRSS:");
        let started = Instant::now();
        let simulated =
            hallway_world::simulate(&loaded.scenario, &loaded.files, &options(Ground::Simulated)?);
        let wall_seconds = started.elapsed().as_secs_f64();
        let simulated = simulated.map_err(Failure::lab)?;
        if let Some(incident) = simulated.observations.incidents.first() {
            return Err(Failure::lab(format_args!("{}: {}", incident.who, incident.what)));
        }
        let used = Option::zip(memory_kib("VmHWM:"), before);
        let requests = simulated.observations.client.len() as u64;
        let virtual_seconds = simulated.virtual_time.as_secs_f64();
        Ok(Measured {
            machines,
            virtual_seconds,
            wall_seconds,
            virtual_seconds_per_second: virtual_seconds / wall_seconds,
            requests,
            requests_per_second: requests as f64 / wall_seconds,
            memory_kib_per_machine: used
                .map(|(peak, before)| peak.saturating_sub(before) / u64::from(machines)),
        })
    });
    // It is in the way of nobody if it cannot be removed.
    let _ = directory.parent().map(std::fs::remove_dir_all);
    measured
}

/// A line of `/proc/self/status`, where there is one.
fn memory_kib(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn heading() -> String {
    format!(
        "{:>9} {:>10} {:>8} {:>20} {:>12} {:>20}",
        "machines", "virtual s", "wall s", "virtual s per second", "requests/s", "memory per machine"
    )
}

fn row(measured: &Measured) -> String {
    let memory = match measured.memory_kib_per_machine {
        Some(kib) => format!("{kib} KiB"),
        None => "unknown".to_owned(),
    };
    format!(
        "{:>9} {:>10.1} {:>8.2} {:>20.0} {:>12.0} {memory:>20}",
        measured.machines,
        measured.virtual_seconds,
        measured.wall_seconds,
        measured.virtual_seconds_per_second,
        measured.requests_per_second,
    )
}
