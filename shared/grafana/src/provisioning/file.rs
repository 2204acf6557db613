//! One file: what it makes and what it removes, or everything that is wrong with it.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sourcegate_core::{BadName, OrgId, Policy, SourceName, Uid};
use store::FromFile;

use super::Fault;
use super::expand::Outside;
use super::fields::{Fields, Reader, line_of};
use super::yaml::{self, Node};
use crate::Error;
use crate::save::{Bound, Naming, Saving};
use crate::wire::datasource::{Command, SecretText};

/// What a file says.
#[derive(Default)]
pub(super) struct Config {
    pub(super) sources: Vec<Entry>,
    pub(super) removals: Vec<Removal>,
    /// What is odd and no reason to refuse it.
    pub(super) warnings: Vec<Fault>,
}

/// A data source, and the line where it begins.
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) from: FromFile,
}

/// A name under `deleteDatasources`.
pub(super) struct Removal {
    pub(super) line: usize,
    pub(super) org: OrgId,
    pub(super) name: SourceName,
}

const TOP: &[&str] = &["apiVersion", "datasources", "deleteDatasources", "prune"];

/// Those of a data source. `version` and `orgName` are read by nobody, Grafana included.
const KNOWN: &[&str] = &[
    "name",
    "type",
    "access",
    "orgId",
    "orgName",
    "uid",
    "url",
    "user",
    "database",
    "basicAuth",
    "basicAuthUser",
    "withCredentials",
    "isDefault",
    "jsonData",
    "secureJsonData",
    "version",
    "editable",
    "apiVersion",
];

/// Reads a file's text. The policy judges urls; it must be the one that dials.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn read(
    text: &str,
    outside: Outside<'_>,
    policy: &Policy,
) -> Result<Config, Vec<Fault>> {
    let Some(root) = yaml::parse(text).map_err(|fault| vec![fault])? else {
        return Ok(Config::default());
    };
    let mut reader = Reader { outside, faults: Vec::new(), warnings: Vec::new() };
    let top = reader.fields("the file", &root);
    // A file of notes and nothing else is none.
    if top.iter().next().is_some() && reader.number(top, "apiVersion") != 1 {
        let reason = "`apiVersion` must be 1; no other form of this file is read";
        reader.fault(line_of(top, "apiVersion"), reason);
    }
    warn_of_unknown(&mut reader, top, TOP);
    let prunable = reader.flag(top, "prune");
    let mut config = Config::default();
    for node in reader.list(top, "deleteDatasources") {
        config.removals.extend(removal(&mut reader, node));
    }
    for node in reader.list(top, "datasources") {
        config.sources.extend(source(&mut reader, node, policy, prunable));
    }
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    config.warnings = reader.warnings;
    Ok(config)
}

fn warn_of_unknown(reader: &mut Reader<'_>, fields: Fields<'_>, known: &[&str]) {
    for (name, node) in fields.iter().filter(|(name, _)| !known.contains(name)) {
        reader.warn(node.line, format!("`{name}` is not read"));
    }
}

fn removal(reader: &mut Reader<'_>, node: &Node) -> Option<Removal> {
    let fields = reader.fields("deleteDatasources", node);
    let org = org(reader, fields);
    let name = reader.text(fields, "name").unwrap_or_default();
    match SourceName::parse(&name) {
        Ok(name) => Some(Removal { line: node.line, org: org?, name }),
        Err(bad) => {
            reader.fault(node.line, bad.to_string());
            None
        }
    }
}

/// Reads the organisation: the first one where none is named.
fn org(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<OrgId> {
    match reader.number(fields, "orgId") {
        0 => Some(OrgId::MAIN),
        id => OrgId::new(id)
            .map_err(|bad| reader.fault(line_of(fields, "orgId"), bad.to_string()))
            .ok(),
    }
}

fn source(reader: &mut Reader<'_>, node: &Node, policy: &Policy, prunable: bool) -> Option<Entry> {
    let fields = reader.fields("datasources", node);
    let faults = reader.faults.len();
    let org = org(reader, fields);
    let editable = reader.flag(fields, "editable");
    reader.number(fields, "version");
    warn_of_unknown(reader, fields, KNOWN);
    let command = command(reader, fields);
    if reader.faults.len() > faults {
        return None;
    }
    // The same rules as for what comes over the API, and no others.
    let drafted = Bound::of(command).and_then(|bound| {
        bound.check_url(policy, Saving::New)?;
        match bound.into_draft()? {
            (draft, Naming::Asked) => Ok(draft),
            (_, Naming::Free) => Err(Error::Name(BadName::Name(0))),
        }
    });
    match drafted {
        Ok(draft) => {
            let otherwise = uid_of(&draft.settings.name);
            let from = FromFile {
                org: org?,
                uid: draft.uid,
                otherwise,
                settings: draft.settings,
                secrets: draft.secrets,
                is_default: draft.make_default,
                editable,
                prunable,
            };
            Some(Entry { line: node.line, from })
        }
        Err(error) => {
            let line = field_of(&error).and_then(|field| fields.get(field)).map(|node| node.line);
            reader.fault(line.unwrap_or(node.line), error.to_string());
            None
        }
    }
}

/// Reads what the API's clients would send.
fn command(reader: &mut Reader<'_>, fields: Fields<'_>) -> Command {
    let access = reader.text(fields, "access").unwrap_or_default();
    // As Grafana does.
    let access = match access.as_str() {
        "direct" | "proxy" => access,
        other => {
            if !other.is_empty() {
                let reason = "`access` is neither proxy nor direct, and is taken for proxy";
                reader.warn(line_of(fields, "access"), reason);
            }
            "proxy".to_owned()
        }
    };
    Command {
        name: reader.text(fields, "name"),
        type_text: reader.text(fields, "type"),
        access: Some(access),
        url: reader.text(fields, "url"),
        user: reader.text(fields, "user"),
        database: reader.text(fields, "database"),
        basic_auth: Some(reader.flag(fields, "basicAuth")),
        basic_auth_user: reader.text(fields, "basicAuthUser"),
        with_credentials: Some(reader.flag(fields, "withCredentials")),
        is_default: Some(reader.flag(fields, "isDefault")),
        json_data: reader
            .json(fields, "jsonData")
            .and_then(|json| RawValue::from_string(json).ok()),
        secure_json_data: secrets(reader, fields),
        uid: reader.text(fields, "uid"),
        version: None,
        api_version: reader.text(fields, "apiVersion"),
    }
}

fn secrets(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<BTreeMap<String, SecretText>> {
    let node = fields.get("secureJsonData")?;
    let secrets = reader.fields("secureJsonData", node);
    let read = secrets.iter().map(|(name, node)| {
        let text = reader.scalar(node, &format!("secureJsonData.{name}")).unwrap_or_default();
        (name.to_owned(), SecretText(SecretString::from(text)))
    });
    Some(read.collect())
}

/// The uid of a data source whose file names none (contract 1.6).
fn uid_of(name: &SourceName) -> Uid {
    let hash = Sha256::digest(name.as_str());
    let digits: String = hash[..8].iter().map(|byte| format!("{byte:02X}")).collect();
    // 17 plain characters.
    Uid::parse(&format!("P{digits}")).unwrap_or_else(|_| Uid::generate())
}

/// Which field a refusal is of, as far as one line of a file is to be named for it.
fn field_of(error: &Error) -> Option<&str> {
    match error {
        Error::Url(_) | Error::NoUrl | Error::Address(_) | Error::UrlTooLong(_) => Some("url"),
        Error::Name(_) | Error::NameCharacters => Some("name"),
        Error::Uid(_) => Some("uid"),
        Error::Header(_) | Error::TeamHeaders(_) => Some("jsonData"),
        Error::Text { field, .. } => field.split('.').next(),
        Error::TooLong { field, .. } => field.split('.').next(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
