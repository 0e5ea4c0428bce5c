//! Builds the runtime, and runs an experiment in it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::{Builder, RngSeed, Runtime};

use crate::clock::MILLISECOND;
use crate::kernel::Kernel;
use crate::link::{Link, nanoseconds};
use crate::machine::Machine;
use crate::network::Network;
use crate::state::Shared;
use crate::trace::{Event, Fingerprint};

/// What a simulation starts from.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// The time of day at the start.
    pub start: SystemTime,
    /// What connections between machines are like, unless [`Network::set_link`] says otherwise.
    pub link: Link,
    /// What connections within a machine are like.
    pub local: Link,
    /// How many connections can wait to be accepted from a listener.
    pub backlog: usize,
    /// How often tasks may be polled without any progress of the clock before that counts as a livelock.
    pub polls_per_instant: u64,
    /// How long the simulation may last, in virtual time; an experiment that waits for something that never comes ends here at once.
    pub time_limit: Duration,
}

impl Default for Options {
    /// Seed 1, in September 2026, in a data centre.
    fn default() -> Self {
        Self {
            seed: 1,
            start: UNIX_EPOCH + Duration::from_secs(1_790_000_000),
            link: Link::DATACENTRE,
            local: Link::LOCAL,
            backlog: 1024,
            polls_per_instant: 1_000_000,
            time_limit: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// A simulated world. It lives on one thread; many can run at once on several.
pub struct Simulation {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl Simulation {
    /// An empty world.
    pub fn new(options: Options) -> Self {
        let shared = Arc::new(Shared::new(&options));
        let runtime = runtime(&shared, &options);
        runtime.block_on(async { shared.clock.start() });
        *shared.runtime.lock().unwrap_or_else(PoisonError::into_inner) = Some(runtime.handle().clone());
        Self {
            shared,
            runtime: Some(runtime),
        }
    }

    /// The machine of that name, made when it is first asked for.
    ///
    /// # Panics
    /// When the addresses of `10.0.0.0/8` are used up.
    pub fn machine(&self, name: &str) -> Machine {
        let (id, name, address) = self.shared.with(|state| {
            let known = state.kernels.iter().position(|kernel| *kernel.name == *name);
            let id = known.unwrap_or_else(|| {
                let id = state.kernels.len();
                let address = address(id);
                state.addresses.insert(address, id);
                state.kernels.push(Kernel::new(name.into(), address));
                id
            });
            let kernel = &state.kernels[id];
            (id, kernel.name.clone(), kernel.address)
        });
        Machine::new(self.shared.clone(), id, name, address)
    }

    /// The network between the machines.
    pub fn network(&self) -> Network {
        Network::new(self.shared.clone())
    }

    /// Runs an experiment: code that belongs to no machine, starts programs, breaks things and sees what happens. Tasks that are still
    /// running when it ends go on with the next experiment, if there is one.
    ///
    /// # Panics
    /// When the experiment or any task panics; when virtual time makes no progress ([`Options::polls_per_instant`]); when everything
    /// waits for something that never comes, or the simulation lasts too long ([`Options::time_limit`]).
    pub fn run<T>(&self, experiment: impl Future<Output = T>) -> T {
        let runtime = self
            .runtime
            .as_ref()
            .expect("it is there until the simulation is dropped");
        let mut experiment = pin!(experiment);
        runtime.block_on(poll_fn(|context| {
            self.shared.watchdog.poll(self.shared.clock.now());
            self.shared.raise();
            experiment.as_mut().poll(context)
        }))
    }

    /// The virtual time that has passed.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.shared.clock.now())
    }

    /// Shows every event to `watcher`, which must not call into the simulation.
    pub fn on_event(&self, watcher: impl FnMut(&Event) + Send + 'static) {
        self.shared
            .with(|state| state.trace.watch_events(Box::new(watcher)));
    }

    /// Everything that has happened so far, in two numbers.
    pub fn fingerprint(&self) -> Fingerprint {
        self.shared.with(|state| state.trace.fingerprint())
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.shared.clock.stop();
        // Dropping the runtime drops all tasks, which close their sockets. Then everything that refers back to the simulation goes.
        self.runtime = None;
        let mut processes = self
            .shared
            .processes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for process in processes.drain(..) {
            process.facts.clear();
        }
        drop(processes);
        let trace = self.shared.with(|state| std::mem::take(&mut state.trace));
        drop(trace);
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Simulation({:?})", self.elapsed())
    }
}

/// One thread, a paused clock, seeded randomness, and no sockets: who reaches for a real one panics.
fn runtime(shared: &Arc<Shared>, options: &Options) -> Runtime {
    let on_park = {
        let shared = shared.clone();
        let limit = nanoseconds(options.time_limit) / MILLISECOND * MILLISECOND;
        move || pass_time(&shared, limit)
    };
    let on_unpark = {
        let shared = shared.clone();
        move || shared.clock.follow()
    };
    let after_poll = {
        let shared = shared.clone();
        move || shared.raise()
    };
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .rng_seed(RngSeed::from_bytes(&options.seed.to_le_bytes()))
        .on_thread_park(on_park)
        .on_thread_unpark(on_unpark)
        .on_after_task_poll(move |_| after_poll())
        .build()
        .expect("a runtime without sockets needs nothing from the system")
}

/// What happens when every program waits: the network delivers what is due, or else the clock moves towards what comes next.
fn pass_time(shared: &Shared, limit: u64) {
    let now = shared.clock.now();
    let millisecond = now / MILLISECOND * MILLISECOND;
    let due = shared.with(|state| state.queue.next());
    match due {
        Some(due) if due <= now => {
            shared.with(|state| state.deliver());
            shared.clock.stay();
        }
        Some(due) if due < millisecond + MILLISECOND => {
            shared.clock.advance(due);
            shared.with(|state| state.deliver());
        }
        // Timers may be due at the next millisecond, so the clock has to stop there.
        _ if now != millisecond => shared.clock.advance(millisecond + MILLISECOND),
        _ if now >= limit => give_up(shared, limit),
        _ => {
            let next = due.map_or(limit, |due| (due / MILLISECOND * MILLISECOND).min(limit));
            shared.clock.set_alarm(next);
        }
    }
}

fn give_up(shared: &Shared, limit: u64) {
    let limit = Duration::from_nanos(limit);
    let last = Duration::from_nanos(shared.watchdog.last_poll());
    panic!(
        "the simulation reached its time limit of {limit:?}; nothing has run since {last:?}. \
         If that is much earlier, everything waits for something that never comes"
    );
}

fn address(machine: usize) -> IpAddr {
    let number = u32::try_from(machine + 1).expect("fewer machines than addresses");
    assert!(number < 1 << 24, "10.0.0.0/8 has no address left");
    IpAddr::V4(Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number))
}
