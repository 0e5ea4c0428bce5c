use proptest::prelude::*;

use super::*;
use crate::render::Style;

fn refusal(text: &str) -> String {
    parse(&SourceFile::new("a.yaml", text))
        .expect_err("mistakes")
        .render(Style::Plain)
}

#[test]
fn documents_become_trees_with_spans() {
    let text = "# a comment\n---\none: [1, two]\n---\n---\nthree:\n  - four: |\n      text\n    five: {}\n";
    let documents = parse(&SourceFile::new("a.yaml", text)).expect("documents");
    let json: Vec<String> = documents
        .iter()
        .map(|document| document.to_json().to_string())
        .collect();
    assert_eq!(
        json,
        [
            r#"{"one":[1,"two"]}"#,
            "null",
            r#"{"three":[{"four":"text\n","five":{}}]}"#
        ]
    );
    let path = crate::Path::keys(["three"]).with(0);
    assert_eq!(documents[2].span(&path.with("five")).to_string(), "a.yaml:9:11");
    assert_eq!(
        documents[2].key_span(&path.with("five")).to_string(),
        "a.yaml:9:5"
    );
    assert_eq!(
        documents[2].span(&path.with("five").with("absent")).text(),
        "five"
    );
    assert_eq!(
        documents[0]
            .at(&crate::Path::keys(["one"]))
            .expect("a node")
            .span
            .text(),
        "[1, two]"
    );
}

#[test]
fn what_makes_rules_read_other_than_they_act_is_refused() {
    let text = "a: &x 1\nb: *x\nc: !!str 1\nd: { <<: { e: 1 } }\na: 2\n? [f]\n: 1\ng: .inf\nh: 99999999999999999999\n";
    insta::assert_snapshot!(refusal(text), @r"
    error: an anchor is not supported
      ╭▸ a.yaml:1:4
      │
    1 │ a: &x 1
      │    ━━━━
      ╰╴
    help: write the value out in each place

    error: an alias is not supported
      ╭▸ a.yaml:2:4
      │
    2 │ b: *x
      │    ━━
      ╰╴
    help: write the value out in each place

    error: tag `tag:yaml.org,2002:!str` is not supported
      ╭▸ a.yaml:3:4
      │
    3 │ c: !!str 1
      │    ━━━━━━━
      ╰╴
    help: remove the tag; the field decides the type of the value

    error: a merge key is not supported
      ╭▸ a.yaml:4:6
      │
    4 │ d: { <<: { e: 1 } }
      │      ━━
      ╰╴
    help: write the fields out

    error: `a` is given twice
      ╭▸ a.yaml:5:1
      │
    1 │ a: &x 1
      │ ─ first given here
      ┆
    5 │ a: 2
      │ ━ given again here
      ╰╴
    help: keep one of the two

    error: a key that is not plain text is not supported
      ╭▸ a.yaml:6:3
      │
    6 │ ? [f]
      │   ━━━
      ╰╴
    help: write `name: value`

    error: the number `.inf` is not supported
      ╭▸ a.yaml:8:4
      │
    8 │ g: .inf
      ╰╴   ━━━━ only finite numbers are supported

    error: the number `99999999999999999999` is not supported
      ╭▸ a.yaml:9:4
      │
    9 │ h: 99999999999999999999
      ╰╴   ━━━━━━━━━━━━━━━━━━━━ the number does not fit in 64 bits
    ");
}

#[test]
fn syntax_errors_have_a_place() {
    insta::assert_snapshot!(refusal("a:\n  - 1\n b: 2\n"), @r"
    error: this is not YAML: while parsing a block mapping, did not find expected key
      ╭▸ a.yaml:3:2
      │
    3 │  b: 2
      │  ━
      ╰╴
    help: check the indentation and the quotes here and on the line before
    ");
    insta::assert_snapshot!(refusal("a: [1, 2\n"), @r"
    error: this is not YAML: while parsing a flow sequence, expected ',' or ']'
      ╭▸ a.yaml:1:8
      │
    1 │ a: [1, 2
      │        ━
      ╰╴
    help: check the indentation and the quotes here and on the line before
    ");
    insta::assert_snapshot!(refusal("a: 'x\n"), @r"
    error: this is not YAML: while scanning a quoted scalar, found unexpected end of stream
      ╭▸ a.yaml:1:4
      │
    1 │ a: 'x
      │    ━
      ╰╴
    help: check the indentation and the quotes here and on the line before
    ");
}

#[test]
fn size_and_depth_are_limited() {
    assert!(refusal(&" ".repeat(MAX_BYTES + 1)).starts_with("error: the file is larger than 1024 KiB"));
    let nested = format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
    assert!(refusal(&nested).starts_with("error: values are nested more than 64 deep"));
    assert!(parse(&SourceFile::new("a.yaml", &nested[1..2 * MAX_DEPTH + 1])).is_ok());
}

#[test]
fn one_document_is_one() {
    let refusal = |text| {
        parse_one(&SourceFile::new("a.yaml", text))
            .expect_err("mistakes")
            .render(Style::Plain)
    };
    insta::assert_snapshot!(refusal("a: 1\n---\nb: 2\n"), @r"
    error: this file must hold one document, not several
      ╭▸ a.yaml:3:1
      │
    3 │ b: 2
      │ ━ another document
      ╰╴
    help: remove the `---` line, or move what follows to a file of its own
    ");
    insta::assert_snapshot!(refusal("# nothing\n"), @r"
    error: the file is empty
      ╭▸ a.yaml:1:1
      │
    1 │ # nothing
      ╰╴━
    ");
}

fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z0-9é]{1,3}",
        "[-?:,\\[\\]{}#&*!|>'\"%@` \t\r\n.~<]",
        Just("\n  ".to_owned()),
        Just(": ".to_owned()),
        Just("- ".to_owned()),
        Just("---\n".to_owned()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn spans_are_inside(node: &Node) -> bool {
    node.span.source().text().is_char_boundary(node.span.range().end)
        && match &node.content {
            Content::Sequence(items) => items.iter().all(spans_are_inside),
            Content::Mapping(mapping) => mapping
                .entries()
                .iter()
                .all(|entry| spans_are_inside(&entry.value)),
            _ => true,
        }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in yaml_like()) {
        match parse(&SourceFile::new("a.yaml", text)) {
            Ok(documents) => prop_assert!(documents.iter().all(spans_are_inside)),
            Err(diagnostics) => {
                prop_assert!(diagnostics.has_errors());
                prop_assert!(diagnostics.render(Style::Coloured).contains("error"));
            }
        }
    }

    #[test]
    fn json_is_yaml(value in crate::merge_patch::tests::json()) {
        let source = SourceFile::new("a.yaml", value.to_string());
        prop_assert_eq!(parse_one(&source).expect("JSON is YAML").to_json(), value);
    }

    #[test]
    fn scalars_know_their_text(before in "[é ]{0,3}", word in "[a-zé]{1,8}") {
        let text = format!("\"{before}\": [{word}]\n");
        let node = parse_one(&SourceFile::new("a.yaml", text)).expect("YAML");
        let path = crate::Path::keys([before.as_str()]).with(0);
        prop_assert_eq!(node.span(&path).text().to_owned(), word);
    }
}
