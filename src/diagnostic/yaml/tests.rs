use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{OneOrMany, Ordered, TextOr, read};
use crate::diagnostic::render::{RenderOptions, concise, full};
use crate::diagnostic::{Diagnostics, SourceText, Spanned};

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Row(Row),
    Match { table: Spanned<String>, keys: OneOrMany<TextOr<Ordered<Spanned<String>>>> },
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
struct Row {
    table: Spanned<String>,
    #[serde(rename = "where")]
    condition: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Not ready.
    Draft,
    Stable,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
struct Spec {
    id: Spanned<String>,
    status: Option<Spanned<Status>>,
    check: Option<Kind>,
    count: Option<u32>,
    share: Option<f64>,
    #[serde(default)]
    strict: bool,
    #[serde(default, rename = "let")]
    lets: Ordered<Spanned<String>>,
    text: Option<Spanned<String>>,
}

fn text(yaml: &str) -> Arc<SourceText> {
    Arc::new(SourceText { name: "x.yaml".into(), text: yaml.into() })
}

fn spec(yaml: &str) -> Spec {
    read(&text(yaml)).unwrap_or_else(|e| panic!("{}", full(&e, &RenderOptions::default())))
}

fn problems(yaml: &str) -> String {
    concise(&read::<Spec>(&text(yaml)).expect_err("must not be read"), &RenderOptions::default())
}

#[test]
fn scalars_keep_their_text() {
    for id in ["NO", "010", "1e3", "52010119500101001X", "520101195001010011", "0x1F", "true", "2017-12-31", "~x"] {
        assert_eq!(spec(&format!("id: {id}\n")).id.value, id);
    }
    let s = spec("id: a\ncount: 007\nshare: 2.5\nstrict: true\nstatus: draft\n");
    assert_eq!((s.count, s.share, s.strict), (Some(7), Some(2.5), true));
    assert_eq!(s.status.unwrap().value, Status::Draft);
}

#[test]
fn spans_are_where_the_value_stands() {
    let s = spec("id: \"a b\"\nlet: {second: x + 1, first: 'it''s bad'}\ncheck:\n  match: {table: t, keys: [id_no, {a: b}]}\n");
    let place = |v: &Spanned<String>| v.span.as_ref().unwrap().line_column();
    assert_eq!(place(&s.id), (1, 6));
    let names: Vec<_> = s.lets.iter().map(|(k, v)| (k.value.as_str(), place(k), place(v))).collect();
    assert_eq!(names, [("second", (2, 7), (2, 15)), ("first", (2, 22), (2, 30))]);
    let Some(Kind::Match { keys, .. }) = s.check else { panic!() };
    assert!(matches!(&keys.0[0], TextOr::Text(t) if t.value == "id_no" && place(t) == (4, 28)));
    assert!(matches!(&keys.0[1], TextOr::Other(o) if place(&o.0[0].1) == (4, 39)));
}

/// The word `bad` is found at the right place in every way a text can be written.
#[test]
fn parts_of_a_text_are_placed() {
    for yaml in [
        "id: x\ntext: a bad b\n",
        "id: x\ntext: 'it''s bad'\n",
        "id: x\ntext: \"say \\\"bad\\\"\"\n",
        "id: x\ntext: |\n  one\n    two\n  the bad one\n",
        "id: x\ntext: |-\n    年 bad\n",
        "id: x\ntext: >\n  folded\n  text bad\n",
        "id: x\ntext:\n  plain on\n  two bad lines\n",
        "id: x\ntext: plain on\n  two bad lines\n",
    ] {
        let value = spec(yaml).text.unwrap();
        let at = value.value.find("bad").unwrap();
        let part = value.span.unwrap().part(at..at + 3);
        assert_eq!(&yaml[part.range.clone()], "bad", "{yaml}");
    }
}

#[test]
fn one_may_stand_for_many() {
    let keys = |yaml: &str| match spec(yaml).check {
        Some(Kind::Match { keys, .. }) => keys.len(),
        _ => 0,
    };
    assert_eq!(keys("id: x\ncheck: {match: {table: t, keys: a}}"), 1);
    assert_eq!(keys("id: x\ncheck: {match: {table: t, keys: {a: b, c: d}}}"), 1);
    assert_eq!(keys("id: x\ncheck: {match: {table: t, keys: [a, b]}}"), 2);
}

#[test]
fn all_problems_at_once() {
    insta::assert_snapshot!(
        problems("idd: x\nstatus: stabel\ncount: many\nstrict: yes\ncheck: {macth: {table: t}}\nlet: [a]\ntext: {a: b}\nshare:\n"),
        @r#"
x.yaml:1:1: error[unknown-key]: `idd` is not a known key
x.yaml:1:1: error[missing-key]: this mapping lacks `id`
x.yaml:2:9: error[unknown-value]: `stabel` is not known here; wanted one of `stable`, `draft`
x.yaml:3:8: error[wrong-type]: found `many`, wanted a whole number of at least 0
x.yaml:4:9: error[wrong-type]: found `yes`, wanted `true` or `false`
x.yaml:5:9: error[unknown-key]: `macth` is not a known key of `check`
x.yaml:6:6: error[wrong-type]: `let`: found a list, wanted a mapping
x.yaml:7:8: error[wrong-type]: `text`: found a mapping, wanted a text
x.yaml:8:1: error[missing-value]: `share` has no value; wanted a number
"#
    );
    insta::assert_snapshot!(problems("id: x\ncheck: {row: {table: t, where: a, wher: b}, match: {table: [t]}}\n"), @r#"
x.yaml:2:35: error[unknown-key]: `wher` is not a known key of `row`
x.yaml:2:45: error[missing-key]: `match` lacks `keys`
x.yaml:2:45: error[one-of]: found 2 keys, wanted exactly one of `row`, `match`
x.yaml:2:60: error[wrong-type]: `table`: found a list, wanted a text
"#);
    insta::assert_snapshot!(problems("id: x\ncheck: row\n"), @"x.yaml:2:8: error[wrong-type]: found `row`, wanted a mapping with one of the keys `row`, `match`");
    insta::assert_snapshot!(problems("id: x\ncheck:\n"), @"x.yaml:2:1: error[missing-value]: `check` has no value; wanted a mapping with one of the keys `row`, `match`");
    insta::assert_snapshot!(problems("- a\n"), @"x.yaml:1:1: error[wrong-type]: found a list, wanted a mapping");
    insta::assert_snapshot!(problems(""), @"x.yaml:1:1: error[missing-key]: this mapping lacks `id`");
}

#[test]
fn yaml_itself_can_be_wrong() {
    insta::assert_snapshot!(problems("id: a\nid: b\ntext: &x v\n"), @r#"
x.yaml:2:1: error[duplicate-key]: the key `id` stands twice
x.yaml:3:10: error[yaml-anchor]: anchors and aliases are not read
"#);
    insta::assert_snapshot!(problems("id: *x\n"), @"x.yaml:1:5: error[yaml-anchor]: anchors and aliases are not read");
    insta::assert_snapshot!(problems("id: !!int 3\n"), @"x.yaml:1:5: error[yaml-tag]: tags are not read");
    insta::assert_snapshot!(problems("id: a\ntext: {amount} was paid\n"), @"x.yaml:2:16: error[yaml-syntax]: this is not YAML: while parsing a block mapping, did not find expected key");
    insta::assert_snapshot!(problems("id: a\nlet:\n\tb: c\n"), @"x.yaml:3:2: error[yaml-syntax]: this is not YAML: tabs disallowed within this context (block indentation)");
    insta::assert_snapshot!(problems("id: a\n---\nid: b\n"), @"x.yaml:2:1: error[yaml-syntax]: a second document begins in the same file");
}

#[test]
fn reading_never_panics() {
    for yaml in [
        "\u{feff}id: 年",
        "{",
        "[[[[",
        "? a\n: b",
        "id: |",
        "id: |\n",
        "id: >-\n\n",
        "'",
        "\"",
        "\t",
        "- - - -",
        ": :",
        "%YAML 1.2\n---\nid: a",
    ] {
        let _ = read::<Spec>(&text(yaml)).map_err(|e: Diagnostics| full(&e, &RenderOptions::default()));
    }
    let deep = "[".repeat(5000);
    assert!(read::<Spec>(&text(&deep)).is_err());
}
