//! The simulated ground: every workload is a machine of its own, on which its sidecar and its application are two processes.
//!
//! Loopback within a machine is free of faults and of eavesdroppers, as it is in a pod. Services in other languages are played by the Rust
//! service.
//!
//! - [`life`]: one life of a program, from its start to its end
//! - [`links`]: what the links between machines are like

mod life;
mod links;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use hallway_host::Host;
use hallway_model::bootstrap::{ControlBootstrap, ProxyBootstrap};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_scenario::fault::CONTROL_PLANE_MACHINE;
use hallway_scenario::quantity::SignedDuration;
use hallway_scenario::topology::Language;
use hallway_scenario::traffic::{INTRUDER, OUTSIDE};
use hallway_service::contract::{Bootstrap, Record};
use hallway_simulator::{Link, Machine, OpenPort, Process, Simulation, Skew};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::child::{Child, Running};
use crate::incidents::Incidents;
use crate::outbound_socket::OUTBOUND;
use crate::plan::{Plan, Workload};
use crate::players;
use crate::processes::GRACE;
use life::Life;
pub(crate) use links::{Links, link};

/// The lab's own machine.
const LAB: &str = "lab";

/// The machines of one run.
pub(crate) struct Machines {
    links: Links,
    lab: Host,
    incidents: Incidents,
    /// The processes in which a program has been started, by their full names.
    started: Mutex<BTreeSet<String>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Machines {
    /// The machines that `plan` needs, with links like `usual`.
    pub(crate) fn new(simulation: &Simulation, plan: &Plan, usual: Link, incidents: Incidents) -> Self {
        let workloads = plan.workloads.iter().map(|workload| workload.name.as_str());
        let gateway = plan.gateway.iter().map(|front| front.name.as_str());
        let names = [LAB, INTRUDER, OUTSIDE, CONTROL_PLANE_MACHINE]
            .into_iter()
            .chain(workloads)
            .chain(gateway);
        let machines = names.map(|name| (name.to_owned(), simulation.machine(name)));
        Self {
            links: Links {
                machines: machines.collect(),
                network: simulation.network(),
                usual,
            },
            lab: simulation.machine(LAB).process("lab").host(),
            incidents,
            started: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    pub(crate) fn lab(&self) -> &Host {
        &self.lab
    }

    pub(crate) fn links(&self) -> Links {
        self.links.clone()
    }

    pub(crate) fn beside(&self, machine: &str) -> Host {
        self.machine(machine).process("client").host()
    }

    pub(crate) fn address(&self, machine: &str) -> IpAddr {
        self.machine(machine).address()
    }

    pub(crate) fn start_control_plane(&self, bootstrap: ControlBootstrap) -> Child<ControlRecord> {
        let process = self.process(CONTROL_PLANE_MACHINE, "control-plane");
        self.start("control plane", process, |host, stop| {
            hallway_control::run(host, bootstrap, stop)
        })
    }

    /// Starts a sidecar, which gets the port that was opened for it.
    pub(crate) fn start_sidecar(
        &self,
        workload: &Workload,
        bootstrap: ProxyBootstrap,
        port: Option<OpenPort>,
    ) -> Child<ProxyRecord> {
        let process = self.process(&workload.name, "sidecar");
        port.into_iter().for_each(|port| process.inherit(port));
        self.start(&workload.sidecar(), process, |host, stop| {
            hallway_proxy::run(host, bootstrap, stop)
        })
    }

    pub(crate) fn start_gateway(&self, name: &str, bootstrap: ProxyBootstrap) -> Child<ProxyRecord> {
        let process = self.process(name, "gateway");
        self.start(name, process, |host, stop| {
            hallway_proxy::run(host, bootstrap, stop)
        })
    }

    pub(crate) fn start_application(&self, workload: &Workload, bootstrap: Bootstrap) -> Child<Record> {
        let process = self.process(&workload.name, "application");
        self.start(&workload.name, process, |host, stop| {
            hallway_service::run(host, bootstrap, stop)
        })
    }

    /// Opens a port for a sidecar that is yet to start, as the init process of its machine does.
    pub(crate) fn open_port(&self, workload: &Workload) -> io::Result<OpenPort> {
        self.machine(&workload.name).process("init").open(OUTBOUND)
    }

    /// Sets the wall clock of a machine wrong by so much.
    pub(crate) fn skew_clock(&self, machine: &str, by: SignedDuration) {
        let skew = match by.is_negative() {
            true => Skew::Behind(by.magnitude()),
            false => Skew::Ahead(by.magnitude()),
        };
        self.machine(machine).set_clock(skew);
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn machine(&self, name: &str) -> &Machine {
        &self.links.machines[name]
    }

    /// A process in which nothing runs yet, or any more.
    fn process(&self, machine: &str, name: &str) -> Process {
        let process = self.machine(machine).process(name);
        let is_first = self
            .started
            .lock()
            .expect("taking a note does not panic")
            .insert(process.name().to_owned());
        if !is_first {
            process.restart();
        }
        process
    }

    fn start<R, Program, Problem>(
        &self,
        who: &str,
        process: Process,
        program: impl FnOnce(Host, CancellationToken) -> Program,
    ) -> Child<R>
    where
        R: DeserializeOwned + Send + 'static,
        Program: Future<Output = Result<(), Problem>> + Send + 'static,
        Problem: Display + Send,
    {
        let (child, running) = Child::new(who, self.stop.child_token());
        let Running {
            records,
            exit,
            orders,
            stop,
        } = running;
        let told = CancellationToken::new();
        let records = Recorder::attach(&process, records, self.reporter(who));
        let running = program(process.host(), told.clone());
        let (ended, end) = oneshot::channel();
        process.host().spawn(async move {
            let result = running.await.map_err(|problem| problem.to_string());
            // The supervisor waits for it, unless the simulation is over.
            let _ = ended.send(result);
        });
        let life = Life { process, end, told };
        let report = self.reporter(who);
        self.lab.spawn(self.tasks.track_future(async move {
            let ended = life.supervise(stop, orders, GRACE, report).await;
            records.close();
            // Nobody may be left to ask how it ended.
            let _ = exit.send(ended);
        }));
        child
    }

    fn reporter(&self, who: &str) -> impl Fn(String) + Send + 'static {
        let (incidents, who) = (self.incidents.clone(), who.to_owned());
        move |what| incidents.report(who.as_str(), what)
    }
}

/// Who plays the services whose language the simulation does not speak.
pub(crate) fn stand_ins(plan: &Plan) -> Vec<String> {
    let played_by_another = |workload: &&Workload| workload.language != Language::Rust;
    let workloads = plan.workloads.iter().filter(played_by_another);
    workloads.map(|workload| players::words(workload, None)).collect()
}

/// Reads the records of one life of a process. The process knows no end of its records, so they are closed here.
struct Recorder<R> {
    records: Arc<Mutex<Option<UnboundedSender<R>>>>,
}

impl<R: DeserializeOwned + Send + 'static> Recorder<R> {
    fn attach(
        process: &Process,
        records: UnboundedSender<R>,
        report: impl Fn(String) + Send + 'static,
    ) -> Self {
        let records = Arc::new(Mutex::new(Some(records)));
        let shared = records.clone();
        process.on_record(move |line| {
            let shared = shared.lock().expect("reading a record does not panic");
            let Some(records) = &*shared else { return };
            match serde_json::from_str(line) {
                // Nobody may be left to read it.
                Ok(record) => drop(records.send(record)),
                Err(error) => report(format!("wrote something that is no record: {error} in `{line}`")),
            }
        });
        Self { records }
    }

    fn close(&self) {
        *self.records.lock().expect("reading a record does not panic") = None;
    }
}
