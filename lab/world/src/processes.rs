//! The ground of real processes: every program of the mesh is a child of the lab.

use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use hallway_host::{Host, Socket};
use hallway_model::bootstrap::{ControlBootstrap, ProxyBootstrap};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_service::contract::{Bootstrap, Record};
use tokio::process::Command;

use crate::child::{Child, Supervisor};
use crate::error::WorldError;
use crate::incidents::Incidents;
use crate::plan::Workload;
use crate::players::Players;

/// How long a program may take from the order to stop until it has ended: services take six seconds at most (clause C3 of
/// their contract).
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// The first descriptor that a program inherits beside its standard ones: `SD_LISTEN_FDS_START` of sd_listen_fds(3).
const FIRST_INHERITED: RawFd = 3;

/// Starts the processes of one run.
pub(crate) struct Processes {
    host: Host,
    supervisor: Supervisor,
    hallway: PathBuf,
    players: Players,
}

impl Processes {
    /// Processes of the `hallway` at this path, and of those who play the services.
    pub(crate) fn new(host: Host, hallway: &Path, players: Players, incidents: Incidents) -> Self {
        Self {
            supervisor: Supervisor::new(host.clone(), incidents, GRACE),
            host,
            hallway: hallway.to_owned(),
            players,
        }
    }

    /// For whom Rust stands in, in words.
    pub(crate) fn stand_ins(&self) -> Vec<String> {
        self.players.stand_ins().to_vec()
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn start_control_plane(
        &self,
        bootstrap: &ControlBootstrap,
    ) -> Result<Child<ControlRecord>, WorldError> {
        self.supervisor
            .spawn("control plane", self.role("control-plane"), bootstrap)
    }

    /// Starts a sidecar, which gets the socket that there is for it.
    pub(crate) fn start_sidecar(
        &self,
        workload: &Workload,
        bootstrap: &ProxyBootstrap,
        socket: Option<Socket>,
    ) -> Result<Child<ProxyRecord>, WorldError> {
        let mut command = self.role("proxy");
        socket
            .into_iter()
            .for_each(|socket| hand_over(&mut command, socket));
        self.supervisor.spawn(&workload.sidecar(), command, bootstrap)
    }

    pub(crate) fn start_gateway(
        &self,
        name: &str,
        bootstrap: &ProxyBootstrap,
    ) -> Result<Child<ProxyRecord>, WorldError> {
        self.supervisor.spawn(name, self.role("proxy"), bootstrap)
    }

    pub(crate) fn start_application(
        &self,
        workload: &Workload,
        bootstrap: &Bootstrap,
    ) -> Result<Child<Record>, WorldError> {
        self.supervisor
            .spawn(&workload.name, self.players.command(workload), bootstrap)
    }

    pub(crate) async fn stop(&self) {
        self.supervisor.stop().await;
    }

    fn role(&self, role: &str) -> Command {
        let mut command = Command::new(&self.hallway);
        command.arg(role);
        command
    }
}

/// Hands `socket` to the program, as systemd does. There is no `LISTEN_PID`: its number is known only when it runs, and the lab's own is not meant.
fn hand_over(command: &mut Command, socket: Socket) {
    let mapping = FdMapping {
        parent_fd: socket.into(),
        child_fd: FIRST_INHERITED,
    };
    command
        .env("LISTEN_FDS", "1")
        .env_remove("LISTEN_PID")
        .fd_mappings(vec![mapping])
        .expect("one descriptor collides with no other");
}
