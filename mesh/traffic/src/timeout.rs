//! How long an attempt may take. Source: GEP-1742 (<https://gateway-api.sigs.k8s.io/geps/gep-1742/>).

use std::fmt;
use std::time::Duration;

use hallway_model::route::Timeouts;

/// The timeouts that can end an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TimeoutKind {
    /// The one for the whole request, all attempts included: nothing can follow it.
    Request,
    /// The one for each attempt: another attempt may follow.
    BackendRequest,
}

/// The time that an attempt has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    /// How long, from its beginning to the end of the response.
    pub time: Duration,
    /// Which timeout ends it then.
    pub kind: TimeoutKind,
}

/// The time that an attempt has when it begins `elapsed` after the request arrived; none when nothing limits it.
/// When both timeouts would end it at the same moment, it is the request's that does.
// ANCHOR: allowance
pub fn allowance(timeouts: &Timeouts, elapsed: Duration) -> Option<Allowance> {
    let request = remaining(timeouts, elapsed).map(|time| Allowance {
        time,
        kind: TimeoutKind::Request,
    });
    let backend = timeouts.backend_request.map(|time| Allowance {
        time,
        kind: TimeoutKind::BackendRequest,
    });
    match (request, backend) {
        (Some(request), Some(backend)) if backend.time < request.time => Some(backend),
        (request, backend) => request.or(backend),
    }
}
// ANCHOR_END: allowance

/// What is left of the request timeout, `elapsed` after the request arrived; none when there is no such timeout.
pub fn remaining(timeouts: &Timeouts, elapsed: Duration) -> Option<Duration> {
    timeouts.request.map(|request| request.saturating_sub(elapsed))
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Request => "timeouts.request",
            Self::BackendRequest => "timeouts.backendRequest",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timeout() -> impl Strategy<Value = Option<Duration>> {
        prop::option::of((0u64..100).prop_map(Duration::from_millis))
    }

    proptest! {
        #[test]
        fn the_first_timeout_to_pass_ends_the_attempt(
            request in timeout(), backend_request in timeout(), elapsed in 0u64..200,
        ) {
            let elapsed = Duration::from_millis(elapsed);
            let timeouts = Timeouts { request, backend_request };
            let ends_at = [request, backend_request.map(|time| elapsed + time)].into_iter().flatten().min();
            let allowance = allowance(&timeouts, elapsed);
            prop_assert_eq!(
                allowance.map(|allowance| elapsed + allowance.time),
                ends_at.map(|end| end.max(elapsed))
            );
            if let Some(Allowance { kind: TimeoutKind::BackendRequest, time }) = allowance {
                prop_assert_eq!(Some(time), backend_request);
                prop_assert!(request.is_none_or(|request| elapsed + time < request));
            }
        }
    }
}
