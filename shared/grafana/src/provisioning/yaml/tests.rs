//! What is read, where it stands, and what is refused.

use super::*;

/// Writes a tree as one line, with the lines of scalars.
fn shown(node: &Node) -> String {
    match &node.what {
        What::Scalar { text, is_plain: true } => format!("{text}@{}", node.line),
        What::Scalar { text, is_plain: false } => format!("'{text}'@{}", node.line),
        What::List(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(" ")),
        What::Map(map) => {
            let entry = |(key, node): &(Key, Node)| format!("{}={}", key.text, shown(node));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(" "))
        }
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let tree = parse(text).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(tree.as_ref().map_or_else(String::new, shown), expected);
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let fault = parse(text).map(|_| ()).unwrap_err();
    assert!(fault.to_string().starts_with(expected), "{fault}");
}

#[test]
fn every_value_knows_its_line() {
    check("a: 1\nb:\n  - x\n  - 'y'\n\n# note\nc: {d: \"e\"}", "{a=1@1 b=[x@3 'y'@4] c={d='e'@7}}");
    check("a: |\n  two\n  lines\nb: !!str 5", "{a='two\nlines\n'@1 b='5'@4}");
}

#[test]
fn nothing_is_nothing() {
    for text in ["", "# only a note\n", "\n\n"] {
        check(text, "");
    }
    check("---\n", "@2");
}

#[test]
fn anchors_and_merges_are_read_and_keys_of_ones_own_win() {
    check("a: &x {k: 1, l: 2}\nb: *x", "{a={k=1@1 l=2@1} b={k=1@1 l=2@1}}");
    check("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}", "{a={k=1@1 l=2@1} b={k=3@2 l=2@1}}");
    check("a: &x {k: 1}\nb: {k: 3, <<: *x}", "{a={k=1@1} b={k=3@2}}");
    check("b: {<<: [{k: 1}, {k: 2, l: 2}]}", "{b={k=1@1 l=2@1}}");
    check("b: {'<<': 1}", "{b={<<=1@1}}");
    refused("a: 1\nb:\n  <<: 5", "line 3: `<<` names something else than a mapping");
}

#[test]
fn what_is_not_yaml_is_refused_with_its_line() {
    refused("a: 1\nb: [1\nc: 2\n", "line ");
    refused("a: 1\n\tb: 2", "line 1: not YAML: while scanning a plain scalar, found a tab");
    refused("a: b: c", "line 1: not YAML: ");
    refused("a: *nobody", "line 1: not YAML: ");
    refused("a: 1\n---\nb: 2", "line 2: a second document; only one is read");
    refused("a: !secret x", "line 1: a tag; only those of YAML itself are read");
    refused("? [a]\n: b", "line 1: a key that is no text");
}

#[test]
fn a_key_that_stands_twice_is_refused_with_both_lines() {
    refused("a: 1\nb: 2\na: 3", "line 3: key `a` stands here and in line 1");
}

#[test]
fn aliases_cannot_blow_a_file_up() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let all = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{all}]\n"));
    }
    refused(&bomb, "line 5: more than 100000 values, those of aliases included");
    refused(&"[".repeat(100), "line 1: nested deeper than 64");
    refused(&"- ".repeat(100), "line 1: nested deeper than 64");
    let many: String = (0..=MOST_KEYS).map(|number| format!("k{number}: 1\n")).collect();
    refused(&many, "line 1001: a mapping with more than 1000 keys");
}
