//! The rules for what is saved, as far as no table is needed to judge them (contract 1.5 to 1.9).

mod doubts;
mod text;
mod url;

use sourcegate_core::{
    Datasource, HttpTarget, JsonText, Plugin, Policy, Secrets, Settings, SourceName, Uid,
};
use store::{Change, Draft};

use crate::Error;
use crate::wire::datasource::Command;

/// The largest `jsonData` that is kept, in bytes.
const LARGEST_JSON_DATA: usize = 256 << 10;

/// Whether something is saved for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saving {
    /// POST.
    New,
    /// PUT.
    Again,
}

/// A command whose required fields are there and whose fields are of the right kind.
pub(crate) struct Bound {
    name: String,
    uid: String,
    version: Option<i64>,
    make_default: bool,
    secrets: Secrets,
    /// All but the name.
    type_text: String,
    access: String,
    url: String,
    user: String,
    database: String,
    basic_auth: bool,
    basic_auth_user: String,
    with_credentials: bool,
    json_data: JsonText,
    api_version: String,
}

impl Bound {
    /// Takes a command whose required fields are there.
    pub(crate) fn of(command: Command) -> Result<Self, Error> {
        let type_text = required(command.type_text, "Type")?;
        let access = required(command.access, "Access")?;
        let json_data = match command.json_data {
            None => JsonText::default(),
            Some(raw) => {
                JsonText::object(String::from(Box::<str>::from(raw))).ok_or(Error::NotAnObject)?
            }
        };
        let secrets = command.secure_json_data.unwrap_or_default();
        Ok(Self {
            name: command.name.unwrap_or_default(),
            uid: command.uid.unwrap_or_default(),
            version: command.version,
            make_default: command.is_default.unwrap_or_default(),
            secrets: secrets.into_iter().map(|(name, text)| (name, text.0)).collect(),
            type_text,
            access,
            url: command.url.unwrap_or_default(),
            user: command.user.unwrap_or_default(),
            database: command.database.unwrap_or_default(),
            basic_auth: command.basic_auth.unwrap_or_default(),
            basic_auth_user: command.basic_auth_user.unwrap_or_default(),
            with_credentials: command.with_credentials.unwrap_or_default(),
            json_data,
            api_version: command.api_version.unwrap_or_default(),
        })
    }

    /// Judges the url (contract 1.7, `faults.md` S).
    pub(crate) fn check_url(&self, policy: &Policy, saving: Saving) -> Result<(), Error> {
        url::check(&self.type_text, &self.url, policy, saving)
    }

    /// Makes a new data source of it. Where no name was sent, its name is the type, and another one may be given.
    pub(crate) fn into_draft(self) -> Result<(Draft, Naming), Error> {
        let naming = if is_blank(&self.name) { Naming::Free } else { Naming::Asked };
        let name = match naming {
            Naming::Asked => self.name.clone(),
            Naming::Free => self.type_text.clone(),
        };
        let uid = match self.uid.as_str() {
            "" => None,
            asked => Some(asked.to_owned()),
        };
        let make_default = self.make_default;
        let (settings, secrets) = self.settled(&name, Saving::New)?;
        let uid = uid.map(|uid| Uid::parse(&uid)).transpose().map_err(Error::Uid)?;
        Ok((Draft { uid, settings, secrets, make_default }, naming))
    }

    /// Makes a change of it to a data source. Where no name or uid was sent, it keeps the one it has.
    pub(crate) fn into_change(self, current: &Datasource) -> Result<Change, Error> {
        let uid = self.uid.clone();
        let name = match is_blank(&self.name) {
            false => self.name.clone(),
            true => current.settings.name.to_string(),
        };
        let (version, make_default) = (self.version, self.make_default);
        let (settings, secrets) = self.settled(&name, Saving::Again)?;
        let is_other = !uid.is_empty() && uid != current.uid.as_str();
        let uid = is_other.then(|| Uid::parse(&uid)).transpose().map_err(Error::Uid)?;
        Ok(Change { uid, settings, secrets, version, make_default })
    }

    fn settled(self, name: &str, saving: Saving) -> Result<(Settings, Secrets), Error> {
        if sets_team_headers(&self.json_data) {
            return Err(Error::TeamHeaders(saving));
        }
        let name = settled_name(name)?;
        if !is_api_version(&self.api_version) {
            return Err(Error::ApiVersion);
        }
        let settings = Settings {
            name,
            type_text: self.type_text,
            access: self.access,
            url: self.url,
            user: self.user,
            database: self.database,
            basic_auth: self.basic_auth,
            basic_auth_user: self.basic_auth_user,
            with_credentials: self.with_credentials,
            json_data: self.json_data,
            api_version: self.api_version,
        };
        text::check_settings(&settings)?;
        text::check_secrets(&self.secrets)?;
        text::check_length("jsonData", settings.json_data.as_str(), LARGEST_JSON_DATA)?;
        // What else is wrong with a connection is told when it is used.
        HttpTarget::check_headers(&settings).map_err(Error::Header)?;
        Ok((settings, self.secrets))
    }
}

/// Logs what is saved although it is bound to fail when it is used.
pub(crate) fn warn(uid: &Uid, settings: &Settings, secrets: &Secrets, policy: &Policy) {
    for doubt in doubts::of(settings, secrets, policy) {
        tracing::warn!(datasource.uid = %uid, "saved `{uid}`, but {doubt}");
    }
}

/// Whether a name was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// This one and no other.
    Asked,
    /// The first that is free.
    Free,
}

fn required(value: Option<String>, field: &'static str) -> Result<String, Error> {
    value.filter(|text| !text.is_empty()).ok_or(Error::Required(field))
}

fn is_blank(name: &str) -> bool {
    name.trim().is_empty()
}

fn settled_name(name: &str) -> Result<SourceName, Error> {
    if name.contains(char::is_control) {
        return Err(Error::NameCharacters);
    }
    SourceName::parse(name).map_err(Error::Name)
}

#[derive(serde::Deserialize)]
struct TeamHeaders {
    #[serde(rename = "teamHttpHeaders")]
    rules: Option<serde::de::IgnoredAny>,
}

fn sets_team_headers(json: &JsonText) -> bool {
    let read = serde_json::from_str::<TeamHeaders>(json.as_str());
    read.is_ok_and(|read| read.rules.is_some())
}

/// Accepts nothing, `v1`, `v0alpha1`, `v2beta3`.
fn is_api_version(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let Some(version) = text.strip_prefix('v') else { return text.is_empty() };
    let number = version.split_once("alpha").or_else(|| version.split_once("beta"));
    text.len() <= 63
        && number.map_or_else(|| digits(version), |(major, minor)| digits(major) && digits(minor))
}

fn needs_url(type_text: &str) -> bool {
    Plugin::parse(type_text).needs_url(type_text)
}

#[cfg(test)]
mod tests;
