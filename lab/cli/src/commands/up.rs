//! `hallway up`: a topology that stays up, with ready-made commands to send requests to it.
//!
//! - [`examples`]: the commands, from the rules and the topology
//! - [`announcement`]: what is told when everybody is up
//! - [`root`]: the file with the root of the gateway's certificates
//! - [`live`]: what happens until the end; [`ending`]: when that is
//! - [`saved`]: rule files that are saved; [`pushed`]: what came of pushing them
//! - [`counts`]: what proxies have counted, in words

mod announcement;
mod counts;
mod ending;
mod examples;
mod live;
mod pushed;
mod root;
mod saved;

use std::process::ExitCode;

use hallway_config::Resources;
use hallway_scenario::Ground;
use hallway_world::up::{Counts, Up};
use tokio_util::sync::CancellationToken;

use self::announcement::Announcement;
use self::live::Live;
use self::root::RootFile;
use self::saved::Saved;
use crate::arguments::{self, DEFAULT_SEED, On};
use crate::catalogue::Catalogue;
use crate::conduct::run::{Order, Programs};
use crate::failure::Failure;
use crate::{ground, report, rules, runtime};

/// How it is told what is up.
#[derive(Clone, Copy)]
struct Telling {
    /// One JSON document a line.
    json: bool,
    /// With the tokens of the admin endpoints.
    tokens: bool,
}

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
    let resources = rules::admit(&loaded.directory, order.scenario())?.resources;
    let telling = Telling {
        json: arguments.json,
        tokens: arguments.show_tokens,
    };
    if !telling.json {
        let heading = report::heading(On::Processes, DEFAULT_SEED);
        anstream::println!("{}", report::terminal([&loaded]).heading(&heading));
    }
    // From before the first push on, so that nothing is missed that is saved meanwhile.
    let saved = Saved::watch(loaded.directory.join(&order.scenario().rules));
    let programs = Programs::find(catalogue)?;
    let options = programs.options(&order, None);
    let last = runtime::run(async |cancel: CancellationToken| {
        let live = async |up: &Up<'_>| live(&order, &resources, telling, up, saved, cancel.clone()).await;
        hallway_world::up::up(order.scenario(), &loaded.directory, &options, &cancel, live).await
    })?;
    let last = last.map_err(|error| order.told(&error.into()))??;
    telling.end(&last);
    Ok(ExitCode::SUCCESS)
}

/// Tells what is up, and what happens to it until somebody ends it. What it has written is gone when it returns: programs can take seconds to stop, and
/// who does not want to wait for them ends this one at once.
async fn live(
    order: &Order<'_>,
    resources: &Resources,
    telling: Telling,
    up: &Up<'_>,
    saved: Saved,
    cancel: CancellationToken,
) -> Result<Counts, Failure> {
    let places = up.places();
    let root = RootFile::write(order.scenario(), &places.web_root)?;
    let root_path = root.as_ref().map(RootFile::path);
    let announcement = Announcement::of(order, resources, places, root_path, telling);
    match telling.json {
        true => anstream::println!("{}", announcement.json()),
        false => anstream::println!("{}\n", announcement.text()),
    }
    Ok(Live::new(order, up, telling, saved)
        .until(ending::ended(cancel))
        .await)
}

impl Telling {
    /// Says what the proxies had counted in the end.
    fn end(self, last: &Counts) {
        match self.json {
            true => anstream::println!("{}", serde_json::json!({ "event": "ended", "proxies": last })),
            false if live::is_watched() => anstream::println!("{}", counts::table(last)),
            false => anstream::println!("{}", counts::line(last)),
        }
    }
}
