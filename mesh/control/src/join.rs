//! Join tokens: each opens the mesh once, to one workload, for a short while.

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_model::bootstrap::Token;
use tokio::time::Instant;

use crate::error::RequestError;
use crate::secret::{is_secret, new_secret};

/// How long a token is good: long enough for a slow start, short enough that a leaked one is worth little.
const LIFETIME: Duration = Duration::from_secs(300);

/// The tokens that have not been used yet, at most one for each workload.
#[derive(Default)]
pub(crate) struct JoinTokens {
    pending: BTreeMap<String, Pending>,
}

struct Pending {
    secret: Token,
    expires: Instant,
}

impl JoinTokens {
    /// A new token for `workload`; an earlier one is void.
    ///
    /// Its form is `<workload>.<secret>`: the name finds the secret to compare with, so that the comparison is one and in constant time.
    pub(crate) fn mint(&mut self, workload: &str, now: Instant) -> Token {
        let secret = new_secret();
        let token = Token(format!("{workload}.{secret}"));
        let pending = Pending {
            secret: Token(secret),
            expires: now + LIFETIME,
        };
        self.pending.insert(workload.to_owned(), pending);
        token
    }

    /// Uses `token` up and returns the workload that it was minted for.
    // ANCHOR: redeem
    pub(crate) fn redeem(&mut self, token: &str, now: Instant) -> Result<String, RequestError> {
        let (workload, secret) = token.split_once('.').ok_or(RequestError::JoinToken)?;
        let pending = self.pending.get(workload).ok_or(RequestError::JoinToken)?;
        if !is_secret(&pending.secret, secret) || now >= pending.expires {
            return Err(RequestError::JoinToken);
        }
        self.pending.remove(workload);
        Ok(workload.to_owned())
    }
    // ANCHOR_END: redeem

    /// Voids the token of `workload`.
    pub(crate) fn void(&mut self, workload: &str) {
        self.pending.remove(workload);
    }
}

#[cfg(test)]
mod tests {
    use super::{JoinTokens, LIFETIME};
    use tokio::time::{Duration, Instant};

    #[test]
    fn a_token_is_good_once() {
        let now = Instant::now();
        let mut tokens = JoinTokens::default();
        let token = tokens.mint("orders-1", now);
        assert_eq!(tokens.redeem(&token.0, now).ok().as_deref(), Some("orders-1"));
        assert!(tokens.redeem(&token.0, now).is_err());
    }

    #[test]
    fn a_token_expires_is_replaced_and_is_voided() {
        let now = Instant::now();
        let mut tokens = JoinTokens::default();
        let first = tokens.mint("orders-1", now);
        let second = tokens.mint("orders-1", now);
        assert!(tokens.redeem(&first.0, now).is_err());
        assert!(tokens.redeem(&second.0, now + LIFETIME).is_err());
        assert!(
            tokens
                .redeem(&second.0, now + LIFETIME - Duration::from_millis(1))
                .is_ok()
        );

        let third = tokens.mint("orders-1", now);
        tokens.void("orders-1");
        assert!(tokens.redeem(&third.0, now).is_err());
    }

    #[test]
    fn a_token_of_another_workload_or_form_is_refused() {
        let now = Instant::now();
        let mut tokens = JoinTokens::default();
        let orders = tokens.mint("orders-1", now);
        tokens.mint("payments-1", now);
        let (_, secret) = orders.0.split_once('.').expect("the form of a token");
        for token in [
            format!("payments-1.{secret}"),
            secret.to_owned(),
            String::new(),
            "orders-1.".to_owned(),
        ] {
            assert!(tokens.redeem(&token, now).is_err(), "{token}");
        }
        assert!(tokens.redeem(&orders.0, now).is_ok());
    }
}
