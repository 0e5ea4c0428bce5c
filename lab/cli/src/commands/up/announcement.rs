//! What is told when everybody is up: where they are, and ready-made commands.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hallway_config::Resources;
use hallway_model::bootstrap::GatewayPort;
use hallway_scenario::Scenario;
use hallway_world::AdminAddress;
use hallway_world::up::Places;
use serde::Serialize;

use super::examples::Examples;
use crate::conduct::run::Order;

/// How many characters a name takes at least.
const NAMES: usize = 16;

/// Whether the tokens of admin endpoints are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tokens {
    Shown,
    Hidden,
}

/// What is up. In JSON it is what a program needs to know; tokens are only in it if they are asked for. So it has no `Debug` output.
#[derive(Serialize)]
pub(super) struct Announcement {
    event: &'static str,
    scenario: String,
    #[serde(skip)]
    title: String,
    gateway: Option<Gateway>,
    sidecars: Vec<Sidecar>,
    admin: Vec<Admin>,
    /// The rule file, which is pushed when it is saved.
    rules: PathBuf,
    stand_ins: Vec<String>,
    /// Commands that come through the gateway.
    outside: Examples,
    /// Commands that call from beside a sidecar.
    inside: Examples,
}

#[derive(Serialize)]
struct Gateway {
    workload: String,
    ports: Vec<GatewayPort>,
    /// The file with the root of its certificates, PEM.
    root_certificate: Option<PathBuf>,
}

#[derive(Serialize)]
struct Sidecar {
    workload: String,
    service: String,
    outbound: SocketAddr,
}

/// An admin endpoint.
#[derive(Serialize)]
struct Admin {
    of: String,
    address: SocketAddr,
    /// What to ask it for.
    path: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl Announcement {
    pub(super) fn of(
        order: &Order<'_>,
        resources: &Resources,
        places: &Places,
        root: Option<&Path>,
        tokens: Tokens,
    ) -> Self {
        let scenario: &Scenario = order.scenario();
        let gateway = places.gateway.as_ref().map(|gateway| Gateway {
            workload: gateway.workload.clone(),
            ports: gateway.ports.clone(),
            root_certificate: root.map(Path::to_owned),
        });
        let sidecars = places.sidecars.iter().map(|sidecar| Sidecar {
            workload: sidecar.workload.clone(),
            service: sidecar.service.clone(),
            outbound: sidecar.outbound,
        });
        Self {
            event: "up",
            scenario: order.name(),
            title: scenario.title.clone(),
            gateway,
            sidecars: sidecars.collect(),
            admin: admin(places, tokens),
            rules: order.loaded.files.path(&scenario.rules),
            stand_ins: places.stand_ins.clone(),
            outside: Examples::outside(resources, scenario, places, root),
            inside: Examples::inside(scenario, places),
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{} is up: {}\n", self.scenario, self.title);
        for stand_in in &self.stand_ins {
            let _ = writeln!(text, " {stand_in}");
        }
        if let Some(gateway) = &self.gateway {
            text += &gateway.text();
        }
        text += "\nSidecars, with the address where the application beside each sends its calls\n";
        for sidecar in &self.sidecars {
            let _ = writeln!(text, " {:<NAMES$} http://{}", sidecar.workload, sidecar.outbound);
        }
        text += &self.admin_text();
        text += &examples("From outside, through the gateway", &self.outside);
        text += &examples("From inside, as an application beside its sidecar", &self.inside);
        let _ = write!(
            text,
            "\nRules are pushed when you save {}. Ctrl-C ends it all.",
            self.rules.display()
        );
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("an announcement is plain data")
    }

    fn admin_text(&self) -> String {
        let asks = match self.admin.iter().any(|admin| admin.token.is_some()) {
            true => "each asks for its token",
            false => "each asks for a token, which --show-tokens shows",
        };
        let mut text = format!("\nAdmin endpoints; {asks}\n");
        for Admin {
            of,
            address,
            path,
            token,
        } in &self.admin
        {
            let _ = match token {
                None => writeln!(text, " {of:<NAMES$} http://{address}{path}"),
                Some(token) => writeln!(
                    text,
                    " {of:<NAMES$} curl -H 'Authorization: Bearer {token}' http://{address}{path}"
                ),
            };
        }
        text
    }
}

impl Gateway {
    fn text(&self) -> String {
        let mut text = format!("\nGateway {}\n", self.workload);
        for GatewayPort { port, address } in &self.ports {
            let _ = writeln!(text, " {:<NAMES$} {address}", format!("port {port}"));
        }
        if let Some(root) = &self.root_certificate {
            let _ = writeln!(text, " {:<NAMES$} {}", "trust", root.display());
        }
        text
    }
}

/// The control plane's, and each proxy's.
fn admin(places: &Places, tokens: Tokens) -> Vec<Admin> {
    let admin = |of: &str, AdminAddress { address, token }: &AdminAddress, path| Admin {
        of: of.to_owned(),
        address: *address,
        path,
        token: (tokens == Tokens::Shown).then(|| token.0.clone()),
    };
    let gateway = places
        .gateway
        .iter()
        .map(|gateway| admin(&gateway.workload, &gateway.admin, "/metrics"));
    let sidecars = places
        .sidecars
        .iter()
        .map(|sidecar| admin(&sidecar.workload, &sidecar.admin, "/metrics"));
    let control = admin("control plane", &places.control_plane, "/v1/status");
    std::iter::once(control).chain(gateway).chain(sidecars).collect()
}

/// Commands under a heading; nothing if there are none.
fn examples(heading: &str, examples: &Examples) -> String {
    if *examples == Examples::default() {
        return String::new();
    }
    let mut text = format!("\n{heading}\n");
    for example in &examples.commands {
        let _ = writeln!(text, " {}\n   {}", example.title, example.command);
    }
    if examples.more > 0 {
        let _ = writeln!(text, " … and {} more like these", examples.more);
    }
    for (why, count) in &examples.left_out {
        let _ = writeln!(text, " {count} left out: {why}");
    }
    text
}
