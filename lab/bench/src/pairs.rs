//! Pairs of sidecars with an application behind them, all configured for the same work.

mod envoy;
mod hallway;
mod haproxy;
mod nginx;
mod site;
mod splice;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hallway_host::Host;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use crate::child::{Child, LOOK_EVERY, READY_WITHIN, Starter};
use crate::credentials::Credentials;
use crate::error::BenchError;
use crate::inspection::Relay;
use crate::machine::{Cores, CpuTime, resident_bytes};
use crate::parts::Part;
use crate::parts::application::{Application, LARGE, SMALL};
use crate::parts::load::{GRPC_PREFIX, Request, probe};
use crate::parts::tls::Files;
use crate::setup::{Protocol, SERVICE, Setup};
use crate::subject::Subject;
use crate::tools::Tools;
use site::Site;

/// Any free port.
pub(crate) const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How long the programs of a pair may take until they run; a control plane with thousands of rules needs some of it.
const START_WITHIN: Duration = Duration::from_secs(60);

/// What pairs are made with.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) host: Host,
    pub(crate) starter: Starter,
    pub(crate) cores: Cores,
    pub(crate) tools: Tools,
    pub(crate) credentials: Credentials,
    /// Holds keys: nobody else may read it.
    pub(crate) directory: TempDir,
    /// Valgrind, when the instructions of what is measured are to be counted.
    pub(crate) callgrind: Option<PathBuf>,
}

/// A pair that works. Dropping it kills all of it, and removes its files.
#[derive(Debug)]
pub(crate) struct Pair {
    subject: Subject,
    setup: Setup,
    sidecars: Sidecars,
    _application: Child,
    directory: TempDir,
}

/// The processes of a pair, and where it begins.
#[derive(Debug)]
struct Sidecars {
    /// Where the client connects to.
    entry: SocketAddr,
    door: Option<Door>,
    /// Those that are measured.
    measured: Vec<Child>,
    /// Those that are not, and only have to live as long.
    _beside: Vec<Child>,
}

/// Where the second sidecar accepts peers, and what they must prove who they are with.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) credentials: Files,
}

impl Pair {
    /// Starts everything, and returns when a request has come through.
    ///
    /// # Errors
    /// When it does not work.
    pub(crate) async fn start(
        workshop: &Workshop,
        subject: Subject,
        setup: Setup,
    ) -> Result<Self, BenchError> {
        Self::start_with(workshop, subject, setup, None).await
    }

    /// The same, with a relay between the two sidecars.
    ///
    /// # Errors
    /// When it does not work.
    pub(crate) async fn start_with(
        workshop: &Workshop,
        subject: Subject,
        setup: Setup,
        relay: Option<&Relay>,
    ) -> Result<Self, BenchError> {
        let directory = tempfile::tempdir_in(&workshop.directory)
            .map_err(BenchError::machine("make a temporary directory"))?;
        let part = Part::Application(Application {
            listen: ANYWHERE,
            wants_request_id: subject.is_proxy(),
            protocol: setup.protocol,
        });
        let core = workshop.cores.load;
        let starter = &workshop.starter;
        let mut application = starter
            .start_part("application", &part, core, directory.path())
            .await?;
        let site = Site {
            workshop,
            setup,
            relay,
            directory: directory.path(),
            application: application.listening().await?,
        };
        let starting = timeout(START_WITHIN, Sidecars::start(&site, subject)).await;
        let sidecars = starting.map_err(|_| BenchError::WrongAnswer {
            subject: subject.name().to_owned(),
            reason: format!("its programs are not up after {START_WITHIN:?}"),
        })??;
        let mut pair = Self {
            subject,
            setup,
            sidecars,
            _application: application,
            directory,
        };
        pair.works(&workshop.host).await?;
        Ok(pair)
    }

    /// A small request through the pair, for 1 KiB.
    pub(crate) fn request(&self) -> Request {
        let grpc = Request {
            body: GRPC_PREFIX,
            answer: GRPC_PREFIX + SMALL,
            ..self.get(SMALL)
        };
        match self.setup.protocol {
            Protocol::Http1 | Protocol::Http2 => self.get(SMALL),
            Protocol::Grpc => grpc,
        }
    }

    /// A request for 1 MiB.
    pub(crate) fn download(&self) -> Request {
        self.get(LARGE)
    }

    /// A request with 1 MiB.
    pub(crate) fn upload(&self) -> Request {
        Request {
            body: LARGE,
            ..self.get(SMALL)
        }
    }

    /// The second sidecar's door, if it has one with a lock.
    pub(crate) fn door(&self) -> Option<&Door> {
        self.sidecars.door.as_ref()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The CPU time that both sidecars have used so far.
    ///
    /// # Errors
    /// When one has gone.
    pub(crate) fn cpu_time(&self) -> Result<CpuTime, BenchError> {
        let mut sum = CpuTime::default();
        for sidecar in &self.sidecars.measured {
            sum = sum + sidecar.cpu_time()?;
        }
        Ok(sum)
    }

    /// Why a load generator that sends through this pair has stopped: what it says itself, or what a sidecar says.
    pub(crate) fn failed(&self, load: &Child) -> BenchError {
        match load.errors() {
            reason if reason.is_empty() => load.failed("has ended early".to_owned()),
            reason => self.wrong(reason),
        }
    }

    /// What was wrong with its answers.
    pub(crate) fn wrong(&self, reason: String) -> BenchError {
        BenchError::WrongAnswer {
            subject: self.subject.name().to_owned(),
            reason,
        }
    }

    /// The processes of the sidecars: that of the callee, and that of the caller.
    pub(crate) fn sidecars(&self) -> Vec<u32> {
        self.sidecars.measured.iter().map(Child::pid).collect()
    }

    /// The resident memory of each sidecar, in bytes.
    ///
    /// # Errors
    /// When one has gone.
    pub(crate) fn resident_bytes(&self) -> Result<Vec<u64>, BenchError> {
        let sidecars = self.sidecars.measured.iter();
        sidecars
            .map(|sidecar| {
                resident_bytes(sidecar.pid()).map_err(|error| sidecar.failed(format!("has gone: {error}")))
            })
            .collect()
    }

    fn get(&self, bytes: usize) -> Request {
        Request {
            target: self.sidecars.entry,
            authority: SERVICE.to_owned(),
            path: self.setup.path(bytes),
            body: 0,
            answer: bytes,
            protocol: self.setup.protocol,
            request_id: false,
        }
    }

    /// Waits until a request comes through.
    async fn works(&mut self, host: &Host) -> Result<(), BenchError> {
        let request = self.request();
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let probed = timeout(READY_WITHIN, probe(host, &request)).await;
            match probed.unwrap_or_else(|_| Err("no answer".to_owned())) {
                Ok(()) => return Ok(()),
                Err(reason) if Instant::now() > deadline => {
                    return Err(self.wrong(format!("after {READY_WITHIN:?}, still: {reason}")));
                }
                Err(_) => {}
            }
            for child in &mut self.sidecars.measured {
                child.still_runs()?;
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

impl Sidecars {
    async fn start(site: &Site<'_>, subject: Subject) -> Result<Self, BenchError> {
        match subject {
            Subject::Direct => Ok(Self::none(site.application)),
            Subject::Splice => splice::plain(site).await,
            Subject::TlsSplice => splice::tls(site).await,
            Subject::Hallway => hallway::start(site).await,
            Subject::HaproxyHttp1 => haproxy::start(site, haproxy::Between::Http1),
            Subject::HaproxyHttp2 => haproxy::start(site, haproxy::Between::Http2),
            Subject::Nginx => nginx::start(site),
            Subject::EnvoyHttp1 => envoy::start(site, envoy::Between::Http1),
            Subject::EnvoyHttp2 => envoy::start(site, envoy::Between::Http2),
        }
    }

    fn none(application: SocketAddr) -> Self {
        Self {
            entry: application,
            door: None,
            measured: Vec::new(),
            _beside: Vec::new(),
        }
    }

    /// A pair of a peer: who connects to the second must be certified as the first is.
    fn of_peer(site: &Site<'_>, (inbound, middle): (Child, u16), (outbound, entry): (Child, u16)) -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            entry: loopback(entry),
            door: Some(Door {
                address: loopback(middle),
                credentials: site.workshop.credentials.outbound.files.clone(),
            }),
            measured: vec![inbound, outbound],
            _beside: Vec::new(),
        }
    }
}
