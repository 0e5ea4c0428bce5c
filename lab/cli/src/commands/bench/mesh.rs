//! A scenario for so many machines: 20 requests a second through chains of services, with mutual TLS and faults.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// The machines that run no workload: the control plane's and the lab's.
const OTHER_MACHINES: u32 = 2;

/// The services of a chain: each calls the next one.
const CHAIN: u32 = 4;

/// The requests of all chains together, per second.
const RATE: u32 = 20;

/// Four faults in a minute, after each of which everything is as it was: on both grounds but for the loss of packets.
const TIMELINE: &str = "\
timeline:
  - { at: 10s, fault: { delay: { from: service-1, to: service-2, by: 20ms } } }
  - { at: 20s, fault: { heal: { from: service-1, to: service-2 } } }
  - { at: 25s, fault: { crash: service-2-1 } }
  - { at: 30s, fault: { restart: service-2-1 } }
  - { at: 35s, fault: { cut: { from: service-2-1, to: service-3 } } }
  - { at: 38s, fault: { heal: { from: service-2-1, to: service-3 } } }
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
        let workloads = machines.saturating_sub(OTHER_MACHINES).max(CHAIN);
        // At most as many replicas as a scenario may have, and at least one chain of services.
        let most = (workloads / CHAIN).clamp(1, 20);
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
        for (service, replicas) in (1..).zip(&self.replicas) {
            let is_last = service % CHAIN == 0 || service as usize == self.replicas.len();
            let calls = match is_last {
                true => String::new(),
                false => format!(", calls: [service-{}]", service + 1),
            };
            let _ = writeln!(text, "    service-{service}: {{ replicas: {replicas}{calls} }}");
        }
        text += "rules: rules.yaml\ntraffic:\n";
        let chains = self.chains();
        for chain in 0..chains {
            let (from, to, rate) = (chain * CHAIN + 1, chain * CHAIN + 2, RATE / chains);
            let _ = writeln!(
                text,
                "  chain-{chain}: {{ from: service-{from}, to: http://service-{to}/work, rate: {rate}/s, for: 60s }}"
            );
        }
        text += TIMELINE;
        text += "checks:\n  answered: { responses: { traffic: chain-0, status: 200, count: \">= 1\" } }\n\
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

    /// How many chains carry traffic: a number that divides the rate.
    fn chains(&self) -> u32 {
        match self.replicas.len() as u32 / CHAIN {
            0 | 1 => 1,
            2 | 3 => 2,
            _ => 4,
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
