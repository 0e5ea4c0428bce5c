//! The commands of all chapters, run as a reader would: in order, in a directory of their own.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use hallway_book::Chapter;
use hallway_book::blocks::{self, Block};
use tokio::process::Command;
use tokio::time::timeout;

use crate::console::{Step, steps};

/// How long one command may take: a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Set, outputs are written into the chapters instead of being compared.
const UPDATE: &str = "HALLWAY_UPDATE";

/// How blocks of commands are called elsewhere.
const SHELLS: [&str; 5] = ["sh", "bash", "shell", "zsh", "shell-session"];

/// What a command printed and how it ended.
struct Seen {
    output: String,
    code: Option<i32>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_does_what_the_book_shows() {
    let chapters = hallway_book::chapters(&crate::book()).expect("a book");
    let update = std::env::var_os(UPDATE).is_some();
    let mut findings = Vec::new();
    let mut commands = 0;
    for chapter in &chapters {
        let (found, ran) = run(chapter, update).await;
        findings.extend(found);
        commands += ran;
    }
    assert!(commands > 0, "the book shows commands");
    assert!(
        findings.is_empty(),
        "{} of {commands} commands do something else; {UPDATE}=1 writes what they do into the book\n\n{}",
        findings.len(),
        findings.join("\n\n")
    );
}

/// Runs the commands of a chapter, and writes what they print into it if that is to `update` it; gives what is wrong, and how many there were.
async fn run(chapter: &Chapter, update: bool) -> (Vec<String>, usize) {
    let at = |line: usize| format!("{}:{line}", chapter.path.display());
    let directory = tempfile::tempdir().expect("there is room");
    let mut text = chapter.text.clone();
    let mut findings = Vec::new();
    let mut changes = Vec::new();
    let mut count = 0;
    for block in blocks::fenced(&chapter.text) {
        match steps_of(&block) {
            Err(wrong) => findings.push(format!("{}: {wrong}", at(block.line))),
            Ok(steps) => {
                for step in steps {
                    count += 1;
                    let seen = execute(step.command, directory.path()).await;
                    if step.shows(&seen.output) && seen.code == Some(step.exit) {
                        continue;
                    }
                    if update && !step.is_shortened() && seen.code == Some(step.exit) {
                        changes.push((step.at.clone(), seen.output));
                        continue;
                    }
                    findings.push(told(&at(step.line), &step, &seen));
                }
            }
        }
    }
    // From the end, so that places before stay where they are.
    for (at, output) in changes.iter().rev() {
        text.replace_range(at.clone(), output);
    }
    if !changes.is_empty() {
        fs::write(&chapter.file, text).expect("the chapter can be written");
    }
    (findings, count)
}

/// The steps of a block; none when it holds no commands.
fn steps_of<'a>(block: &Block<'a>) -> Result<Vec<Step<'a>>, String> {
    match block.language {
        "console" => steps(block),
        "sh" if block.is("not-run") => Ok(Vec::new()),
        shell if SHELLS.contains(&shell) => Err(format!(
            "commands stand in `console` blocks, which are run, or in `sh,not-run`, and not in `{shell}`"
        )),
        _ => Ok(Vec::new()),
    }
}

async fn execute(command: &str, directory: &Path) -> Seen {
    let hallway = Path::new(env!("CARGO_BIN_EXE_hallway"));
    let programs = hallway.parent().expect("it is in a directory");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    let mut process = Command::new("bash");
    process
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(directory)
        .env("PATH", std::env::join_paths(places).expect("plain paths"))
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    for variable in ["CI", "CLICOLOR_FORCE", "HALLWAY_ENVOY", "HALLWAY_UPDATE"] {
        process.env_remove(variable);
    }
    let ended = timeout(PATIENCE, process.output())
        .await
        .unwrap_or_else(|_| panic!("`{command}` takes longer than {} s", PATIENCE.as_secs()))
        .expect("bash is installed");
    Seen {
        output: String::from_utf8_lossy(&ended.stdout).into_owned(),
        code: ended.status.code(),
    }
}

/// What is wrong with a step, for its author.
fn told(at: &str, step: &Step<'_>, seen: &Seen) -> String {
    let indented = |text: &str| {
        text.lines()
            .map(|line| format!("    {line}\n"))
            .collect::<String>()
    };
    format!(
        "{at}: $ {}\n  the book shows (exit {})\n{}  it prints (exit {})\n{}",
        step.command,
        step.exit,
        indented(&step.output.join("\n")),
        seen.code
            .map_or("by a signal".to_owned(), |code| code.to_string()),
        indented(&seen.output)
    )
}

/// What the check says of a chapter with this in it.
async fn findings(markdown: &str) -> Vec<String> {
    let chapter = Chapter {
        file: "chapter.md".into(),
        path: "chapter.md".into(),
        text: markdown.to_owned(),
    };
    run(&chapter, false).await.0
}

#[tokio::test]
async fn a_chapter_that_lies_is_found() {
    for lie in [
        "```console\n$ echo one\ntwo\n```",
        "```console\n$ false\n```",
        "```console,exit=1\n$ true\n```",
        "```sh\nhallway run\n```",
        "```console\n$ echo one > file\n```\n```console\n$ cat file\ntwo\n```",
        "```console\n$ hallway --version\nhallway 9.9.9\n```",
    ] {
        let found = findings(lie).await;
        assert_eq!(found.len(), 1, "{lie}: {found:?}");
        assert!(found[0].starts_with("chapter.md:"), "{found:?}");
    }
    for truth in [
        "```console\n$ echo one > file; cat file\none\n```\n```console,exit=1\n$ rm file; cat file\n…\n```",
        "```sh,not-run\nhallway book\n```",
        "```console\n$ hallway --version\nhallway 0.1.0\n```",
    ] {
        assert!(findings(truth).await.is_empty(), "{truth}");
    }
}
