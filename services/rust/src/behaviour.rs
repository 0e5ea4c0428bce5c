//! What will happen to a request, decided when it arrives.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallway_host::Random;
use http::StatusCode;
use rand::RngExt;

use crate::attempts::Attempts;
use crate::contract::{Behaviour, EffectRule, FailPattern, SlowBody, Ticks};
use crate::latency::draw;
use crate::queue::Queue;
use crate::validity::{InvalidBehaviour, check};

/// What will happen to one request.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where it waits for its turn to be worked on.
    pub(crate) queue: Option<Arc<Queue>>,
    /// How long the work takes, before any call.
    pub(crate) latency: Duration,
    /// Whether its calls do without its trace context.
    pub(crate) drop_trace: bool,
    /// The status of its answer, unless it fails or one of its calls does.
    pub(crate) status: StatusCode,
    /// Whether it has an effect.
    pub(crate) effect: Option<EffectRule>,
    /// How it ends.
    pub(crate) ending: Ending,
    /// Whether the body of the answer comes slowly.
    pub(crate) slow_body: Option<SlowBody>,
    /// Whether the answer is a stream of events.
    pub(crate) ticks: Option<Ticks>,
}

/// How a request is to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// A reset instead of the work.
    ResetBefore,
    /// No answer at all.
    Hang,
    /// A failure: it takes its time, but makes no calls.
    Fail(StatusCode),
    /// A reset after the work.
    ResetAfter,
    /// Half of an answer after the work.
    Truncate,
    /// An answer after the work.
    Answer,
}

/// How the service behaves at the moment, with what it has to remember for that.
pub(crate) struct Behaving(Mutex<State>);

struct State {
    in_force: InForce,
    random: Random,
}

/// A behaviour, and what has happened under it.
struct InForce {
    behaviour: Behaviour,
    attempts: Attempts,
    /// How many requests have arrived.
    arrived: usize,
    queue: Option<Arc<Queue>>,
}

impl Behaving {
    pub(crate) fn new(behaviour: Behaviour, random: Random) -> Result<Self, InvalidBehaviour> {
        let in_force = InForce::new(behaviour)?;
        Ok(Self(Mutex::new(State { in_force, random })))
    }

    /// Behaves differently for requests that arrive from now on, and counts them anew.
    pub(crate) fn replace(&self, behaviour: Behaviour) -> Result<(), InvalidBehaviour> {
        let in_force = InForce::new(behaviour)?;
        self.0.lock().expect("deciding does not panic").in_force = in_force;
        Ok(())
    }

    /// Decides about a request that has just arrived. One without an id is the first attempt of its own.
    pub(crate) fn decide(&self, request_id: Option<&str>) -> Plan {
        let mut state = self.0.lock().expect("deciding does not panic");
        let State { in_force, random } = &mut *state;
        let arrival = in_force.arrival(request_id);
        let plan = decide(&in_force.behaviour, arrival, random);
        Plan {
            queue: in_force.queue.clone(),
            ..plan
        }
    }

    /// For how long a connection may be idle that falls idle now.
    pub(crate) fn idle_close(&self) -> Option<Duration> {
        let state = self.0.lock().expect("deciding does not panic");
        let idle_close = state.in_force.behaviour.idle_close.as_ref()?;
        Some(Duration::from_secs_f64(idle_close.ms / 1000.0))
    }
}

impl InForce {
    fn new(behaviour: Behaviour) -> Result<Self, InvalidBehaviour> {
        check(&behaviour)?;
        Ok(Self {
            queue: behaviour
                .capacity
                .as_ref()
                .map(|capacity| Arc::new(Queue::new(capacity))),
            behaviour,
            attempts: Attempts::default(),
            arrived: 0,
        })
    }

    fn arrival(&mut self, request_id: Option<&str>) -> Arrival {
        let attempt = match (&self.behaviour.fail_first, request_id) {
            (Some(_), Some(request_id)) => self.attempts.count(request_id),
            _ => 1,
        };
        let number = self.arrived;
        self.arrived += 1;
        Arrival { attempt, number }
    }
}

/// Which request it is that arrives.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    /// Which attempt of its request id, from 1.
    attempt: u32,
    /// Which request under this behaviour, from 0.
    number: usize,
}

/// Every fault that is configured draws, whether or not another one decides: so the draws of one never depend on another's
/// luck. The plan has no queue yet.
fn decide(behaviour: &Behaviour, arrival: Arrival, random: &mut Random) -> Plan {
    let mut happens = |share: Option<f64>| share.is_some_and(|share| random.random::<f64>() < share);
    let reset_before = happens(behaviour.reset_before);
    let fails_by_chance = happens(behaviour.fail_share.as_ref().map(|fault| fault.share));
    let reset_after = happens(behaviour.reset_after);
    let truncate = happens(behaviour.truncate);

    let first = behaviour.fail_first.as_ref();
    let first = first.filter(|fault| arrival.attempt <= fault.attempts);
    let pattern = behaviour.fail_pattern.as_ref();
    let pattern = pattern.filter(|fault| fails_at(fault, arrival.number));
    let chance = behaviour.fail_share.as_ref().filter(|_| fails_by_chance);
    let failure = first
        .map(|fault| fault.status)
        .or(pattern.map(|fault| fault.status))
        .or(chance.map(|fault| fault.status));
    let ending = if reset_before {
        Ending::ResetBefore
    } else if behaviour.hang {
        Ending::Hang
    } else if let Some(failure) = failure {
        Ending::Fail(status(failure))
    } else if reset_after {
        Ending::ResetAfter
    } else if truncate {
        Ending::Truncate
    } else {
        Ending::Answer
    };
    let latency = behaviour.latency.as_ref();
    Plan {
        queue: None,
        latency: latency.map_or(Duration::ZERO, |latency| draw(latency, random)),
        drop_trace: behaviour.drop_trace,
        status: behaviour.status.map_or(StatusCode::OK, status),
        effect: behaviour.effect.clone(),
        ending,
        slow_body: behaviour.slow_body.clone(),
        ticks: behaviour.ticks.clone(),
    }
}

/// Whether the request that comes after `number` others stands at an `x`.
fn fails_at(fault: &FailPattern, number: usize) -> bool {
    let pattern = fault.pattern.as_bytes();
    pattern[number % pattern.len()] == b'x'
}

fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a behaviour in force has been checked")
}

#[cfg(test)]
mod tests;
