//! The command lines that the documents promise, the help, and what is shown without running anything.

use std::fs;
use std::path::{Path, PathBuf};

use hallway_scenario::load::{Loaded, discover, load_directory};

use crate::program::{hallway, repository, run};

#[tokio::test]
async fn every_command_in_every_document_can_be_typed() {
    let scenarios = scenarios();
    let lessons = scenarios
        .iter()
        .map(|loaded| loaded.lesson.clone().expect("every scenario has a lesson"));
    let documents: Vec<PathBuf> = lessons
        .chain(["README.md", "CONTRIBUTING.md"].map(|name| repository().join(name)))
        .collect();
    let mut count = 0;
    for document in &documents {
        let text = fs::read_to_string(document).expect("the document is there");
        for command in commands(&text) {
            can_be_typed(&command, &scenarios)
                .await
                .unwrap_or_else(|problem| panic!("{}: `{command}`: {problem}", document.display()));
            count += 1;
        }
    }
    assert!(count > scenarios.len(), "only {count} commands were found");
}

#[test]
fn every_rule_file_in_a_lesson_exists() {
    for scenario in scenarios() {
        let lesson = fs::read_to_string(scenario.lesson.expect("every scenario has a lesson"))
            .expect("it can be read");
        for word in lesson
            .split('`')
            .filter(|word| word.starts_with("rules.") && word.ends_with(".yaml"))
        {
            assert!(
                scenario.files.path(word).is_file(),
                "{}: there is no `{word}`",
                scenario.name
            );
        }
    }
}

#[tokio::test]
async fn the_help_says_where_to_begin_and_what_exit_codes_mean() {
    let seen = run("--help").await.quietly(0);
    insta::assert_snapshot!(seen, @"
    A service-mesh lab that runs on one laptop. Without a command, it grades every scenario simulated,
    and two on processes

    Usage: hallway [OPTIONS] [COMMAND]

    Commands:
      run            Runs one scenario, and says of each check what was expected and what was seen
      grade          Runs scenarios with all their controls, and prints a table
      replay         Shows a simulated run event by event
      explore        Searches for a seed that breaks a scenario
      up             Keeps a topology running, with ready-made curl commands to send requests to it
      learn          Leads through the scenarios, one after the other: a lesson to read, a prediction, a
                     run, and something to repair
      check-lessons  Checks that lessons keep their word
      bench          Measures
      list           Lists the scenarios
      show           Shows a scenario's lesson and files, or what can be written in rules and scenarios
      check          Checks rule files without running anything
      new            Begins something of your own
      book           Builds the book and serves it on loopback
      doctor         Says what Hallway can use on this machine, and what each missing thing costs
      help           Print this message or the help of the given subcommand(s)

    Options:
          --scenarios <DIR>  The directory with the scenarios; found from the current directory upwards
                             when absent
      -h, --help             Print help
      -V, --version          Print version

    Begin with:
      hallway learn             the guided path, from the beginning
      hallway run first-hop     one scenario in motion

    Exit codes:
      0  all green, or `up` was told to end
      1  a check failed, a control did not turn its checks red, the two grounds disagree,
         explore found a seed, or doctor found that something needed is missing
      2  the command line, a scenario or a rule file is wrong
      3  the lab itself failed, or was interrupted
    ");
}

#[tokio::test]
async fn scenarios_can_be_listed_and_shown() {
    let list = run("list").await.quietly(0);
    insta::assert_snapshot!(list, @"
    first-hop               a call crosses two sidecars
                            What a mesh does to a call, without a change to the services
    first-two-fail          retries hide two failures
                            What a retry policy does, and that the callee pays for it
    slow-callee             a deadline instead of a wait
                            A timeout protects the caller, and must also stop the work that nobody waits for
    fair-share              the slow replica gets less to do
                            Why a balancer should look at requests in flight instead of taking turns
    canary-weights          nine to one, then half and half
                            How a new version gets a small share of the traffic, and more of it without a restart
    four-impostors          who is refused, and why
                            What mutual TLS proves, and that every refusal has a reason of its own
    bad-push                a bad rule must not take the mesh down
                            Rules are refused as a whole, with their place, and what was in force stays in force
    short-lived             an hour on certificates that live for five minutes
                            Short lives are worth something only if rotation is not noticed and no connection outlives its certificates
    control-plane-blackout  an hour without a control plane
                            A mesh goes on without its control plane for as long as its certificates live, and no longer
    slow-network            a thin and lossy line to the archive
                            A deadline holds on a bad network too, and what is small still gets through
    one-fat-pipe            one connection, three replicas
                            Why a balancer of connections pins gRPC to one replica, and one of requests does not
    paid-twice              a retry that charges the card twice
                            Why a mesh must not send a POST again that may have been executed
    polyglot                one request through five languages
                            Why the rules of a mesh belong into sidecars and not into libraries
    retry-storm             three hops, twenty-seven tries
                            How retries multiply along a chain of calls, and what a retry budget leaves of that
    broken-trace            one service forgets a header
                            What the mesh can do for a trace by itself, and the one thing that every service has to do
    first-boot              calls before the sidecar is there
                            What a sidecar has to be before its application may call, and how an application can start first all the same
    every-team-its-own      two attempts in all, not three
                            What one decision costs when every team keeps it in its own code, and when one rule says it for all
    need-to-know            who may do what, at the door of the callee
                            That knowing who calls is half of it, and that a rule about paths is worth as much as the agreement about what a path is
    six-badges              what makes a badge worth believing
                            What makes a token worth believing, and that checking tokens and demanding them are two rules
    front-door              TLS outside, mutual TLS inside
                            What the front door of a mesh does that no sidecar does, and where it ends
    side-door               the front door is locked, and the side door is open
                            Why a check at the gateway protects only what comes through the gateway
    canary-only-outside     a split at the door, which nobody inside sees
                            That a route of the gateway is for those who come through the gateway, and how to bind it to the mesh as well
    forged-headers          a stranger who says that he is the admin
                            Which headers say who somebody is, who may write them, and where they have to be thrown away
    two-drivers             the gateway tries again, and the mesh does too
                            That retries at the door multiply with those inside, and that somebody has to own them
    who-does-what           neither, a gateway, a mesh, both
                            Which concern is the gateway's, which is the mesh's, and that neither does the other's work
    do-you-need-one         three services, then forty
                            What a mesh takes before it gives anything, and why for a handful of services the answer is often: not yet

    Next:  hallway learn                  the guided path, from the beginning
           hallway show first-hop         its lesson and files
           hallway run first-hop          run it
           hallway new scenario checkout  begin one of your own
    ");
    let shown = run("show canary-weights").await.quietly(0);
    assert!(
        shown.starts_with("# Nine to one, then half and half\n"),
        "{shown}"
    );
    assert!(shown.contains("\nscenario: canary-weights\n"), "{shown}");
    let retry = run("show rules HTTPRoute.spec.rules.retry").await.quietly(0);
    assert!(
        retry.starts_with("HTTPRoute.spec.rules.retry: fields\n"),
        "{retry}"
    );
    let responses = run("show checks responses --all").await.quietly(0);
    assert!(responses.contains("\nresponses.during: "), "{responses}");
    let split = run("show checks split").await.quietly(0);
    assert!(
        split.ends_with("payments-v2: 20 }\n      sample: 1200\n")
            && split.contains("\n  split-before:\n    split:\n"),
        "{split}"
    );
    let schema = run("show schema").await.quietly(0);
    let published = fs::read_to_string(repository().join("scenarios/schema.json")).expect("it is published");
    assert_eq!(json(&schema), json(&published));
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("a JSON Schema is JSON")
}

fn scenarios() -> Vec<Loaded> {
    let directories = discover(repository().join("scenarios")).expect("the repository has scenarios");
    let load = |directory: &PathBuf| load_directory(directory).expect("it is in order");
    directories.iter().map(load).collect()
}

/// The command lines of `hallway` in the blocks of shell commands in `document`, without comments.
fn commands(document: &str) -> Vec<String> {
    let blocks = document.split("```").skip(1).step_by(2);
    let lines = blocks
        .filter_map(|block| block.strip_prefix("sh\n"))
        .flat_map(str::lines);
    let commands = lines.map(|line| line.split('#').next().unwrap_or_default().trim());
    commands
        .map(|line| line.replace("cargo run --release -- ", "hallway "))
        .filter(|line| line.starts_with("hallway "))
        .collect()
}

/// Whether `hallway` understands the words, and knows the things that they name.
async fn can_be_typed(command: &str, scenarios: &[Loaded]) -> Result<(), String> {
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let ended = hallway(words.iter().chain(&["--help"])).run().await;
    if ended.code != Some(0) {
        return Err(ended.stderr);
    }
    match words.as_slice() {
        ["show", "rules" | "checks" | "scenario-format" | "schema", ..] => {
            match hallway(&words).run().await {
                shown if shown.code == Some(0) => Ok(()),
                refused => Err(refused.stderr),
            }
        }
        ["grade", "--on", _]
        | ["bench", _]
        | ["learn" | "book"]
        | ["list" | "doctor"]
        | ["new", "scenario", _] => Ok(()),
        [
            "run" | "grade" | "show" | "replay" | "explore" | "up" | "learn" | "check-lessons",
            name,
            options @ ..,
        ] => {
            let scenario = scenarios
                .iter()
                .find(|loaded| loaded.name == *name)
                .ok_or(format!("no scenario `{name}`"))?;
            let control = options
                .iter()
                .position(|option| *option == "--control")
                .map(|at| options[at + 1]);
            match control {
                Some(control) if !scenario.controls.contains_key(control) => {
                    Err(format!("no control `{control}`"))
                }
                _ => Ok(()),
            }
        }
        ["check", files @ ..] => match files
            .iter()
            .find(|file| !repository().join(Path::new(file)).is_file())
        {
            Some(file) => Err(format!("no file `{file}`")),
            None => Ok(()),
        },
        _ => Err("a command that this test does not know".to_owned()),
    }
}
