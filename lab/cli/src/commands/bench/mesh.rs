//! A scenario for so many machines: 20 requests a second from services to others, with mutual TLS and faults.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// The machines that run no workload: the control plane's and the lab's.
const OTHER_MACHINES: u32 = 2;

/// The requests of all streams together, per second; each crosses one pair of sidecars.
const RATE: u32 = 20;

/// Four faults in a minute.
const TIMELINE: &str = "\
timeline:
  - { at: 10s, fault: { delay: { from: service-1, to: service-2, by: 20ms } } }
  - { at: 20s, fault: { heal: { from: service-1, to: service-2 } } }
  - { at: 25s, fault: { crash: service-2-1 } }
  - { at: 30s, fault: { restart: service-2-1 } }
  - { at: 35s, fault: { cut: { from: service-1, to: service-2-2 } } }
  - { at: 38s, fault: { heal: { from: service-1, to: service-2-2 } } }
  - { at: 45s, fault: { loss: { from: service-1, to: service-2, share: 1% } } }
";

/// A mesh to be measured.
pub(super) struct Mesh {
    machines: u32,
    /// The replicas of each service.
    replicas: Vec<u32>,
}

impl Mesh {
    /// A mesh of so many machines.
    pub(super) fn of(machines: u32) -> Self {
        let workloads = machines.saturating_sub(OTHER_MACHINES).max(2);
        // At least a caller and a callee, and at most as many replicas as a scenario may have.
        let most = (workloads / 2).min(20);
        let whole = workloads / most;
        let mut replicas = vec![most; whole as usize];
        replicas.extend(Some(workloads % most).filter(|rest| *rest > 0));
        Self { machines, replicas }
    }

    /// The scenario's name.
    pub(super) fn name(&self) -> String {
        format!("mesh-{}", self.machines)
    }

    /// Writes the scenario and its rules into `directory`.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join("scenario.yaml"), self.scenario())?;
        std::fs::write(directory.join("rules.yaml"), self.rules())
    }

    fn scenario(&self) -> String {
        let mut text = format!(
            "scenario: {}\ntitle: a mesh of {} machines\nteaches: How fast the simulator is\n\
             grounds: {{ simulated: its network loses packets }}\ntopology:\n  services:\n",
            self.name(),
            self.machines
        );
        for (service, replicas) in (1_u32..).zip(&self.replicas) {
            let callee = service + 1;
            let calls = match self.is_caller(service) {
                true => format!(", calls: [service-{callee}]"),
                false => String::new(),
            };
            let _ = writeln!(text, "    service-{service}: {{ replicas: {replicas}{calls} }}");
        }
        text += "rules: rules.yaml\ntraffic:\n";
        let streams = self.streams();
        for stream in 1..=streams {
            let (from, to, rate) = (stream * 2 - 1, stream * 2, RATE / streams);
            let _ = writeln!(
                text,
                "  stream-{stream}: {{ from: service-{from}, to: http://service-{to}/work, rate: {rate}/s, for: 60s }}"
            );
        }
        text += TIMELINE;
        text += "checks:\n  answered: { responses: { traffic: stream-1, status: 200, count: \">= 1\" } }\n\
                 controls:\n  broken:\n    topology: { services: { service-2: { behaviour: { status: 500 } } } }\n    \
                 must_fail: { answered: \"500\" }\n";
        text
    }

    fn rules(&self) -> String {
        let mut text = String::new();
        for service in 1..=self.replicas.len() {
            let _ = writeln!(
                text,
                "apiVersion: v1\nkind: Service\nmetadata: {{ name: service-{service}, namespace: shop }}\n\
                 spec: {{ ports: [{{ name: http, port: 80 }}] }}\n---"
            );
        }
        text += "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
                 metadata: { name: retries, namespace: shop }\nspec:\n  \
                 parentRefs: [{ group: \"\", kind: Service, name: service-2 }]\n  rules:\n    \
                 - backendRefs: [{ name: service-2, port: 80 }]\n      \
                 retry: { codes: [503], attempts: 2, backoff: 25ms }\n";
        text
    }

    /// Every other service calls the one after it.
    fn is_caller(&self, service: u32) -> bool {
        !service.is_multiple_of(2) && (service as usize) < self.replicas.len()
    }

    /// How many callers have traffic: a number that divides the rate.
    fn streams(&self) -> u32 {
        match self.replicas.len() / 2 {
            0 | 1 => 1,
            2 | 3 => 2,
            4 => 4,
            _ => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use hallway_scenario::load_directory;

    use super::Mesh;

    #[test]
    fn meshes_of_all_sizes_are_valid_scenarios() {
        for machines in [6, 14, 200, 1_000] {
            let mesh = Mesh::of(machines);
            assert_eq!(mesh.replicas.iter().sum::<u32>(), machines - 2);
            let directory = std::env::temp_dir()
                .join(format!("hallway-test-{}", std::process::id()))
                .join(mesh.name());
            mesh.write(&directory)
                .expect("the temporary directory can be written to");
            let loaded = load_directory(&directory);
            std::fs::remove_dir_all(&directory).expect("it was there");
            if let Err(error) = loaded {
                panic!("{machines} machines: {error}");
            }
        }
    }
}
