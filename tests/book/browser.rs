//! All pages in Chromium, at the width of a telephone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hallway_book::serve::Server;
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

/// How long Chromium may take for all pages.
const PATIENCE: Duration = Duration::from_secs(180);

/// The name of the page that looks at the others.
const OBSERVER: &str = "observer.html";

/// The width of a small telephone, in CSS pixels.
const WIDTH: u32 = 360;

/// What the observer says of one page.
#[derive(Debug, Deserialize)]
struct Seen {
    page: String,
    /// How wide it wants to be, in CSS pixels.
    width: u32,
    quizzes: usize,
    /// Answers of quizzes that were chosen, and what the page did not say to them.
    answers: usize,
    silent: Vec<String>,
}

#[tokio::test]
async fn every_page_fits_a_telephone_and_every_quiz_answers() {
    let Some(chromium) = chromium() else { return };
    let (directory, pages) = built();
    let seen = observe(&chromium, directory.path(), &pages).await;
    assert_eq!(seen.len(), pages.len(), "{seen:?}");
    for page in &seen {
        assert!(page.width <= WIDTH, "{} is {} px wide", page.page, page.width);
        assert!(page.silent.is_empty(), "{}: {:?}", page.page, page.silent);
        assert!(page.answers >= 2 * page.quizzes, "{page:?}");
    }
    let quizzes: usize = seen.iter().map(|page| page.quizzes).sum();
    assert!(quizzes > 20, "each chapter asks something: {quizzes}");
}

#[tokio::test]
async fn a_page_that_is_too_wide_and_a_quiz_that_does_not_answer_are_seen() {
    let Some(chromium) = chromium() else { return };
    let (directory, pages) = built();
    let page = pages
        .iter()
        .find(|page| page.ends_with("retries.html"))
        .expect("there is a chapter on retries");
    let path = directory.path().join(page);
    let text = fs::read_to_string(&path).expect("it was built");
    let wide = text.replace("<fieldset", "<div style=\"width: 500px\">wide</div><fieldset");
    let mute = wide.replace("class=\"verdict\"", "class=\"other\"");
    assert_ne!(text, mute);
    fs::write(&path, mute).expect("it can be written");
    let seen = observe(&chromium, directory.path(), std::slice::from_ref(page)).await;
    assert!(seen[0].width > WIDTH, "{seen:?}");
    assert!(!seen[0].silent.is_empty(), "{seen:?}");
}

/// The pages of the book, built, and their names.
fn built() -> (tempfile::TempDir, Vec<String>) {
    let directory = tempfile::tempdir().expect("there is room");
    hallway_book::build(&crate::book(), directory.path()).unwrap_or_else(|error| panic!("{error}"));
    let chapters = hallway_book::chapters(&crate::book()).expect("a book");
    let pages = chapters.iter().map(|chapter| chapter.path.with_extension("html"));
    let pages = pages.map(|page| page.display().to_string()).collect();
    (directory, pages)
}

/// Opens each page in a frame of its own, looks how wide it is, and clicks all answers of its quizzes.
async fn observe(chromium: &Path, directory: &Path, pages: &[String]) -> Vec<Seen> {
    let list = serde_json::to_string(pages).expect("plain words");
    let observer = include_str!("observer.html")
        .replace("[\"PAGES\"]", &list)
        .replace("\"WIDTH\"", &WIDTH.to_string());
    fs::write(directory.join(OBSERVER), observer).expect("there is room");
    let server = Server::bind(0).await.expect("a free port");
    let address = server.address().expect("its address");
    let profile = tempfile::tempdir().expect("there is room");
    let mut browser = Command::new(chromium);
    browser
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--dump-dom",
        ])
        .args(["--window-size=1280,1024", "--virtual-time-budget=120000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://{address}/{OBSERVER}"))
        .env("HOME", profile.path())
        .kill_on_drop(true);
    let shown = tokio::select! {
        shown = timeout(PATIENCE, browser.output()) => shown.expect("Chromium ends").expect("Chromium starts"),
        served = server.serve(directory) => panic!("the server has ended: {served:?}"),
    };
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let report = text
        .split_once("<pre id=\"report\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .unwrap_or_else(|| panic!("no report: {text}\n{}", String::from_utf8_lossy(&shown.stderr)))
        .0;
    serde_json::from_str(report).unwrap_or_else(|error| panic!("{error}: {report}"))
}

/// Chromium, if it is installed. In continuous integration it has to be.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|directory| directory.join("chromium"))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "chromium is not installed");
        eprintln!("skipped: chromium is not installed");
    }
    found
}
