//! Whether a request may pass, by the authorization policies of this workload (Istio's `AuthorizationPolicy`).

use hallway_model::telemetry::{Denial, Direction};
use hallway_traffic::authorization::{AuthorizationRequest, Decision, decide};

use crate::access::Exchange;
use crate::configuration::Configuration;
use crate::downstream::Downstream;
use crate::head::Head;
use crate::reply::LocalReply;

/// Refuses what the policies do not let pass. They are asked for each request, so a connection that is open already is no way around new
/// ones. Without policies nobody looks at the method and the path.
pub(crate) fn authorize(
    configuration: &Configuration,
    downstream: &Downstream,
    head: &Head,
    request_principal: Option<&str>,
    exchange: &mut Exchange,
) -> Result<(), LocalReply> {
    let policies = configuration.authorization(downstream.direction);
    let at_the_edge = downstream.direction == Direction::Gateway;
    if policies.is_empty() && !at_the_edge {
        return Ok(());
    }
    // At the edge the routes themselves say what may be reached: nobody may go around them by another spelling.
    let (method, path) = head.read()?;
    if policies.is_empty() {
        return Ok(());
    }
    let request = AuthorizationRequest {
        peer: downstream.peer.as_ref().map(|peer| peer.for_authorization()),
        request_principal,
        method,
        path: &path,
    };
    let denial = match decide(policies, &request) {
        Decision::Allowed => return Ok(()),
        Decision::NotAllowed => Denial::NotAllowed,
        Decision::Denied(rule) => Denial::Denied {
            rule: rule.name.clone(),
            origin: rule.origin.clone(),
        },
    };
    Err(exchange.deny(denial))
}
