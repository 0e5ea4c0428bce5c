//! `footprint`: what programs take of the machine.

use hallway_evidence::Observations;
use hallway_evidence::observations::{ProgramKind, ProgramSize};
use serde_json::json;

use crate::support::{green, healthy, red};

/// Two services with their sidecars, a gateway and a control plane.
fn sized(sidecar: Option<u64>) -> Observations {
    let mut observations = healthy(1);
    let programs = [
        ("control-plane", ProgramKind::ControlPlane, Some(4_000)),
        ("front-1", ProgramKind::Gateway, Some(1_000)),
        ("orders-1", ProgramKind::Sidecar, sidecar),
        ("payments-1", ProgramKind::Sidecar, Some(1_000)),
        ("orders-1", ProgramKind::Service, Some(1_024)),
        ("payments-1", ProgramKind::Service, Some(1_024)),
    ];
    let size = |(name, kind, kibibytes): (&str, ProgramKind, Option<u64>)| ProgramSize {
        name: name.to_owned(),
        kind,
        kibibytes,
    };
    observations.programs = programs.map(size).into();
    observations
}

#[test]
fn the_mesh_and_the_services_are_counted_apart() {
    let observations = sized(Some(1_000));
    let mesh = json!({ "footprint": { "of": "mesh", "processes": "4", "mebibytes": "<= 7" } });
    assert_eq!(green(mesh, &observations), "4 processes, 7 MiB");
    let services = json!({ "footprint": { "of": "services", "processes": "<= 2" } });
    assert_eq!(green(services, &observations), "2 processes, 2 MiB");
}

#[test]
fn too_many_processes_and_too_much_memory_are_red() {
    let observations = sized(Some(2_000));
    let mesh = json!({ "footprint": { "of": "mesh", "processes": "3" } });
    assert_eq!(red(mesh, &observations), "4 processes, 8 MiB");
    let memory = json!({ "footprint": { "of": "mesh", "processes": "4", "mebibytes": "<= 7" } });
    assert_eq!(red(memory, &observations), "4 processes, 8 MiB");
}

#[test]
fn what_nobody_has_measured_is_red() {
    let mesh = json!({ "footprint": { "of": "mesh", "processes": "4", "mebibytes": "<= 7" } });
    let simulated = red(mesh.clone(), &healthy(1));
    assert!(simulated.contains("nobody has measured"), "{simulated}");
    let untold = red(mesh, &sized(None));
    assert!(untold.contains("does not tell"), "{untold}");
    let number = json!({ "footprint": { "of": "mesh", "processes": "4" } });
    assert_eq!(green(number, &sized(None)), "4 processes");
}
