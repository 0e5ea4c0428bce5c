//! Where each workload is, as seen by its callers: through the wire, where that is made of relays.

use std::collections::BTreeMap;

use hallway_control::api::{RegisterWorkload, WorkloadEndpoint};

use crate::error::WorldError;
use crate::mesh::Mesh;
use crate::plan::Plan;
use crate::wire::Edge;

/// Tells the control plane where every workload is.
///
/// # Errors
/// When there is no port for a relay, or the control plane does not take it.
pub(super) async fn publish(plan: &Plan, mesh: &Mesh) -> Result<(), WorldError> {
    for workload in &plan.workloads {
        publish_one(plan, mesh, &workload.name, &workload.name).await?;
    }
    for claim in &plan.claims {
        let registration = registration(plan, &claim.name, &claim.service, &claim.service_account);
        // Nobody will join with its token: there is no such program.
        mesh.control.register(&registration).await?;
        publish_one(plan, mesh, &claim.name, &claim.really).await?;
    }
    Ok(())
}

/// What the control plane is to know of a workload before it starts.
pub(super) fn registration(
    plan: &Plan,
    name: &str,
    service: &str,
    service_account: &str,
) -> RegisterWorkload {
    RegisterWorkload {
        name: name.to_owned(),
        namespace: plan.namespace.clone(),
        service: service.to_owned(),
        service_account: service_account.to_owned(),
    }
}

/// Every caller gets an edge of its own, since a route can lead it to any workload.
async fn publish_one(plan: &Plan, mesh: &Mesh, name: &str, really: &str) -> Result<(), WorldError> {
    let inbound = mesh.sidecars[really].inbound;
    let mut seen_from = BTreeMap::new();
    for caller in plan.callers() {
        let edge = Edge {
            from: caller.name.clone(),
            to: name.to_owned(),
            target: inbound,
        };
        let address = mesh.edge(edge).await?;
        if address != inbound {
            seen_from.insert(caller.name.clone(), address);
        }
    }
    let endpoint = WorkloadEndpoint {
        inbound,
        application: mesh.applications[really].address,
        ready: true,
        seen_from,
    };
    mesh.control.put_endpoint(name, &endpoint).await
}
