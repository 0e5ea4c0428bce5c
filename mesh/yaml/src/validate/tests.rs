//! One snapshot for each kind of mistake.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Node, SourceFile, Style, parse_one};

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Lab {
    name: String,
    retry: Option<Retry>,
    #[serde(default)]
    services: BTreeMap<String, Service>,
    mode: Option<Mode>,
    #[serde(default)]
    faults: Vec<Fault>,
    filter: Option<Filter>,
    count: Option<Count>,
    step: Option<Step>,
    #[serde(default)]
    anything: serde_json::Value,
    #[serde(default)]
    codes: BTreeMap<u16, String>,
    pair: Option<(u8, String)>,
    tls: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Retry {
    attempts: u8,
    #[serde(default)]
    backoff: Option<Wait>,
    #[schemars(range(min = 400, max = 599))]
    codes: Option<Vec<u16>>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Service {
    #[serde(default)]
    replicas: u32,
}

/// A duration (GEP-2257). It has a unit.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(example = "250ms")]
struct Wait(#[schemars(regex(pattern = r"^[0-9]+ms$"))] String);

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Mode {
    Strict,
    Permissive,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    Hang,
    Delay { by: Wait },
    Status(u16),
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Filter {
    Set { header: String },
    Remove { headers: Vec<String> },
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
enum Count {
    Exactly(u64),
    Range { from: u64, to: u64 },
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Step {
    at: Wait,
    #[serde(flatten)]
    action: Action,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Push(String),
    Kill(String),
}

fn document(text: &str) -> Node {
    parse_one(&SourceFile::new("lab.yaml", text)).expect("YAML")
}

fn mistakes(text: &str) -> String {
    document(text)
        .decode::<Lab>()
        .expect_err("mistakes")
        .render(Style::Plain)
}

#[test]
fn a_good_document_becomes_its_value() {
    let text = "
name: first
retry: { attempts: 3, backoff: 20ms, codes: [500, 503] }
services: { orders: {}, payments: { replicas: 2 } }
mode: STRICT
faults: [hang, { delay: { by: 5ms } }, { status: 503 }]
filter: { type: remove, headers: [x-a] }
count: { from: 1, to: 2 }
step: { at: 2ms, push: rules.yaml }
anything: { goes: [here, 1, null] }
codes: {}
pair: [1, one]
tls: true
";
    let lab: Lab = document(text).decode().expect("no mistakes");
    insta::assert_snapshot!(serde_json::to_string_pretty(&lab).expect("JSON"), @r#"
    {
      "name": "first",
      "retry": {
        "attempts": 3,
        "backoff": "20ms",
        "codes": [
          500,
          503
        ]
      },
      "services": {
        "orders": {
          "replicas": 0
        },
        "payments": {
          "replicas": 2
        }
      },
      "mode": "STRICT",
      "faults": [
        "hang",
        {
          "delay": {
            "by": "5ms"
          }
        },
        {
          "status": 503
        }
      ],
      "filter": {
        "type": "remove",
        "headers": [
          "x-a"
        ]
      },
      "count": {
        "from": 1,
        "to": 2
      },
      "step": {
        "at": "2ms",
        "push": "rules.yaml"
      },
      "anything": {
        "goes": [
          "here",
          1,
          null
        ]
      },
      "codes": {},
      "pair": [
        1,
        "one"
      ],
      "tls": true
    }
    "#);
}

#[test]
fn fields_and_types() {
    let text = "
nam: first
retry: { attemps: 3x, codes: [200, '503'], backoff: 3 }
services: [orders]
tls: yes
";
    insta::assert_snapshot!(mistakes(text), @r#"
    error: unknown field `nam`
      ╭▸ lab.yaml:2:1
      │
    2 │ nam: first
      │ ━━━ this document has `name`, `retry`, `services`, `mode`, `faults`, `filter`, `count`, `step`, `anything`, `codes`, `pair` and `tls`
      ╰╴
    help: did you mean `name`?

    error: unknown field `attemps`
      ╭▸ lab.yaml:3:10
      │
    3 │ retry: { attemps: 3x, codes: [200, '503'], backoff: 3 }
      │          ━━━━━━━ `retry` has `attempts`, `backoff` and `codes`
      ╰╴
    help: did you mean `attempts`?

    error: `codes[1]` must be a whole number from 0 to 65535, not the text `503`
      ╭▸ lab.yaml:3:36
      │
    3 │ retry: { attemps: 3x, codes: [200, '503'], backoff: 3 }
      │                                    ━━━━━ expected a whole number from 0 to 65535
      ╰╴
    help: remove the quotes

    error: `backoff` must be a duration (GEP-2257) such as `250ms`, not the number `3`
      ╭▸ lab.yaml:3:53
      │
    3 │ retry: { attemps: 3x, codes: [200, '503'], backoff: 3 }
      │                                                     ━ expected a duration (GEP-2257) such as `250ms`
      ╰╴
    help: put it in quotes: "3"

    error: `services` must be a mapping of fields, not a list
      ╭▸ lab.yaml:4:11
      │
    4 │ services: [orders]
      ╰╴          ━━━━━━━━ expected a mapping of fields

    error: `tls` must be `true` or `false`, not the text `yes`
      ╭▸ lab.yaml:5:6
      │
    5 │ tls: yes
      │      ━━━ expected `true` or `false`
      ╰╴
    help: write `true`
    "#);
}

#[test]
fn values_and_variants() {
    let text = "
name: 3
retry: { attempts: 300, backoff: 3 seconds }
mode: STRIKT
faults: [hung, delay, { dely: {} }, { status: many }, { hang: 1, status: 2 }, {}, { hang: 1 }]
services: { orders: { replica: 2, replicas: -1 } }
";
    insta::assert_snapshot!(mistakes(text), @r#"
    error: `name` must be text, not the number `3`
      ╭▸ lab.yaml:2:7
      │
    2 │ name: 3
      │       ━ expected text
      ╰╴
    help: put it in quotes: "3"

    error: `attempts` must be a whole number from 0 to 255, not the number `300`
      ╭▸ lab.yaml:3:20
      │
    3 │ retry: { attempts: 300, backoff: 3 seconds }
      ╰╴                   ━━━ expected a whole number from 0 to 255

    error: `backoff` must be a duration (GEP-2257) such as `250ms`, not the text `3 seconds`
      ╭▸ lab.yaml:3:34
      │
    3 │ retry: { attempts: 300, backoff: 3 seconds }
      ╰╴                                 ━━━━━━━━━ expected a duration (GEP-2257) such as `250ms`

    error: unknown value `STRIKT` for `mode`
      ╭▸ lab.yaml:4:7
      │
    4 │ mode: STRIKT
      │       ━━━━━━ expected `STRICT` or `PERMISSIVE`
      ╰╴
    help: did you mean `STRICT`?

    error: unknown value `hung` for `faults[0]`
      ╭▸ lab.yaml:5:10
      │
    5 │ faults: [hung, delay, { dely: {} }, { status: many }, { hang: 1, status: 2 }, {}, { hang: 1 }]
      │          ━━━━ expected `hang`, `delay` or `status`
      ╰╴
    help: did you mean `hang`?

    error: `delay` needs a value
      ╭▸ lab.yaml:5:16
      │
    5 │ faults: [hung, delay, { dely: {} }, { status: many }, { hang: 1, status: 2 }, {}, { hang: 1 }]
      │                ━━━━━ expected a value after it
      ╰╴
    help: write `delay: …` inside `faults[1]`

    error: unknown field `dely`
      ╭▸ lab.yaml:5:25
      │
    5 │ faults: [hung, delay, { dely: {} }, { status: many }, { hang: 1, status: 2 }, {}, { hang: 1 }]
      │                         ━━━━ `faults[2]` is `hang`, `delay` or `status`
      ╰╴
    help: did you mean `delay`?

    error: `status` must be a whole number from 0 to 65535, not the text `many`
      ╭▸ lab.yaml:5:47
      │
    5 │ faults: [hung, delay, { dely: {} }, { status: many }, { hang: 1, status: 2 }, {}, { hang: 1 }]
      ╰╴                                              ━━━━ expected a whole number from 0 to 65535

    error: `faults[4]` must have exactly one of `delay` and `status`, not 2
      ╭▸ lab.yaml:5:66
      │
    5 │ faults: [hung, delay, { dely: {} }, { status: many }, { hang: 1, status: 2 }, {}, { hang: 1 }]
      ╰╴                                                                 ━━━━━━ expected exactly one

    error: `faults[5]` must have exactly one of `delay` and `status`, not 0
      ╭▸ lab.yaml:5:79
      │
    5 │ faults: [hung, delay, { dely: {} }, { status: many }, { hang: 1, status: 2 }, {}, { hang: 1 }]
      ╰╴                                                                              ━━ expected exactly one

    error: `hang` takes no value
      ╭▸ lab.yaml:5:85
      │
    5 │ faults: [hung, delay, { dely: {} }, { status: many }, { hang: 1, status: 2 }, {}, { hang: 1 }]
      │                                                                                     ━━━━ expected it alone, as text
      ╰╴
    help: write `hang` in place of the mapping

    error: unknown field `replica`
      ╭▸ lab.yaml:6:23
      │
    6 │ services: { orders: { replica: 2, replicas: -1 } }
      ╰╴                      ━━━━━━━ `orders` has `replicas`

    error: `replicas` must be a whole number from 0 to 4294967295, not the number `-1`
      ╭▸ lab.yaml:6:45
      │
    6 │ services: { orders: { replica: 2, replicas: -1 } }
      ╰╴                                            ━━ expected a whole number from 0 to 4294967295
    "#);
}

#[test]
fn tagged_untagged_and_flattened() {
    let text = "
name: first
filter: { header: x }
count: { from: 1, until: 2 }
step: { at: 2ms, pull: rules.yaml }
codes: { ok: fine }
pair: [one]
";
    insta::assert_snapshot!(mistakes(text), @r#"
    error: missing field `type`
      ╭▸ lab.yaml:3:1
      │
    3 │ filter: { header: x }
      │ ━━━━━━ `filter` needs `type`
      ╰╴
    help: add `type:` with `set` or `remove`

    error: missing field `to`
      ╭▸ lab.yaml:4:1
      │
    4 │ count: { from: 1, until: 2 }
      │ ━━━━━ `count` needs `to`
      ╰╴
    help: add `to:` with a whole number of at least 0

    error: unknown field `until`
      ╭▸ lab.yaml:4:19
      │
    4 │ count: { from: 1, until: 2 }
      ╰╴                  ━━━━━ `count` has `from` and `to`

    error: `step` needs `push` or `kill`
      ╭▸ lab.yaml:5:1
      │
    5 │ step: { at: 2ms, pull: rules.yaml }
      ╰╴━━━━ needs `push` or `kill`

    error: unknown field `pull`
      ╭▸ lab.yaml:5:18
      │
    5 │ step: { at: 2ms, pull: rules.yaml }
      ╰╴                 ━━━━ `step` has `at`, `push` and `kill`

    error: unknown field `ok`
      ╭▸ lab.yaml:6:10
      │
    6 │ codes: { ok: fine }
      ╰╴         ━━ a key of `codes` matches `^\d+$`

    error: `pair` must have at least 2 items, not 1
      ╭▸ lab.yaml:7:7
      │
    7 │ pair: [one]
      ╰╴      ━━━━━ expected at least 2 items

    error: `pair[0]` must be a whole number from 0 to 255, not the text `one`
      ╭▸ lab.yaml:7:8
      │
    7 │ pair: [one]
      ╰╴       ━━━ expected a whole number from 0 to 255
    "#);
    let text = "
name: first
filter: { type: sett, header: x }
count: many
step: { at: 2ms, push: 3 }
pair: [1, 2, 3]
";
    insta::assert_snapshot!(mistakes(text), @r#"
    error: unknown value `sett` for `type`
      ╭▸ lab.yaml:3:17
      │
    3 │ filter: { type: sett, header: x }
      │                 ━━━━ expected `set` or `remove`
      ╰╴
    help: did you mean `set`?

    error: `count` must be a whole number of at least 0 or a mapping of fields, not the text `many`
      ╭▸ lab.yaml:4:8
      │
    4 │ count: many
      ╰╴       ━━━━ expected a whole number of at least 0 or a mapping of fields

    error: `push` must be text, not the number `3`
      ╭▸ lab.yaml:5:24
      │
    5 │ step: { at: 2ms, push: 3 }
      │                        ━ expected text
      ╰╴
    help: put it in quotes: "3"

    error: `pair` must have at most 2 items, not 3
      ╭▸ lab.yaml:6:7
      │
    6 │ pair: [1, 2, 3]
      ╰╴      ━━━━━━━━━ expected at most 2 items

    error: `pair[1]` must be text, not the number `2`
      ╭▸ lab.yaml:6:11
      │
    6 │ pair: [1, 2, 3]
      │           ━ expected text
      ╰╴
    help: put it in quotes: "2"
    "#);
}

#[test]
fn mistakes_point_at_the_file_that_holds_them() {
    let base = document("name: first\nretry:\n  attempts: 3\n");
    let patch = parse_one(&SourceFile::new("patch.yaml", "retry:\n  attempts: three\n")).expect("YAML");
    let mistakes = base.merge_patch(&patch).decode::<Lab>().expect_err("mistakes");
    insta::assert_snapshot!(mistakes.render(Style::Plain), @r"
    error: `attempts` must be a whole number from 0 to 255, not the text `three`
      ╭▸ patch.yaml:2:13
      │
    2 │   attempts: three
      ╰╴            ━━━━━ expected a whole number from 0 to 255
    ");
}

#[test]
fn mistakes_as_data() {
    let diagnostics = document("name: first\nmode: strict\n")
        .decode::<Lab>()
        .expect_err("mistakes");
    insta::assert_snapshot!(serde_json::to_string_pretty(&diagnostics).expect("JSON"), @r#"
    [
      {
        "severity": "error",
        "message": "unknown value `strict` for `mode`",
        "file": "lab.yaml",
        "line": 2,
        "column": 7,
        "label": "expected `STRICT` or `PERMISSIVE`",
        "help": "did you mean `STRICT`?"
      }
    ]
    "#);
}
