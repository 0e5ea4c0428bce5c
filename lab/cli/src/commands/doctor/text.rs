//! The findings for people.

use std::fmt::Write as _;

use anstyle::Style;
use hallway_grade::report::Styles;

use super::Findings;
use super::benches::Peer;
use super::clients::Client;
use super::languages::Language;
use super::machine::Feature;

/// How many characters names take.
const NAMES: usize = 13;

/// Where details begin: behind a sign and a name.
const INDENT: usize = 3 + NAMES + 2;

/// The findings, section by section.
pub(super) fn text(findings: &Findings, styles: &Styles, in_ci: bool) -> String {
    let mut text =
        painted(styles.strong, &format!("Hallway {}", findings.version)) + " · what this machine offers\n";
    text += "\nLanguages of services on real processes; simulated, Rust plays them all\n";
    for language in &findings.languages {
        text += &of_language(language, styles, in_ci);
    }
    text += "\nClients that come from outside\n";
    for client in &findings.clients {
        text += &of_client(client, styles);
    }
    if !findings.benches.is_empty() {
        text += "\nPrograms that benches compare with or use\n";
    }
    for peer in &findings.benches {
        text += &of_peer(peer, styles);
    }
    text += "\nThe machine\n";
    for feature in &findings.machine {
        text += &of_feature(feature, styles);
    }
    let verdict = match findings.works {
        true => "The default path works: `hallway` grades every scenario, two of them on real processes.",
        false => "Something is missing that is needed: see ✗ above.",
    };
    text + "\n" + verdict + "\n"
}

fn of_language(language: &Language, styles: &Styles, in_ci: bool) -> String {
    let name = &language.name;
    let Some(problem) = &language.problem else {
        let words = match (&language.version, &language.least, &language.path) {
            (Some(version), Some(least), Some(path)) => format!("{version} (at least {least})  {path}"),
            _ => "part of Hallway".to_owned(),
        };
        let users = [&language.needed_by[..], &language.replaceable_in].concat();
        let details = match &users[..] {
            [] => Vec::new(),
            users => vec![format!("used by {}", users.join(", "))],
        };
        return item(styles, Sign::Good, name, &words, &details);
    };
    let mut costs = Vec::new();
    if !language.replaceable_in.is_empty() {
        costs.push(format!(
            "Rust stands in for it in {}",
            language.replaceable_in.join(", ")
        ));
    }
    if !language.needed_by.is_empty() {
        costs.push(format!("skipped on processes: {}", language.needed_by.join(", ")));
    }
    if costs.is_empty() {
        costs.push("no scenario misses it".to_owned());
    }
    costs.extend(language.next_step.clone());
    let sign = if in_ci { Sign::Bad } else { Sign::Missing };
    item(styles, sign, name, problem, &costs)
}

fn of_client(client: &Client, styles: &Styles) -> String {
    match &client.path {
        Some(path) => item(styles, Sign::Good, client.name, &path.display().to_string(), &[]),
        None => {
            let details = [
                client.without_it.to_owned(),
                format!("install it: {}", client.install),
            ];
            item(styles, Sign::Missing, client.name, "not installed", &details)
        }
    }
}

fn of_peer(peer: &Peer, styles: &Styles) -> String {
    match (&peer.version, &peer.path) {
        (Some(version), Some(path)) => {
            item(styles, Sign::Good, peer.name, &format!("{version}  {path}"), &[])
        }
        _ => {
            let details = [
                format!("left out of `hallway {}`", peer.used_by),
                format!("install it: {}", peer.install),
            ];
            item(styles, Sign::Missing, peer.name, "not installed", &details)
        }
    }
}

fn of_feature(feature: &Feature, styles: &Styles) -> String {
    let sign = match (feature.is_there, feature.is_needed) {
        (true, _) => Sign::Good,
        (false, true) => Sign::Bad,
        (false, false) => Sign::Missing,
    };
    let details = match feature.is_there {
        true => Vec::new(),
        false => vec![feature.without_it.to_owned()],
    };
    item(styles, sign, feature.name, &feature.saw, &details)
}

/// Whether something is there, and whether that matters.
#[derive(Clone, Copy)]
enum Sign {
    Good,
    Missing,
    Bad,
}

fn item(styles: &Styles, sign: Sign, name: &str, words: &str, details: &[String]) -> String {
    let (sign, style) = match sign {
        Sign::Good => ("✓", styles.good),
        Sign::Missing => ("–", styles.doubtful),
        Sign::Bad => ("✗", styles.bad),
    };
    let sign = painted(style, sign);
    let mut text = format!(
        " {sign} {}  {words}\n",
        painted(styles.strong, &format!("{name:<NAMES$}"))
    );
    for detail in details {
        let _ = writeln!(text, "{:INDENT$}{}", "", painted(styles.quiet, detail));
    }
    text
}

fn painted(style: Style, words: &str) -> String {
    format!("{style}{words}{style:#}")
}
