//! Items of the tables to domain values and back.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{
    Assignee, Datasource, Incarnation, JsonText, LegacyId, Level, OrgId, Permissions, Rev,
    Settings, SourceName, Uid,
};

use crate::Error;
use crate::table::Key;

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The version of the shapes below; an item of a later one is not read.
const SHAPE: &str = "1";

/// The most that DynamoDB takes in one item is 400 KiB; some room is left for what it counts otherwise.
pub(crate) const LARGEST_ITEM_BYTES: usize = 400_000;

#[expect(clippy::needless_pass_by_value, reason = "names and revisions are written, not kept")]
pub(crate) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "numbers and ids are copied")]
pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(value))
}

/// An item under its key, with attributes set one by one.
pub(crate) fn item<const N: usize>(key: &Key, attributes: [(&str, AttributeValue); N]) -> Item {
    let mut item = key.attributes();
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    item
}

/// Reads attributes of an item; what is missing or of another type is a damaged record (`faults.md` D17).
pub(crate) struct Record<'a>(pub(crate) &'a Item);

impl Record<'_> {
    pub(crate) fn bad(&self, what: &'static str) -> Error {
        let part = |name: &str| match self.0.get(name) {
            Some(AttributeValue::S(text)) => text.clone(),
            _ => "?".to_owned(),
        };
        // A token's hash is not for logs.
        let pk = part("pk");
        let pk = if pk.starts_with("TOKEN#") { "TOKEN#…".to_owned() } else { pk };
        Error::BadRecord { pk, sk: part("sk"), what }
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&str, Error> {
        self.0
            .get(name)
            .and_then(|value| value.as_s().ok())
            .map(String::as_str)
            .ok_or_else(|| self.bad(name))
    }

    pub(crate) fn optional_text(&self, name: &'static str) -> Result<Option<&str>, Error> {
        if self.0.contains_key(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, Error> {
        let digits = self.0.get(name).and_then(|value| value.as_n().ok());
        digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| self.bad(name))
    }

    pub(crate) fn optional_number<T: std::str::FromStr>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Error> {
        if self.0.contains_key(name) { self.number(name).map(Some) } else { Ok(None) }
    }

    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Error> {
        self.0
            .get(name)
            .and_then(|value| value.as_bool().ok())
            .copied()
            .ok_or_else(|| self.bad(name))
    }

    pub(crate) fn bytes(&self, name: &'static str) -> Result<&[u8], Error> {
        let blob = self.0.get(name).and_then(|value| value.as_b().ok());
        blob.map(AsRef::as_ref).ok_or_else(|| self.bad(name))
    }

    pub(crate) fn parsed<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        parse(self.text(name)?).ok_or_else(|| self.bad(name))
    }
}

/// Writes a data source's item: no secret in it.
pub(crate) fn datasource_item(source: &Datasource) -> Item {
    let settings = &source.settings;
    let key = Key::datasource(source.org, &source.uid);
    let mut item = item(
        &key,
        [
            ("v", number(SHAPE)),
            ("id", number(source.id)),
            ("inc", text(source.incarnation)),
            ("rev", text(source.rev)),
            ("version", number(source.version)),
            ("readOnly", AttributeValue::Bool(source.read_only)),
            ("name", text(&settings.name)),
            ("type", text(&settings.type_text)),
            ("access", text(&settings.access)),
            ("url", text(&settings.url)),
            ("user", text(&settings.user)),
            ("database", text(&settings.database)),
            ("basicAuth", AttributeValue::Bool(settings.basic_auth)),
            ("basicAuthUser", text(&settings.basic_auth_user)),
            ("withCredentials", AttributeValue::Bool(settings.with_credentials)),
            ("jsonData", text(settings.json_data.as_str())),
            ("apiVersion", text(&settings.api_version)),
        ],
    );
    if let Some(rev) = source.sec_rev {
        item.insert("secRev".to_owned(), text(rev));
    }
    // Written where there are none too: one that was lost must not leave everything to the roles.
    let permissions = source.permissions.as_ref().map(permissions_value);
    let permissions = permissions.unwrap_or_else(|| text(ROLES));
    item.insert("permissions".to_owned(), permissions);
    // A list, because DynamoDB has no empty set.
    let names = source.secret_names.iter().map(text).collect();
    item.insert("secrets".to_owned(), AttributeValue::L(names));
    item
}

/// Reads a data source's item.
pub(crate) fn datasource_of(org: OrgId, item: &Item) -> Result<Datasource, Error> {
    let record = Record(item);
    if record.number::<u32>("v")?.to_string() != SHAPE {
        return Err(record.bad("unknown shape"));
    }
    let id = LegacyId::new(record.number("id")?).ok_or_else(|| record.bad("id"))?;
    let sec_rev = match record.optional_text("secRev")? {
        Some(_) => Some(record.parsed("secRev", Rev::parse)?),
        None => None,
    };
    Ok(Datasource {
        org,
        id,
        uid: record.parsed("sk", |text| Uid::parse(text).ok())?,
        incarnation: record.parsed("inc", Incarnation::parse)?,
        rev: record.parsed("rev", Rev::parse)?,
        sec_rev,
        version: record.number("version")?,
        read_only: record.flag("readOnly")?,
        permissions: permissions_of(&record)?,
        secret_names: secret_names(&record)?,
        settings: settings_of(&record)?,
    })
}

fn secret_names(record: &Record<'_>) -> Result<BTreeSet<String>, Error> {
    let list = record.0.get("secrets").and_then(|value| value.as_l().ok());
    let list = list.ok_or_else(|| record.bad("secrets"))?;
    list.iter().map(|name| name.as_s().cloned().map_err(|_| record.bad("secrets"))).collect()
}

/// What stands where a data source leaves it to the roles who may do what with it.
const ROLES: &str = "roles";

/// Roles are written by their names, accounts by their numbers: `7`, or `7.2` who had left twice.
pub(crate) fn assignee_text(assignee: Assignee) -> String {
    match assignee {
        Assignee::Viewers => "Viewer".to_owned(),
        Assignee::Editors => "Editor".to_owned(),
        Assignee::Account { id, stay: 0 } => id.to_string(),
        Assignee::Account { id, stay } => format!("{id}.{stay}"),
    }
}

/// Reads what [`assignee_text`] wrote.
pub(crate) fn assignee_of(text: &str) -> Option<Assignee> {
    Some(match text {
        "Viewer" => Assignee::Viewers,
        "Editor" => Assignee::Editors,
        account => {
            let (id, stay) = account.split_once('.').unwrap_or((account, "0"));
            Assignee::Account { id: id.parse().ok()?, stay: stay.parse().ok()? }
        }
    })
}

fn permissions_value(permissions: &Permissions) -> AttributeValue {
    let one =
        |(assignee, level): (Assignee, Level)| (assignee_text(assignee), text(level.as_str()));
    AttributeValue::M(permissions.iter().map(one).collect())
}

fn permissions_of(record: &Record<'_>) -> Result<Option<Permissions>, Error> {
    let bad = || record.bad("permissions");
    let value = record.0.get("permissions").ok_or_else(bad)?;
    if value.as_s().is_ok_and(|text| text == ROLES) {
        return Ok(None);
    }
    let one = |(name, value): (&String, &AttributeValue)| {
        let assignee = assignee_of(name).ok_or_else(bad)?;
        let level = value.as_s().ok().and_then(|text| Level::parse(text)).ok_or_else(bad)?;
        Ok((assignee, level))
    };
    let all = value.as_m().map_err(|_| bad())?;
    all.iter().map(one).collect::<Result<_, Error>>().map(Some)
}

fn settings_of(record: &Record<'_>) -> Result<Settings, Error> {
    let owned = |name| record.text(name).map(str::to_owned);
    Ok(Settings {
        name: record.parsed("name", |text| SourceName::parse(text).ok())?,
        type_text: owned("type")?,
        access: owned("access")?,
        url: owned("url")?,
        user: owned("user")?,
        database: owned("database")?,
        basic_auth: record.flag("basicAuth")?,
        basic_auth_user: owned("basicAuthUser")?,
        with_credentials: record.flag("withCredentials")?,
        json_data: record.parsed("jsonData", |text| JsonText::object(text.to_owned()))?,
        api_version: owned("apiVersion")?,
    })
}

/// Refuses an item that the table would refuse, before anything is written (`faults.md` D18, K23).
pub(crate) fn check_size(item: &Item) -> Result<(), Error> {
    let bytes = item.iter().map(|(name, value)| name.len() + size_of(value)).sum();
    if bytes > LARGEST_ITEM_BYTES {
        return Err(Error::TooLarge { bytes, limit: LARGEST_ITEM_BYTES });
    }
    Ok(())
}

fn size_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size_of(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() + size_of(value)).sum::<usize>()
        }
        _ => 1,
    }
}

#[cfg(test)]
pub(crate) mod tests;
