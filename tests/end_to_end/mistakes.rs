//! What is said of wrong input: where it is wrong, why, and what to do.

use std::fs;

use crate::program::{hallway, run, settled};
use crate::scratch::Scratch;

#[tokio::test]
async fn every_mistake_of_a_scenario_is_told_at_its_place() {
    let scratch = Scratch::copy("02-first-two-fail");
    scratch.replace("scenario.yaml", "title:", "titel:");
    scratch.replace("scenario.yaml", "rate: 20/s", "rate: often");
    let said = hallway(["run".as_ref(), scratch.scenario().as_os_str()])
        .run()
        .await
        .complaint(2);
    settled().bind(|| {
        insta::assert_snapshot!(said, @"
        error: unknown field `titel`
          ╭▸ [scratch]/02-first-two-fail/scenario.yaml:2:1
          │
        2 │ titel: retries hide two failures
          │ ━━━━━ this document has `scenario`, `title`, `teaches`, `grounds`, `topology`, `rules`, `traffic`, `timeline`, `deployments`, `checks` and `controls`
          ╰╴
        help: did you mean `title`?

        error: `rate` must be a rate such as `100/s`, not the text `often`
           ╭▸ [scratch]/02-first-two-fail/scenario.yaml:12:63
           │
        12 │   checkout: { from: orders, to: http://payments/charge, rate: often, for: 2s }
           ╰╴                                                              ━━━━━ expected a rate such as `100/s`
        ");
    });
}

#[tokio::test]
async fn broken_rules_are_told_before_anything_starts() {
    let scratch = Scratch::copy("02-first-two-fail");
    scratch.replace("rules.yaml", "attempts: 3", "attemps: 3");
    for command in ["run", "grade", "replay"] {
        let ended = hallway([command.as_ref(), scratch.scenario().as_os_str()])
            .run()
            .await;
        assert_eq!(ended.stdout, "");
        let said = ended.complaint(2);
        settled().bind(|| {
            insta::allow_duplicates! {
                insta::assert_snapshot!(said, @"
                error: unknown field `attemps`
                   ╭▸ [scratch]/02-first-two-fail/rules.yaml:17:9
                   │
                17 │         attemps: 3 # beside the first one
                   │         ━━━━━━━ `retry` has `codes`, `attempts` and `backoff`
                   │
                   ╰ in HTTPRoute shop/checkout-retries, rule 1
                help: did you mean `attempts`?
                1 error; nothing of these rules would be put in force
                ");
            }
        });
    }
}

#[tokio::test]
async fn rules_that_are_not_there_are_told_at_their_place() {
    let scratch = Scratch::copy("02-first-two-fail");
    fs::remove_file(scratch.file("rules.yaml")).expect("it is there");
    let said = hallway(["run".as_ref(), scratch.scenario().as_os_str()])
        .run()
        .await
        .complaint(2);
    settled().bind(|| {
        insta::assert_snapshot!(said, @"
        error: there is no rule file `rules.yaml` beside this one
           ╭▸ [scratch]/02-first-two-fail/scenario.yaml:10:8
           │
        10 │ rules: rules.yaml
           │        ━━━━━━━━━━ no such file
           ╰╴
        help: create it, or correct the name
        ");
    });
}

#[tokio::test]
async fn what_the_reference_does_not_know_is_told_with_what_it_does() {
    let field = run("show rules HTTPRoute.spec.rules.retries").await.complaint(2);
    let kind = run("show rules VirtualService").await.complaint(2);
    let topic = run("show rule").await.complaint(2);
    let scenario = run("show first-hop traffic").await.complaint(2);
    let said = [field, kind, topic, scenario].join("\n");
    insta::assert_snapshot!(said, @"
    error: HTTPRoute.spec.rules has no field `retries`: did you mean `retry`?
    `hallway show rules HTTPRoute.spec.rules` shows what it has

    error: there is no kind `VirtualService`
    `hallway show rules` lists all kinds that Hallway understands

    error: there is no scenario `rule`: did you mean `hallway show rules`?

    error: only `rules`, `checks` and `scenario-format` have pages to choose from: write `hallway show first-hop` alone
    ");
}

#[tokio::test]
async fn what_is_no_scenario_is_told_apart() {
    let scratch = Scratch::copy("02-first-two-fail");
    fs::remove_file(scratch.file("scenario.yaml")).expect("it is there");
    let other_directory = hallway(["run".as_ref(), scratch.scenario().as_os_str()])
        .run()
        .await
        .complaint(2);
    let file = run("run scenarios/02-first-two-fail/rules.yaml")
        .await
        .complaint(2);
    let nothing = run("run scenarios/02-first-two-fial").await.complaint(2);
    let name = run("run first-too-fail").await.complaint(2);
    let unlike_any_name = run("grade first-two-fail something-else").await.complaint(2);
    let control = run("run first-two-fail --control no-retries").await.complaint(2);
    let no_scenarios = run("--scenarios services list").await.complaint(2);
    let said = [
        other_directory,
        file,
        nothing,
        name,
        unlike_any_name,
        control,
        no_scenarios,
    ]
    .join("\n");
    settled().bind(|| {
        insta::assert_snapshot!(said, @"
        error: `[scratch]/02-first-two-fail` is not a scenario: it has no `scenario.yaml`; see `hallway list` for all scenarios, and scenarios/schema.json for what the file holds

        error: `scenarios/02-first-two-fail/rules.yaml` is not a directory: a scenario is a directory with a `scenario.yaml`; give that directory

        error: `scenarios/02-first-two-fial` does not exist: give the directory of a scenario, or see `hallway list` for the names of all

        error: there is no scenario `first-too-fail`: did you mean `first-two-fail`?
        `hallway list` lists all; a directory is given with its path

        error: there is no scenario `something-else`
        `hallway list` lists all; a directory is given with its path

        error: first-two-fail has no control `no-retries`; it has `no-retry`, `one-retry` and `lost-effect`

        error: `services` holds no scenario: expected directories with a scenario.yaml
        ");
    });
}

#[tokio::test]
async fn rules_can_be_checked_alone() {
    let seen = run("check scenarios/05-canary-weights/rules.yaml")
        .await
        .quietly(0);
    insta::assert_snapshot!(seen, @"
    1 file: 4 resources
    no errors, 0 warnings
    ");
    let broken = run("check scenarios/07-bad-push/rules.broken.yaml")
        .await
        .complaint(2);
    let dangling = run("check scenarios/07-bad-push/rules.dangling.yaml")
        .await
        .complaint(2);
    let absent = run("check scenarios/07-bad-push/rules.absent.yaml")
        .await
        .complaint(2);
    let directory = run("check scenarios/07-bad-push").await.complaint(2);
    insta::assert_snapshot!([broken, dangling, absent, directory].join("\n"), @"
    error: unknown field `attemps`
       ╭▸ scenarios/07-bad-push/rules.broken.yaml:14:30
       │
    14 │       retry: { codes: [503], attemps: 2, backoff: 20ms }
       │                              ━━━━━━━ `retry` has `codes`, `attempts` and `backoff`
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: did you mean `attempts`?
    1 error; nothing of these rules would be put in force

    error: there is no Service shop/paiments
       ╭▸ scenarios/07-bad-push/rules.dangling.yaml:13:29
       │
    13 │     - backendRefs: [{ name: paiments, port: 80 }]
       │                             ━━━━━━━━ refers to nothing
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: did you mean `shop/payments`? otherwise add a Service shop/paiments
    1 error; nothing of these rules would be put in force

    error: cannot read the rule file scenarios/07-bad-push/rules.absent.yaml: No such file or directory (os error 2)

    error: cannot read the rule file scenarios/07-bad-push: Is a directory (os error 21)
    ");
    let relaxed = run("check --relaxed scenarios/07-bad-push/rules.dangling.yaml").await;
    insta::assert_snapshot!(relaxed.stdout, @"
    1 file: 2 resources
    no errors, 1 warning
    ");
    insta::assert_snapshot!(relaxed.complaint(0), @"
    warning: there is no Service shop/paiments
       ╭▸ scenarios/07-bad-push/rules.dangling.yaml:13:29
       │
    13 │     - backendRefs: [{ name: paiments, port: 80 }]
       │                             ━━━━━━━━ refers to nothing
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: did you mean `shop/payments`? otherwise add a Service shop/paiments
    ");
}

#[tokio::test]
async fn a_wrong_command_line_is_refused() {
    let command = run("grad").await.complaint(2);
    let option = run("run first-hop --control").await.complaint(2);
    let ground = run("run first-hop --on mars").await.complaint(2);
    let no_rules = run("check").await.complaint(2);
    insta::assert_snapshot!([command, option, ground, no_rules].join("\n"), @"
    error: unrecognized subcommand 'grad'

      tip: a similar subcommand exists: 'grade'

    Usage: hallway [OPTIONS] [COMMAND]

    For more information, try '--help'.

    error: a value is required for '--control <NAME>' but none was supplied

    For more information, try '--help'.

    error: invalid value 'mars' for '--on <ON>'
      [possible values: processes, simulated, both]

    For more information, try '--help'.

    error: the following required arguments were not provided:
      <RULES>...

    Usage: hallway check <RULES>...

    For more information, try '--help'.
    ");
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_an_error() {
    let scratch = Scratch::copy("02-first-two-fail");
    let file = scratch.file("rules.yaml");
    let words = ["run", "first-two-fail", "--report"].map(str::as_ref);
    let said = hallway(words.into_iter().chain([file.as_os_str()]))
        .run()
        .await
        .complaint(2);
    settled().bind(|| {
        insta::assert_snapshot!(said, @"error: cannot make the directory [scratch]/02-first-two-fail/rules.yaml for the report: File exists (os error 17); name another with --report");
    });
}
