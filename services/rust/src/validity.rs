//! Which behaviours make sense.

use crate::contract::{Behaviour, FailPattern, Latency};

/// The longest duration that a behaviour can ask for: one hour.
const LONGEST_MS: f64 = 3_600_000.0;

/// The longest pattern of failures, in characters.
const LONGEST_PATTERN: usize = 1_000;

/// The most events of one answer.
const MOST_TICKS: u32 = 1_000_000;

/// A behaviour that makes no sense.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidBehaviour {
    /// A status that is no final status.
    #[error("`{field}` is {status}; a final status is from 200 to 599")]
    Status {
        /// Where it stands.
        field: &'static str,
        /// The status.
        status: u16,
    },
    /// A probability outside its range.
    #[error("`{field}` is no probability; it must be from 0 to 1")]
    Share {
        /// Where it stands.
        field: &'static str,
    },
    /// A duration outside its range.
    #[error("`{field}` must be from 0 to {LONGEST_MS} milliseconds")]
    Duration {
        /// Where it stands.
        field: &'static str,
    },
    /// Percentiles that fall.
    #[error("`latency.percentiles` must not fall: p50_ms <= p90_ms <= p99_ms")]
    Percentiles,
    /// A pattern of failures that is none.
    #[error("`fail_pattern.pattern` must have 1 to {LONGEST_PATTERN} characters, each `.` or `x`")]
    Pattern,
    /// A count outside its range.
    #[error("`{field}` must be from 1 to {most}")]
    Count {
        /// Where it stands.
        field: &'static str,
        /// The greatest that it can be.
        most: u32,
    },
}

/// Refuses what JSON can say and no service can do.
pub(crate) fn check(behaviour: &Behaviour) -> Result<(), InvalidBehaviour> {
    check_faults(behaviour)?;
    check_latency(behaviour.latency.as_ref())?;
    if let Some(slow) = &behaviour.slow_body {
        check_count("slow_body.pieces", slow.pieces, u32::MAX)?;
        check_duration("slow_body.over_ms", slow.over_ms)?;
    }
    if let Some(ticks) = &behaviour.ticks {
        check_count("ticks.count", ticks.count, MOST_TICKS)?;
        check_duration("ticks.every_ms", ticks.every_ms)?;
    }
    if let Some(capacity) = &behaviour.capacity {
        check_count("capacity.at_once", capacity.at_once, u32::MAX)?;
        check_status("capacity.status", Some(capacity.status))?;
    }
    if let Some(idle_close) = &behaviour.idle_close {
        check_duration("idle_close.ms", idle_close.ms)?;
    }
    Ok(())
}

fn check_faults(behaviour: &Behaviour) -> Result<(), InvalidBehaviour> {
    check_status("status", behaviour.status)?;
    let first = behaviour.fail_first.as_ref();
    check_status("fail_first.status", first.map(|fault| fault.status))?;
    let pattern = behaviour.fail_pattern.as_ref();
    check_status("fail_pattern.status", pattern.map(|fault| fault.status))?;
    if pattern.is_some_and(|fault| !is_pattern(fault)) {
        return Err(InvalidBehaviour::Pattern);
    }
    let share = behaviour.fail_share.as_ref();
    check_status("fail_share.status", share.map(|fault| fault.status))?;
    check_share("fail_share.share", share.map(|fault| fault.share))?;
    check_share("reset_before", behaviour.reset_before)?;
    check_share("reset_after", behaviour.reset_after)?;
    check_share("truncate", behaviour.truncate)
}

fn check_latency(latency: Option<&Latency>) -> Result<(), InvalidBehaviour> {
    match latency {
        Some(Latency::Fixed { ms }) => check_duration("latency.fixed.ms", *ms),
        Some(Latency::Percentiles {
            p50_ms,
            p90_ms,
            p99_ms,
        }) => {
            check_duration("latency.percentiles.p50_ms", *p50_ms)?;
            check_duration("latency.percentiles.p99_ms", *p99_ms)?;
            if p50_ms <= p90_ms && p90_ms <= p99_ms {
                Ok(())
            } else {
                Err(InvalidBehaviour::Percentiles)
            }
        }
        None => Ok(()),
    }
}

fn is_pattern(fault: &FailPattern) -> bool {
    let pattern = fault.pattern.as_bytes();
    (1..=LONGEST_PATTERN).contains(&pattern.len()) && pattern.iter().all(|place| matches!(place, b'.' | b'x'))
}

fn check_count(field: &'static str, count: u32, most: u32) -> Result<(), InvalidBehaviour> {
    if (1..=most).contains(&count) {
        Ok(())
    } else {
        Err(InvalidBehaviour::Count { field, most })
    }
}

fn check_status(field: &'static str, status: Option<u16>) -> Result<(), InvalidBehaviour> {
    match status {
        Some(status) if !(200..=599).contains(&status) => Err(InvalidBehaviour::Status { field, status }),
        _ => Ok(()),
    }
}

fn check_share(field: &'static str, share: Option<f64>) -> Result<(), InvalidBehaviour> {
    match share {
        Some(share) if !(0.0..=1.0).contains(&share) => Err(InvalidBehaviour::Share { field }),
        _ => Ok(()),
    }
}

fn check_duration(field: &'static str, milliseconds: f64) -> Result<(), InvalidBehaviour> {
    if (0.0..=LONGEST_MS).contains(&milliseconds) {
        Ok(())
    } else {
        Err(InvalidBehaviour::Duration { field })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Capacity, IdleClose, SlowBody, Ticks};

    #[test]
    fn a_behaviour_that_makes_no_sense_is_refused() {
        let status = Behaviour {
            status: Some(199),
            ..Default::default()
        };
        let share = Behaviour {
            reset_after: Some(1.5),
            ..Default::default()
        };
        let not_a_number = Behaviour {
            reset_before: Some(f64::NAN),
            ..Default::default()
        };
        let falling = Latency::Percentiles {
            p50_ms: 2.0,
            p90_ms: 1.0,
            p99_ms: 3.0,
        };
        let falling = Behaviour {
            latency: Some(falling),
            ..Default::default()
        };
        let negative = Behaviour {
            latency: Some(Latency::Fixed { ms: -1.0 }),
            ..Default::default()
        };
        let pieces = SlowBody {
            pieces: 0,
            over_ms: 1.0,
        };
        let pieces = Behaviour {
            slow_body: Some(pieces),
            ..Default::default()
        };
        let with_pattern = |pattern: &str| Behaviour {
            fail_pattern: Some(FailPattern {
                pattern: pattern.to_owned(),
                status: 503,
            }),
            ..Default::default()
        };
        let ticks = Ticks {
            count: MOST_TICKS + 1,
            every_ms: 1.0,
        };
        let ticks = Behaviour {
            ticks: Some(ticks),
            ..Default::default()
        };
        let capacity = Capacity {
            at_once: 0,
            queue: 0,
            status: 503,
        };
        let capacity = Behaviour {
            capacity: Some(capacity),
            ..Default::default()
        };
        let idle_close = Behaviour {
            idle_close: Some(IdleClose { ms: f64::INFINITY }),
            ..Default::default()
        };
        check(&with_pattern(&".".repeat(LONGEST_PATTERN))).unwrap();
        for pattern in ["", "X", &"x".repeat(LONGEST_PATTERN + 1)] {
            assert_eq!(check(&with_pattern(pattern)), Err(InvalidBehaviour::Pattern));
        }
        let refused = [
            status,
            share,
            not_a_number,
            falling,
            negative,
            pieces,
            with_pattern(". x"),
            ticks,
            capacity,
            idle_close,
        ]
        .map(|behaviour| check(&behaviour).unwrap_err().to_string());
        insta::assert_snapshot!(refused.join("\n"), @"
        `status` is 199; a final status is from 200 to 599
        `reset_after` is no probability; it must be from 0 to 1
        `reset_before` is no probability; it must be from 0 to 1
        `latency.percentiles` must not fall: p50_ms <= p90_ms <= p99_ms
        `latency.fixed.ms` must be from 0 to 3600000 milliseconds
        `slow_body.pieces` must be from 1 to 4294967295
        `fail_pattern.pattern` must have 1 to 1000 characters, each `.` or `x`
        `ticks.count` must be from 1 to 1000000
        `capacity.at_once` must be from 1 to 4294967295
        `idle_close.ms` must be from 0 to 3600000 milliseconds
        ");
    }
}
