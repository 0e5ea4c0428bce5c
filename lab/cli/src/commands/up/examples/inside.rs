//! Commands that call services as the application beside a sidecar does: through its outbound listener, as through an HTTP proxy.

use hallway_scenario::Scenario;
use hallway_scenario::traffic::TrafficProtocol;
use hallway_world::up::{Places, SidecarPlace};

use super::{Example, Examples, curl, method};

/// The requests that the load generator would send, and the calls that the services make; each beside the first replica.
pub(super) fn examples(scenario: &Scenario, places: &Places) -> Examples {
    let mut examples = Examples::default();
    let sidecar_of = |service: &str| places.sidecars.iter().find(|sidecar| sidecar.service == service);
    for traffic in scenario.traffic.values() {
        let from = traffic.from.as_deref().or(traffic.via.as_deref());
        let Some(sidecar) = from.and_then(sidecar_of) else {
            continue;
        };
        if traffic.protocol == TrafficProtocol::Grpc {
            examples.leave_out("curl speaks no gRPC");
            continue;
        }
        let headers = traffic.headers.iter();
        let headers = headers.flat_map(|(name, value)| ["-H".to_owned(), format!("{name}: {value}")]);
        examples.add(example(sidecar, traffic.method(), &traffic.to, headers.collect()));
    }
    for (name, service) in &scenario.topology.services {
        let Some(sidecar) = sidecar_of(name) else {
            continue;
        };
        for call in service.calls.iter().chain(&service.first_calls) {
            examples.add(example(sidecar, call.method(), &call.url(), Vec::new()));
        }
    }
    examples
}

fn example(sidecar: &SidecarPlace, verb: &str, url: &str, headers: Vec<String>) -> Example {
    let proxy = ["-x".to_owned(), format!("http://{}", sidecar.outbound)];
    let arguments = [&proxy[..], &method(verb), &headers].concat();
    Example {
        title: format!("as {}: {verb} {url}", sidecar.workload),
        command: curl(&arguments, url),
    }
}
