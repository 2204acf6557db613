//! YAML as a tree in which every node knows its line. Bounded: anchors cannot blow it up, no key stands twice.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::Fault;

/// How many nodes a file may have, those counted each time that an alias repeats.
const MOST_NODES: usize = 100_000;
/// How many keys a mapping may have.
const MOST_KEYS: usize = 1_000;
/// How deep they may be nested.
const DEEPEST: usize = 64;

/// A node. May hold a secret: no `Debug`.
#[derive(Clone)]
pub(super) struct Node {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) what: What,
}

/// What a node is.
#[derive(Clone)]
pub(super) enum What {
    /// A scalar, not yet read as anything; `is_plain` without quotes, so that it may be a number.
    Scalar {
        /// The text.
        text: String,
        /// Whether it stands without quotes.
        is_plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in its order.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) line: usize,
    pub(super) text: String,
}

/// Reads the one document of a text; none if there is nothing in it.
///
/// # Errors
/// [`Fault`] with its line. It quotes keys and never a value.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Fault> {
    let mut tree = Tree::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            Fault::new(error.marker().line(), format!("not YAML: {}", error.info()))
        })?;
        tree.take(event, span)?;
    }
    Ok(tree.root)
}

/// A tree that grows event by event.
#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<Open>,
    /// What anchors name, with the number of nodes.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

/// A list or mapping that has not ended.
struct Open {
    node: Node,
    anchor: usize,
    /// How many nodes there were when it began.
    before: usize,
    /// The key whose value comes next, and whether it is `<<` without quotes.
    key: Option<(Key, bool)>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let line = span.start.line();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = is_text(tag.as_deref(), line)?;
                let is_plain = style == ScalarStyle::Plain && !is_text;
                let what = What::Scalar { text: text.into_owned(), is_plain };
                self.count(1, line)?;
                self.done(Node { line, what }, anchor, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                is_text(tag.as_deref(), line)?;
                self.begin(What::List(Vec::new()), line, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                is_text(tag.as_deref(), line)?;
                self.begin(What::Map(Vec::new()), line, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let size = self.nodes - open.before;
                    self.done(open.node, open.anchor, size)
                }
                None => Err(Fault::new(line, "not YAML: something ends that never began")),
            },
            Event::Alias(anchor) => {
                let named = self.anchors.get(&anchor).cloned();
                let (node, size) = named.ok_or_else(|| Fault::new(line, "an alias of nothing"))?;
                self.count(size, line)?;
                self.done(node, 0, size)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Fault::new(line, "a second document; only one is read"))
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, more: usize, line: usize) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MOST_NODES {
            let reason = format!("more than {MOST_NODES} values, those of aliases included");
            return Err(Fault::new(line, reason));
        }
        Ok(())
    }

    fn begin(&mut self, what: What, line: usize, anchor: usize) -> Result<(), Fault> {
        if self.open.len() >= DEEPEST {
            return Err(Fault::new(line, format!("nested deeper than {DEEPEST}")));
        }
        let before = self.nodes;
        self.count(1, line)?;
        self.open.push(Open { node: Node { line, what }, anchor, before, key: None });
        Ok(())
    }

    /// Puts a whole node where it belongs.
    fn done(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.what {
            What::List(list) => list.push(node),
            What::Map(map) => match (open.key.take(), node) {
                (None, Node { line, what: What::Scalar { text, is_plain } }) => {
                    let is_merge = is_plain && text == "<<";
                    open.key = Some((Key { line, text }, is_merge));
                }
                (None, node) => return Err(Fault::new(node.line, "a key that is no text")),
                (Some((_, true)), node) => merge(map, node)?,
                // A value stands where its key does, also if it is written below.
                (Some((key, false)), node) => {
                    let line = key.line;
                    insert(map, key, Node { line, ..node })?;
                }
            },
            What::Scalar { .. } => {}
        }
        Ok(())
    }
}

/// Adds an entry. What a merge brought gives way to it.
fn insert(map: &mut Vec<(Key, Node)>, key: Key, node: Node) -> Result<(), Fault> {
    let is_full = map.len() >= MOST_KEYS;
    match map.iter_mut().find(|(known, _)| known.text == key.text) {
        Some((known, value)) if known.line == MERGED => {
            (*known, *value) = (key, node);
            Ok(())
        }
        Some((known, _)) => {
            let reason = format!("key `{}` stands here and in line {}", key.text, known.line);
            Err(Fault::new(key.line, reason))
        }
        None if is_full => {
            Err(Fault::new(key.line, format!("a mapping with more than {MOST_KEYS} keys")))
        }
        None => {
            map.push((key, node));
            Ok(())
        }
    }
}

/// The line of keys that a merge brought: no line of a file.
const MERGED: usize = 0;

/// Adds what `<<` names and is not there already; the first of several wins.
fn merge(map: &mut Vec<(Key, Node)>, node: Node) -> Result<(), Fault> {
    let maps = match node.what {
        What::List(list) => list,
        _ => vec![node],
    };
    for Node { line, what } in maps {
        let What::Map(entries) = what else {
            return Err(Fault::new(line, "`<<` names something else than a mapping"));
        };
        for (key, value) in entries {
            if map.iter().all(|(known, _)| known.text != key.text) {
                insert(map, Key { line: MERGED, text: key.text }, value)?;
            }
        }
    }
    Ok(())
}

/// Tells whether a tag makes a scalar a text. Tags of one's own mean nothing here.
fn is_text(tag: Option<&Tag>, line: usize) -> Result<bool, Fault> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() => Ok(tag.suffix == "str"),
        Some(_) => Err(Fault::new(line, "a tag; only those of YAML itself are read")),
    }
}

#[cfg(test)]
mod tests;
