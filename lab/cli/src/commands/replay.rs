//! `hallway replay`: a simulated run, event by event.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use hallway_config::GatewayDuration;
use hallway_scenario::Ground;
use hallway_world::ReplayEvent;

use crate::arguments::{Replay, StepBy};
use crate::catalogue::Catalogue;
use crate::conduct::run::{Order, Programs};
use crate::failure::Failure;
use crate::ground;

/// Simulates the run again, and shows what happens in it.
pub(crate) fn replay(catalogue: &Catalogue, arguments: &Replay) -> Result<ExitCode, Failure> {
    let (loaded, control) = catalogue.find_subject(&arguments.subject)?;
    ground::insist(&loaded.scenario, Ground::Simulated)?;
    let order = Order {
        loaded: &loaded,
        control: control.as_deref(),
        ground: Ground::Simulated,
        seed: arguments.seed,
    };
    let finished = order
        .here(&Programs::find(catalogue)?, true)
        .map_err(|error| order.told(&error))?;
    let simulated = finished.simulated.expect("a simulation was asked for");
    let events = chosen(&simulated.events, arguments);
    if events.is_empty() {
        return Err(Failure::input(format_args!(
            "none of the {} events of {} is of that request and time",
            simulated.events.len(),
            order.name()
        )));
    }
    let ended = format!(
        "{} of {} events · seed {} · fingerprint {}",
        events.len(),
        simulated.events.len(),
        arguments.seed,
        simulated.fingerprint
    );
    match show(&events, arguments.step, &ended) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Failure::lab(format_args!("cannot show the events: {error}"))),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

fn chosen<'a>(events: &'a [ReplayEvent], arguments: &Replay) -> Vec<&'a ReplayEvent> {
    let from = arguments.from.map_or(Duration::ZERO, GatewayDuration::to_std);
    let until = arguments.until.map_or(Duration::MAX, GatewayDuration::to_std);
    let is_meant = |event: &&ReplayEvent| {
        let is_of_request = arguments.request.as_ref().is_none_or(|wanted| {
            let request = event.request.as_ref();
            request.is_some_and(|request| [request, short(request)].contains(&wanted.as_str()))
        });
        (from..until).contains(&event.at) && is_of_request
    };
    events.iter().filter(is_meant).collect()
}

/// Prints the events: page by page on a terminal if that was asked for, otherwise all at once.
fn show(events: &[&ReplayEvent], step: Option<StepBy>, ended: &str) -> io::Result<()> {
    let mut output = anstream::stdout().lock();
    let widest = events.iter().map(|event| ends(event).chars().count()).max();
    let width = widest.unwrap_or(0);
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let Some(step) = step.filter(|_| is_terminal) else {
        for event in events {
            writeln!(output, "{}", line(event, width))?;
        }
        return writeln!(output, "\n{ended}");
    };
    writeln!(output, "Enter goes on; q and Enter ends\n")?;
    let mut answers = io::stdin().lock().lines();
    for page in pages(events, step) {
        for event in page {
            writeln!(output, "{}", line(event, width))?;
        }
        output.flush()?;
        match answers.next().transpose()? {
            Some(answer) if answer.trim() != "q" => {}
            _ => return Ok(()),
        }
    }
    writeln!(output, "{ended}")
}

/// The events that are shown at once, page by page.
fn pages<'a>(events: &[&'a ReplayEvent], step: StepBy) -> Vec<Vec<&'a ReplayEvent>> {
    match step {
        StepBy::Event => events.iter().map(|event| vec![*event]).collect(),
        StepBy::Time => events
            .chunk_by(|one, next| one.at.as_millis() == next.at.as_millis())
            .map(<[_]>::to_vec)
            .collect(),
        StepBy::Request => by_request(events),
    }
}

/// One page per request, in the order of their first events.
fn by_request<'a>(events: &[&'a ReplayEvent]) -> Vec<Vec<&'a ReplayEvent>> {
    let mut order: Vec<&str> = Vec::new();
    let mut pages: std::collections::BTreeMap<&str, Vec<&ReplayEvent>> = Default::default();
    for event in events {
        let Some(request) = event.request.as_deref() else {
            continue;
        };
        let page = pages.entry(request).or_default();
        if page.is_empty() {
            order.push(request);
        }
        page.push(event);
    }
    order.iter().filter_map(|request| pages.remove(request)).collect()
}

/// `   1.250300 s  orders-1 → payments-1  …`, with the request where it is known.
fn line(event: &ReplayEvent, width: usize) -> String {
    let seconds = event.at.as_secs_f64();
    let line = format!("{seconds:>12.6} s  {:<width$}  {}", ends(event), event.what);
    match &event.request {
        None => line,
        Some(request) => format!("{line}  · {}", short(request)),
    }
}

/// `checkout-17` of `39b084a8c2be518a-checkout-17`: all requests of a run begin alike.
fn short(request: &str) -> &str {
    request.split_once('-').map_or(request, |(_, short)| short)
}

fn ends(event: &ReplayEvent) -> String {
    if event.to == event.from {
        event.from.clone()
    } else {
        format!("{} → {}", event.from, event.to)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hallway_world::ReplayEvent;

    use super::{line, pages};
    use crate::arguments::StepBy;

    fn event(at_us: u64, request: Option<&str>) -> ReplayEvent {
        ReplayEvent {
            at: Duration::from_micros(at_us),
            from: "orders-1".to_owned(),
            to: "payments-1".to_owned(),
            what: "120 bytes".to_owned(),
            request: request.map(str::to_owned),
        }
    }

    #[test]
    fn a_page_is_an_event_a_time_or_a_request() {
        let events = [
            event(1_000, Some("a")),
            event(1_250, Some("b")),
            event(2_000, None),
            event(2_001, Some("a")),
        ];
        let events: Vec<&ReplayEvent> = events.iter().collect();
        let times = |step| {
            let pages = pages(&events, step);
            let times = |page: &Vec<&ReplayEvent>| page.iter().map(|event| event.at.as_micros()).collect();
            pages.iter().map(times).collect::<Vec<Vec<u128>>>()
        };
        assert_eq!(
            times(StepBy::Event),
            [vec![1_000], vec![1_250], vec![2_000], vec![2_001]]
        );
        assert_eq!(times(StepBy::Time), [vec![1_000, 1_250], vec![2_000, 2_001]]);
        assert_eq!(times(StepBy::Request), [vec![1_000, 2_001], vec![1_250]]);
    }

    #[test]
    fn a_line_says_when_between_whom_and_what() {
        let mut event = event(1_250_300, Some("39b084a8c2be518a-checkout-17"));
        insta::assert_snapshot!(line(&event, 24), @"    1.250300 s  orders-1 → payments-1     120 bytes  · checkout-17");
        (event.to, event.request) = (event.from.clone(), None);
        insta::assert_snapshot!(line(&event, 10), @"    1.250300 s  orders-1    120 bytes");
    }
}
