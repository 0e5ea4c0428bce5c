//! What happens while a topology is up: its proxies count, and its rules are pushed when they are saved.

use std::convert::Infallible;
use std::io::IsTerminal;
use std::time::Duration;

use hallway_world::up::{Counts, Up};
use tokio::time::{MissedTickBehavior, interval};

use super::pushed::Pushed;
use super::saved::Saved;
use super::{Telling, counts};
use crate::conduct::run::Order;
use crate::progress::Lines;

/// How often the counts are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// A topology that is up.
pub(super) struct Live<'a> {
    order: &'a Order<'a>,
    up: &'a Up<'a>,
    telling: Telling,
    saved: Saved,
    lines: Lines,
}

/// Whether a person watches: then the counts are shown as they grow.
pub(super) fn is_watched() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

impl<'a> Live<'a> {
    pub(super) fn new(order: &'a Order<'a>, up: &'a Up<'a>, telling: Telling, saved: Saved) -> Self {
        Self {
            order,
            up,
            telling,
            saved,
            lines: Lines::new(),
        }
    }

    /// Tells what happens until `end`, and returns what the proxies have counted then.
    pub(super) async fn until(self, end: impl Future<Output = ()>) -> Counts {
        let Self {
            order,
            up,
            telling,
            mut saved,
            lines,
        } = self;
        tokio::select! {
            () = end => {}
            never = show_counts(up, telling, &lines) => match never {},
            never = push_what_is_saved(order, up, telling, &mut saved, &lines) => match never {},
        }
        lines.clear();
        up.last_counts().await
    }
}

/// Shows every second what the proxies have counted, if somebody watches.
async fn show_counts(up: &Up<'_>, telling: Telling, lines: &Lines) -> Infallible {
    if telling.json || !is_watched() {
        return std::future::pending().await;
    }
    let mut seconds = interval(EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        lines.show(counts::table(&up.counts().await));
    }
}

/// Pushes the rules whenever they are saved, and says what came of it.
async fn push_what_is_saved(
    order: &Order<'_>,
    up: &Up<'_>,
    telling: Telling,
    saved: &mut Saved,
    lines: &Lines,
) -> Infallible {
    loop {
        let pushed = match saved.changed().await {
            Ok(()) => Pushed::of(order, up.push_rules().await),
            Err(why) => Pushed::Refused {
                why: format!("error: {why}"),
            },
        };
        lines.aside(|| match telling.json {
            true => anstream::println!("{}", pushed.event(&saved.name())),
            false => anstream::println!("{}", pushed.words(&saved.name())),
        });
    }
}
