//! What will happen to a request, decided when it arrives.

use std::sync::Mutex;
use std::time::Duration;

use hallway_host::Random;
use http::StatusCode;
use rand::RngExt;

use crate::attempts::Attempts;
use crate::contract::{Behaviour, Latency, SlowBody};
use crate::validity::{InvalidBehaviour, check};

/// What will happen to one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// How long the work takes, before any call.
    pub(crate) latency: Duration,
    /// How it ends.
    pub(crate) ending: Ending,
    /// Whether the body of the answer comes slowly.
    pub(crate) slow_body: Option<SlowBody>,
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
    /// An answer after the work.
    Answer(StatusCode),
}

/// How the service behaves at the moment, with what it has to remember for that.
pub(crate) struct Behaving(Mutex<State>);

struct State {
    behaviour: Behaviour,
    attempts: Attempts,
    random: Random,
}

impl Behaving {
    pub(crate) fn new(behaviour: Behaviour, random: Random) -> Result<Self, InvalidBehaviour> {
        check(&behaviour)?;
        Ok(Self(Mutex::new(State {
            behaviour,
            attempts: Attempts::default(),
            random,
        })))
    }

    /// Behaves differently for requests that arrive from now on, and counts their attempts anew.
    pub(crate) fn replace(&self, behaviour: Behaviour) -> Result<(), InvalidBehaviour> {
        check(&behaviour)?;
        let mut state = self.0.lock().expect("deciding does not panic");
        state.behaviour = behaviour;
        state.attempts = Attempts::default();
        Ok(())
    }

    /// Decides about a request that has just arrived. One without an id is the first attempt of its own.
    pub(crate) fn decide(&self, request_id: Option<&str>) -> Plan {
        let mut state = self.0.lock().expect("deciding does not panic");
        let State {
            behaviour,
            attempts,
            random,
        } = &mut *state;
        let attempt = match (&behaviour.fail_first, request_id) {
            (Some(_), Some(request_id)) => attempts.count(request_id),
            _ => 1,
        };
        decide(behaviour, attempt, random)
    }
}

/// Every fault that is configured draws, whether or not another one decides: so the draws of one never depend on another's
/// luck.
fn decide(behaviour: &Behaviour, attempt: u32, random: &mut Random) -> Plan {
    let mut happens = |share: Option<f64>| share.is_some_and(|share| random.random::<f64>() < share);
    let reset_before = happens(behaviour.reset_before);
    let fails_by_chance = happens(behaviour.fail_share.as_ref().map(|fault| fault.share));
    let reset_after = happens(behaviour.reset_after);

    let first = behaviour
        .fail_first
        .as_ref()
        .filter(|fault| attempt <= fault.attempts)
        .map(|fault| fault.status);
    let chance = behaviour
        .fail_share
        .as_ref()
        .filter(|_| fails_by_chance)
        .map(|fault| fault.status);
    let ending = if reset_before {
        Ending::ResetBefore
    } else if behaviour.hang {
        Ending::Hang
    } else if let Some(failure) = first.or(chance) {
        Ending::Fail(status(failure))
    } else if reset_after {
        Ending::ResetAfter
    } else {
        Ending::Answer(behaviour.status.map_or(StatusCode::OK, status))
    };
    let latency = behaviour
        .latency
        .as_ref()
        .map_or(Duration::ZERO, |latency| draw(latency, random));
    Plan {
        latency,
        ending,
        slow_body: behaviour.slow_body.clone(),
    }
}

fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a behaviour in force has been checked")
}

fn draw(latency: &Latency, random: &mut Random) -> Duration {
    let milliseconds = match *latency {
        Latency::Fixed { ms } => ms,
        Latency::Percentiles {
            p50_ms,
            p90_ms,
            p99_ms,
        } => quantile(
            random.random(),
            [(0.0, 0.0), (0.5, p50_ms), (0.9, p90_ms), (0.99, p99_ms)],
        ),
    };
    Duration::from_secs_f64(milliseconds / 1000.0)
}

/// The value at `rank` (from 0 to 1) of the distribution that is linear between `points`, and flat after the last.
fn quantile(rank: f64, points: [(f64, f64); 4]) -> f64 {
    for ((low_rank, low), (high_rank, high)) in points.iter().zip(&points[1..]) {
        if rank < *high_rank {
            return low + (high - low) * (rank - low_rank) / (high_rank - low_rank);
        }
    }
    points[3].1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{FailFirst, FailShare};

    fn random() -> Random {
        Random::derive(1, "behaviour")
    }

    fn endings(behaviour: &Behaviour, count: usize) -> Vec<Ending> {
        let mut random = random();
        (0..count)
            .map(|_| decide(behaviour, 1, &mut random).ending)
            .collect()
    }

    #[test]
    fn the_default_answers_200_at_once() {
        let plan = decide(&Behaviour::default(), 1, &mut random());
        let expected = Plan {
            latency: Duration::ZERO,
            ending: Ending::Answer(StatusCode::OK),
            slow_body: None,
        };
        assert_eq!(plan, expected);
    }

    #[test]
    fn exactly_the_first_attempts_of_a_request_id_fail_until_the_behaviour_changes() {
        let behaviour = Behaviour {
            fail_first: Some(FailFirst {
                attempts: 2,
                status: 503,
            }),
            ..Default::default()
        };
        let behaving = Behaving::new(behaviour.clone(), random()).unwrap();
        let answers = |request_id| behaving.decide(request_id).ending == Ending::Answer(StatusCode::OK);
        assert_eq!([(); 4].map(|()| answers(Some("a"))), [false, false, true, true]);
        assert_eq!(
            [(); 4].map(|()| answers(None)),
            [false; 4],
            "each is the first attempt of its own"
        );
        behaving.replace(behaviour).unwrap();
        assert!(!answers(Some("a")), "a new behaviour counts anew");
    }

    #[test]
    fn faults_decide_in_the_order_of_the_contract() {
        let mut behaviour = Behaviour {
            status: Some(204),
            reset_before: Some(1.0),
            hang: true,
            fail_first: Some(FailFirst {
                attempts: 1,
                status: 501,
            }),
            fail_share: Some(FailShare {
                share: 1.0,
                status: 502,
            }),
            reset_after: Some(1.0),
            ..Default::default()
        };
        let mut decided = vec![endings(&behaviour, 1)[0]];
        behaviour.reset_before = None;
        decided.push(endings(&behaviour, 1)[0]);
        behaviour.hang = false;
        decided.push(endings(&behaviour, 1)[0]);
        behaviour.fail_first = None;
        decided.push(endings(&behaviour, 1)[0]);
        behaviour.fail_share = None;
        decided.push(endings(&behaviour, 1)[0]);
        behaviour.reset_after = None;
        decided.push(endings(&behaviour, 1)[0]);
        assert_eq!(
            decided,
            [
                Ending::ResetBefore,
                Ending::Hang,
                Ending::Fail(StatusCode::NOT_IMPLEMENTED),
                Ending::Fail(StatusCode::BAD_GATEWAY),
                Ending::ResetAfter,
                Ending::Answer(StatusCode::NO_CONTENT),
            ]
        );
    }

    #[test]
    fn a_share_of_zero_never_happens_and_a_share_of_one_always_does() {
        let with_share = |share| Behaviour {
            reset_before: Some(share),
            ..Default::default()
        };
        assert!(
            endings(&with_share(0.0), 1000)
                .iter()
                .all(|ending| *ending != Ending::ResetBefore)
        );
        assert!(
            endings(&with_share(1.0), 1000)
                .iter()
                .all(|ending| *ending == Ending::ResetBefore)
        );
        let resets = endings(&with_share(0.3), 1000)
            .iter()
            .filter(|e| **e == Ending::ResetBefore)
            .count();
        assert!((200..400).contains(&resets), "{resets} of 1000 at a share of 0.3");
    }

    #[test]
    fn a_fault_added_does_not_shift_the_draws_of_the_others_within_a_request() {
        let alone = Behaviour {
            reset_before: Some(0.5),
            ..Default::default()
        };
        let first = endings(&alone, 1);
        let together = Behaviour {
            fail_share: Some(FailShare {
                share: 1.0,
                status: 500,
            }),
            ..alone
        };
        assert_eq!(
            first[0] == Ending::ResetBefore,
            endings(&together, 1)[0] == Ending::ResetBefore
        );
    }

    #[test]
    fn percentiles_are_met_and_linear_between() {
        let points = [(0.0, 0.0), (0.5, 10.0), (0.9, 50.0), (0.99, 140.0)];
        let at = |rank| quantile(rank, points);
        assert_eq!(
            [at(0.0), at(0.25), at(0.5), at(0.9), at(0.99), at(0.999)],
            [0.0, 5.0, 10.0, 50.0, 140.0, 140.0]
        );
        assert!((at(0.7) - 30.0).abs() < 1e-9);
    }
}
