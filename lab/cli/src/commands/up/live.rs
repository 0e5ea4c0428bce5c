//! What happens while a topology is up: its proxies count, and its rules are pushed when they are saved.

use std::convert::Infallible;
use std::time::Duration;

use hallway_world::up::{Counts, Up};
use tokio::time::{MissedTickBehavior, interval};

use super::pushed::Pushed;
use super::teller::Teller;
use crate::conduct::run::Order;
use crate::saved::Saved;

/// How often the counts are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// A topology that is up.
#[derive(Clone, Copy)]
pub(super) struct Live<'a> {
    pub(super) order: &'a Order<'a>,
    pub(super) up: &'a Up<'a>,
    pub(super) teller: &'a Teller,
}

impl Live<'_> {
    /// Tells what happens until `end`, and returns what the proxies have counted then.
    pub(super) async fn until(self, end: impl Future<Output = ()>, saved: Saved) -> Counts {
        tokio::select! {
            () = end => {}
            never = self.show_counts() => match never {},
            never = self.push_what_is_saved(saved) => match never {},
        }
        self.up.last_counts().await
    }

    async fn show_counts(self) -> Infallible {
        if !self.teller.is_watched() {
            return std::future::pending().await;
        }
        let mut seconds = interval(EVERY);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            seconds.tick().await;
            self.teller.show(&self.up.counts().await);
        }
    }

    async fn push_what_is_saved(self, mut saved: Saved) -> Infallible {
        loop {
            let pushed = match saved.changed().await {
                Ok(()) => Pushed::of(self.order, self.up.push_rules().await),
                Err(why) => Pushed::Refused {
                    why: format!("error: {why}"),
                },
            };
            self.teller.pushed(&saved.name(), &pushed);
        }
    }
}
