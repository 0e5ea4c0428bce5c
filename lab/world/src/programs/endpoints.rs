//! Where each workload is, as seen by its callers: through the wire, where that is made of relays.

use std::collections::BTreeMap;

use hallway_control::api::{KnownWorkload, RegisterWorkload, WorkloadEndpoint};

use crate::error::WorldError;
use crate::mesh::Mesh;
use crate::plan::{Claim, Front, Plan, Workload};
use crate::wire::Edge;

/// Tells the control plane where these workloads are, with the claims that are really them, and returns what it was told, by names.
///
/// # Errors
/// When there is no port for a relay, or the control plane does not take it.
pub(super) async fn publish(
    plan: &Plan,
    mesh: &Mesh,
    workloads: &[&Workload],
) -> Result<BTreeMap<String, WorkloadEndpoint>, WorldError> {
    let mut endpoints = BTreeMap::new();
    for workload in workloads {
        let endpoint = endpoint(plan, mesh, &workload.name, &workload.name).await?;
        endpoints.insert(workload.name.clone(), endpoint);
    }
    let are_meant = |claim: &&Claim| workloads.iter().any(|workload| workload.name == claim.really);
    for claim in plan.claims.iter().filter(are_meant) {
        // Nobody will join with its token: there is no such program.
        mesh.control.register(&claimed(plan, claim)).await?;
        let endpoint = endpoint(plan, mesh, &claim.name, &claim.really).await?;
        endpoints.insert(claim.name.clone(), endpoint);
    }
    for (name, endpoint) in &endpoints {
        mesh.control.put_endpoint(name, endpoint).await?;
    }
    Ok(endpoints)
}

/// What the control plane is to know of a workload before it starts.
pub(super) fn registration(plan: &Plan, workload: &Workload) -> RegisterWorkload {
    RegisterWorkload {
        name: workload.name.clone(),
        namespace: plan.namespace.clone(),
        service: workload.service.clone(),
        service_account: workload.identity.service_account().to_owned(),
        gateway: None,
    }
}

/// What the control plane is to know of the gateway before it starts.
pub(super) fn gateway_registration(plan: &Plan, front: &Front) -> RegisterWorkload {
    RegisterWorkload {
        name: front.name.clone(),
        namespace: plan.namespace.clone(),
        service: front.gateway.clone(),
        service_account: front.gateway.clone(),
        gateway: Some(front.gateway.clone()),
    }
}

/// All that the control plane knew of workloads and claims.
pub(super) fn known(plan: &Plan, endpoints: &BTreeMap<String, WorkloadEndpoint>) -> Vec<KnownWorkload> {
    let workloads = plan.workloads.iter().map(|workload| registration(plan, workload));
    let claims = plan.claims.iter().map(|claim| claimed(plan, claim));
    let gateway = plan.gateway.iter().map(|front| gateway_registration(plan, front));
    let known = workloads
        .chain(claims)
        .chain(gateway)
        .map(|registration| KnownWorkload {
            endpoint: endpoints.get(&registration.name).cloned(),
            registration,
        });
    known.collect()
}

fn claimed(plan: &Plan, claim: &Claim) -> RegisterWorkload {
    RegisterWorkload {
        name: claim.name.clone(),
        namespace: plan.namespace.clone(),
        service: claim.service.clone(),
        service_account: claim.service_account.clone(),
        gateway: None,
    }
}

/// Every caller gets an edge of its own, since a route can lead it to any workload.
async fn endpoint(
    plan: &Plan,
    mesh: &Mesh,
    name: &str,
    really: &str,
) -> Result<WorkloadEndpoint, WorldError> {
    let inbound = mesh.door(really);
    let mut seen_from = BTreeMap::new();
    for caller in plan.callers() {
        let edge = Edge {
            from: caller.to_owned(),
            to: name.to_owned(),
            target: inbound,
        };
        let address = mesh.edge(edge).await?;
        if address != inbound {
            seen_from.insert(caller.to_owned(), address);
        }
    }
    Ok(WorkloadEndpoint {
        inbound,
        application: mesh.applications[really].address,
        ready: true,
        sidecar: plan.has_mesh,
        seen_from,
    })
}
