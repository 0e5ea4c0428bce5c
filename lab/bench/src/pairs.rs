//! Pairs of sidecars with an application behind them, all configured for the same work.

mod envoy;
mod hallway;
mod haproxy;
mod nginx;
mod splice;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use hallway_host::Host;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::child::{Child, LOOK_EVERY, READY_WITHIN, Starter};
use crate::credentials::Credentials;
use crate::error::BenchError;
use crate::machine::{Cores, CpuTime};
use crate::parts::Part;
use crate::parts::application::{Application, SMALL};
use crate::parts::load::{Request, probe};
use crate::setup::{SERVICE, Setup};
use crate::subject::Subject;
use crate::tools::Tools;

/// Any free port.
pub(crate) const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

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
}

/// A pair that works.
#[derive(Debug)]
pub(crate) struct Pair {
    subject: Subject,
    setup: Setup,
    /// Where the client connects to.
    entry: SocketAddr,
    sidecars: Sidecars,
    application: Child,
    directory: TempDir,
}

/// The processes of a pair, and where it begins.
#[derive(Debug)]
pub(crate) struct Sidecars {
    entry: SocketAddr,
    /// Those that are measured.
    measured: Vec<Child>,
    /// Those that are not.
    beside: Vec<Child>,
}

/// Where a pair is made.
pub(crate) struct Site<'a> {
    workshop: &'a Workshop,
    setup: Setup,
    /// For what these programs read and write.
    directory: &'a Path,
    application: SocketAddr,
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
        let directory = tempfile::tempdir_in(&workshop.directory)
            .map_err(BenchError::machine("make a temporary directory"))?;
        let part = Part::Application(Application {
            listen: ANYWHERE,
            wants_request_id: subject.is_proxy(),
        });
        let core = workshop.cores.load;
        let starter = &workshop.starter;
        let mut application = starter
            .start_part("application", &part, core, directory.path())
            .await?;
        let site = Site {
            workshop,
            setup,
            directory: directory.path(),
            application: application.listening().await?,
        };
        let sidecars = match subject {
            Subject::Direct => Sidecars {
                entry: site.application,
                measured: Vec::new(),
                beside: Vec::new(),
            },
            Subject::Splice => splice::plain(&site).await?,
            Subject::TlsSplice => splice::tls(&site).await?,
            Subject::Hallway => hallway::start(&site).await?,
            Subject::HaproxyHttp1 => haproxy::start(&site, haproxy::Between::Http1)?,
            Subject::HaproxyHttp2 => haproxy::start(&site, haproxy::Between::Http2)?,
            Subject::Nginx => nginx::start(&site)?,
            Subject::EnvoyHttp1 => envoy::start(&site, envoy::Between::Http1)?,
            Subject::EnvoyHttp2 => envoy::start(&site, envoy::Between::Http2)?,
        };
        let mut pair = Self {
            subject,
            setup,
            entry: sidecars.entry,
            sidecars,
            application,
            directory,
        };
        pair.works(&workshop.host).await?;
        Ok(pair)
    }

    /// A small request through the pair.
    pub(crate) fn request(&self) -> Request {
        Request {
            target: self.entry,
            authority: SERVICE.to_owned(),
            path: self.setup.path(SMALL),
            answer: SMALL,
        }
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
            reason => BenchError::WrongAnswer {
                subject: self.subject.name().to_owned(),
                reason,
            },
        }
    }

    /// Kills all of it.
    pub(crate) async fn stop(self) {
        let Sidecars { measured, beside, .. } = self.sidecars;
        for child in measured.into_iter().chain(beside).chain([self.application]) {
            child.stop().await;
        }
    }

    /// Waits until a request comes through.
    async fn works(&mut self, host: &Host) -> Result<(), BenchError> {
        let request = self.request();
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let probed = tokio::time::timeout(READY_WITHIN, probe(host, &request)).await;
            match probed.unwrap_or_else(|_| Err("no answer".to_owned())) {
                Ok(()) => return Ok(()),
                Err(reason) if Instant::now() > deadline => {
                    return Err(BenchError::WrongAnswer {
                        subject: self.subject.name().to_owned(),
                        reason: format!("after {READY_WITHIN:?}, still: {reason}"),
                    });
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

/// A port that was free a moment ago, for programs that do not tell which one they took.
fn free_port() -> Result<u16, BenchError> {
    let listener = TcpListener::bind(ANYWHERE).and_then(|listener| listener.local_addr());
    Ok(listener.map_err(BenchError::machine("find a free port"))?.port())
}

/// Writes a file, and returns its path.
fn write(directory: &Path, name: &str, text: &str) -> Result<String, BenchError> {
    let path = directory.join(name);
    std::fs::write(&path, text).map_err(BenchError::write(path.clone()))?;
    Ok(path.display().to_string())
}
