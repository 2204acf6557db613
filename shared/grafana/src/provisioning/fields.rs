//! The fields of a mapping, each expanded and read as what it must be. Goes on after a fault, so that all are told at once.

use super::Fault;
use super::expand::{Expanded, Outside, expand};
use super::json;
use super::yaml::{Key, Node, What};

/// Reads fields, and notes what is wrong and what is odd.
pub(super) struct Reader<'a> {
    pub(super) outside: Outside<'a>,
    /// Why the file is refused.
    pub(super) faults: Vec<Fault>,
    /// What is odd and no reason to refuse it.
    pub(super) warnings: Vec<Fault>,
}

/// The fields of one mapping.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    map: &'a [(Key, Node)],
}

impl<'a> Fields<'a> {
    /// Finds a field.
    pub(super) fn get(self, name: &str) -> Option<&'a Node> {
        self.map.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
    }

    /// Gives all of them.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'a str, &'a Node)> {
        self.map.iter().map(|(key, node)| (key.text.as_str(), node))
    }
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, line: usize, reason: impl Into<String>) {
        self.faults.push(Fault::new(line, reason));
    }

    pub(super) fn warn(&mut self, line: usize, reason: impl Into<String>) {
        self.warnings.push(Fault::new(line, reason));
    }

    /// Takes a node as a mapping; nothing is an empty one.
    pub(super) fn fields<'n>(&mut self, name: &str, node: &'n Node) -> Fields<'n> {
        match &node.what {
            What::Map(map) => return Fields { map },
            _ if is_null(node) => {}
            _ => self.fault(node.line, format!("`{name}` must be a mapping")),
        }
        Fields { map: &[] }
    }

    /// Takes a field as a list; nothing is an empty one.
    pub(super) fn list<'n>(&mut self, fields: Fields<'n>, name: &str) -> &'n [Node] {
        match fields.get(name) {
            Some(Node { what: What::List(list), .. }) => return list,
            Some(node) if !is_null(node) => {
                self.fault(node.line, format!("`{name}` must be a list"));
            }
            _ => {}
        }
        &[]
    }

    /// Reads a text; none where nothing stands.
    pub(super) fn text(&mut self, fields: Fields<'_>, name: &str) -> Option<String> {
        let node = fields.get(name)?;
        self.scalar(node, name)
    }

    /// Reads a flag as Go's `ParseBool` does; absent is false.
    pub(super) fn flag(&mut self, fields: Fields<'_>, name: &str) -> bool {
        let Some(text) = self.text(fields, name) else { return false };
        match text.as_str() {
            "1" | "t" | "T" | "true" | "True" | "TRUE" => true,
            "0" | "f" | "F" | "false" | "False" | "FALSE" => false,
            _ => {
                let line = line_of(fields, name);
                self.fault(line, format!("`{name}` must be true or false"));
                false
            }
        }
    }

    /// Reads a whole number; absent and empty are zero.
    pub(super) fn number(&mut self, fields: Fields<'_>, name: &str) -> i64 {
        let text = self.text(fields, name).unwrap_or_default();
        if text.is_empty() {
            return 0;
        }
        text.parse().unwrap_or_else(|_| {
            self.fault(line_of(fields, name), format!("`{name}` must be a whole number"));
            0
        })
    }

    /// Reads a mapping as JSON text; none where nothing stands.
    pub(super) fn json(&mut self, fields: Fields<'_>, name: &str) -> Option<String> {
        let node = fields.get(name).filter(|node| !is_null(node))?;
        if !matches!(node.what, What::Map(_)) {
            self.fault(node.line, format!("`{name}` must be a mapping"));
            return None;
        }
        let mut expand = |node: &Node, text: &str| self.expanded(node.line, name, text);
        match json::of(node, &mut expand) {
            Ok(json) => Some(json),
            Err(fault) => {
                self.faults.push(fault.within(name));
                None
            }
        }
    }

    /// Reads a scalar under a name that errors may tell.
    pub(super) fn scalar(&mut self, node: &Node, name: &str) -> Option<String> {
        let What::Scalar { text, .. } = &node.what else {
            self.fault(node.line, format!("`{name}` must be a text"));
            return None;
        };
        if is_null(node) {
            return None;
        }
        match self.expanded(node.line, name, text) {
            Ok(text) => Some(text),
            Err(fault) => {
                self.faults.push(fault.within(name));
                None
            }
        }
    }

    fn expanded(&mut self, line: usize, name: &str, text: &str) -> Result<String, Fault> {
        let Expanded { text, unset } =
            expand(text, self.outside).map_err(|reason| Fault::new(line, reason))?;
        // Of a secret not even a name is told: what looks like a variable may be a part of a password.
        let is_secret = name.starts_with("secureJsonData");
        for variable in unset {
            let which = if is_secret { String::new() } else { format!(" `{variable}`") };
            let reason = format!(
                "`{name}` names a variable{which} that is not set, so nothing stands in its place; write `$$` for a dollar sign"
            );
            self.warn(line, reason);
        }
        Ok(text)
    }
}

pub(super) fn line_of(fields: Fields<'_>, name: &str) -> usize {
    fields.get(name).map_or(1, |node| node.line)
}

pub(super) fn is_null(node: &Node) -> bool {
    match &node.what {
        What::Scalar { text, is_plain: true } => {
            matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
        }
        _ => false,
    }
}
