//! `hallway up`: a topology that stays up, with ready-made commands to send requests to it.
//!
//! - [`announcement`]: what is told when everybody is up; [`examples`]: the commands, from the rules and the topology
//! - [`root`]: the file with the root of the gateway's certificates
//! - [`live`]: what happens until the end; [`ending`]: when that is
//! - [`pushed`]: what came of pushing a rule file that was saved
//! - [`counts`]: what proxies have counted, in words
//! - [`teller`]: whom all this is told; [`lines`]: what changes on a terminal

mod announcement;
mod counts;
mod ending;
mod examples;
mod lines;
mod live;
mod pushed;
mod root;
mod teller;

use std::process::ExitCode;

use hallway_config::Resources;
use hallway_scenario::Ground;
use hallway_world::up::{Counts, Up};
use tokio_util::sync::CancellationToken;

use self::announcement::{Announcement, Tokens};
use self::live::Live;
use self::root::RootFile;
use self::teller::Teller;
use crate::arguments::{self, DEFAULT_SEED, On};
use crate::catalogue::Catalogue;
use crate::conduct::run::{Order, Programs};
use crate::failure::Failure;
use crate::saved::Saved;
use crate::{ground, report, rules, runtime};

/// Starts the topology of a scenario, and keeps it up until somebody ends it.
pub(crate) fn up(catalogue: &Catalogue, arguments: &arguments::Up) -> Result<ExitCode, Failure> {
    let (loaded, control) = catalogue.find_subject(&arguments.subject)?;
    let order = Order {
        loaded: &loaded,
        control: control.as_deref(),
        ground: Ground::Processes,
        seed: DEFAULT_SEED,
    };
    ground::insist(order.scenario(), Ground::Processes)?;
    let session = Session {
        resources: rules::admit(&loaded.files, order.scenario())?.resources,
        tokens: match arguments.show_tokens {
            true => Tokens::Shown,
            false => Tokens::Hidden,
        },
        teller: Teller::new(arguments.json),
        order,
    };
    let heading = report::heading(On::Processes, DEFAULT_SEED);
    session
        .teller
        .begin(&report::terminal([&loaded]).heading(&heading));
    // From before the first push on, so that nothing is missed that is saved meanwhile.
    let saved = Saved::watch(loaded.files.path(&order.scenario().rules));
    let options = Programs::find(catalogue)?.options(&order, None);
    let lines = session.teller.lines().clone();
    let last = runtime::run_beside(
        move |say| lines.aside(say),
        async |cancel: CancellationToken| {
            let live = async |up: &Up<'_>| session.live(up, saved, cancel.clone()).await;
            hallway_world::up::up(order.scenario(), &loaded.files, &options, &cancel, live).await
        },
    )?;
    session.teller.settle();
    session
        .teller
        .end(&last.map_err(|error| order.told(&error.into()))??);
    Ok(ExitCode::SUCCESS)
}

/// What is kept up.
struct Session<'a> {
    order: Order<'a>,
    resources: Resources,
    tokens: Tokens,
    teller: Teller,
}

impl Session<'_> {
    /// Tells what is up, and what happens to it until somebody ends it. The file that it has written is gone when it returns: programs can take seconds
    /// to stop, and who does not want to wait for them ends this one at once.
    async fn live(&self, up: &Up<'_>, saved: Saved, cancel: CancellationToken) -> Result<Counts, Failure> {
        let places = up.places();
        let root = RootFile::write(self.order.scenario(), &places.web_root)?;
        let root_path = root.as_ref().map(RootFile::path);
        let announcement = Announcement::of(&self.order, &self.resources, places, root_path, self.tokens);
        self.teller.announce(&announcement);
        let live = Live {
            order: &self.order,
            up,
            teller: &self.teller,
        };
        Ok(live.until(ending::ended(cancel), saved).await)
    }
}
