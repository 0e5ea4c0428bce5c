//! Which behaviours make sense.

use crate::contract::{Behaviour, Latency};

/// The longest duration that a behaviour can ask for: one hour.
const LONGEST_MS: f64 = 3_600_000.0;

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
    /// A body in no pieces.
    #[error("`slow_body.pieces` must be at least 1")]
    Pieces,
}

/// Refuses what JSON can say and no service can do.
pub(crate) fn check(behaviour: &Behaviour) -> Result<(), InvalidBehaviour> {
    check_status("status", behaviour.status)?;
    check_status(
        "fail_first.status",
        behaviour.fail_first.as_ref().map(|fault| fault.status),
    )?;
    check_status(
        "fail_share.status",
        behaviour.fail_share.as_ref().map(|fault| fault.status),
    )?;
    check_share(
        "fail_share.share",
        behaviour.fail_share.as_ref().map(|fault| fault.share),
    )?;
    check_share("reset_before", behaviour.reset_before)?;
    check_share("reset_after", behaviour.reset_after)?;
    match behaviour.latency {
        Some(Latency::Fixed { ms }) => check_duration("latency.fixed.ms", ms)?,
        Some(Latency::Percentiles {
            p50_ms,
            p90_ms,
            p99_ms,
        }) => {
            check_duration("latency.percentiles.p50_ms", p50_ms)?;
            check_duration("latency.percentiles.p99_ms", p99_ms)?;
            if !(p50_ms <= p90_ms && p90_ms <= p99_ms) {
                return Err(InvalidBehaviour::Percentiles);
            }
        }
        None => {}
    }
    match &behaviour.slow_body {
        Some(slow) if slow.pieces == 0 => Err(InvalidBehaviour::Pieces),
        Some(slow) => check_duration("slow_body.over_ms", slow.over_ms),
        None => Ok(()),
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
    use crate::contract::SlowBody;

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
        let refused = [status, share, not_a_number, falling, negative, pieces]
            .map(|behaviour| check(&behaviour).unwrap_err().to_string());
        insta::assert_snapshot!(refused.join("\n"), @"
        `status` is 199; a final status is from 200 to 599
        `reset_after` is no probability; it must be from 0 to 1
        `reset_before` is no probability; it must be from 0 to 1
        `latency.percentiles` must not fall: p50_ms <= p90_ms <= p99_ms
        `latency.fixed.ms` must be from 0 to 3600000 milliseconds
        `slow_body.pieces` must be at least 1
        ");
    }
}
