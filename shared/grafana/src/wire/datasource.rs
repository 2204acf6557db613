//! A data source on the wire (contract 1.2 to 1.10).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use auth::{Action, Caller};
use secrecy::SecretString;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;
use sourcegate_core::{Datasource, JsonText, LegacyId};
use store::Stored;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

/// The logo that lists show for a type that is not known.
const UNKNOWN_LOGO: &str = "public/img/icn-datasource.svg";

/// What POST and PUT carry. Absent and null are the zero value; what is not listed is ignored, `id`, `orgId` and
/// `readOnly` among it. Holds secrets: no `Debug`.
#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DatasourceCommand, description = "A data source as it is saved. What is absent or null is empty; what is \
    not listed is ignored.")]
pub(crate) struct Command {
    /// At most 190 bytes. When it is made, blank is the type, with a number behind it where that is taken.
    #[schema(max_length = 190, example = "Prometheus")]
    pub(crate) name: Option<String>,
    /// A type that is not known is served as plain HTTP.
    #[serde(rename = "type")]
    #[schema(required, nullable = false, min_length = 1, example = "prometheus")]
    pub(crate) type_text: Option<String>,
    /// `proxy`, or `direct`, which no server acts on.
    #[schema(required, nullable = false, min_length = 1, example = "proxy")]
    pub(crate) access: Option<String>,
    /// At most 255 bytes.
    #[schema(max_length = 255, example = "http://prometheus:9090")]
    pub(crate) url: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) basic_auth: Option<bool>,
    pub(crate) basic_auth_user: Option<String>,
    pub(crate) with_credentials: Option<bool>,
    pub(crate) is_default: Option<bool>,
    /// Settings of the type. At most 256 KiB.
    #[schema(value_type = Option<Object>)]
    pub(crate) json_data: Option<Box<RawValue>>,
    #[schema(schema_with = secrets)]
    pub(crate) secure_json_data: Option<BTreeMap<String, SecretText>>,
    /// Blank is drawn.
    #[schema(max_length = 40, pattern = "^[a-zA-Z0-9_-]*$")]
    pub(crate) uid: Option<String>,
    /// The version that was read; a lower one than the stored is refused, 0 is not compared.
    pub(crate) version: Option<i64>,
    #[schema(max_length = 63, pattern = "^(v[0-9]+((alpha|beta)[0-9]+)?)?$", example = "v1")]
    pub(crate) api_version: Option<String>,
}

/// What the document says of secrets. The derive would mark each value as written only, and not the whole.
fn secrets() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .additional_properties(Some(ObjectBuilder::new().schema_type(Type::String)))
        .write_only(Some(true))
        .description(Some("Secrets by name. They are sealed and never come back."))
}

/// A text that is a secret from its first moment.
pub(crate) struct SecretText(pub(crate) SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Secretly)
    }
}

struct Secretly;

impl Visitor<'_> for Secretly {
    type Value = SecretText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretText, E> {
        Ok(SecretText(SecretString::from(text)))
    }
}

/// An entry of the list.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedDatasource)]
pub(crate) struct Listed<'a> {
    id: i64,
    uid: &'a str,
    org_id: u32,
    name: &'a str,
    #[serde(rename = "type")]
    type_text: &'a str,
    type_name: &'a str,
    type_logo_url: &'a str,
    access: &'a str,
    url: &'a str,
    user: &'a str,
    database: &'a str,
    basic_auth: bool,
    is_default: bool,
    #[serde(serialize_with = "as_it_is")]
    #[schema(value_type = Object)]
    json_data: &'a JsonText,
    read_only: bool,
}

impl<'a> From<&'a Stored> for Listed<'a> {
    fn from(stored: &'a Stored) -> Self {
        let source = &*stored.source;
        let settings = &source.settings;
        let plugin = settings.plugin();
        Self {
            id: source.id.get(),
            uid: source.uid.as_str(),
            org_id: source.org.get(),
            name: settings.name.as_str(),
            type_text: plugin.id().unwrap_or(&settings.type_text),
            type_name: plugin.display_name().unwrap_or(&settings.type_text),
            type_logo_url: plugin.logo().unwrap_or(UNKNOWN_LOGO),
            access: &settings.access,
            url: &settings.url,
            user: &settings.user,
            database: &settings.database,
            basic_auth: settings.basic_auth,
            is_default: stored.is_default,
            json_data: &settings.json_data,
            read_only: source.read_only,
        }
    }
}

/// One data source by itself; in the answers to POST and PUT without a logo.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Datasource)]
pub(crate) struct Single<'a> {
    id: i64,
    uid: &'a str,
    org_id: u32,
    name: &'a str,
    #[serde(rename = "type")]
    type_text: &'a str,
    type_logo_url: &'a str,
    access: &'a str,
    url: &'a str,
    user: &'a str,
    database: &'a str,
    basic_auth: bool,
    basic_auth_user: &'a str,
    with_credentials: bool,
    is_default: bool,
    #[serde(serialize_with = "as_it_is")]
    #[schema(value_type = Object)]
    json_data: &'a JsonText,
    /// Which secrets are set.
    #[serde(serialize_with = "as_flags")]
    #[schema(value_type = BTreeMap<String, bool>)]
    secure_json_fields: &'a BTreeSet<String>,
    version: i64,
    read_only: bool,
    /// What the caller may do with it, if he asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, bool>>, nullable = false)]
    access_control: Option<BTreeMap<&'static str, bool>>,
    api_version: &'a str,
}

impl<'a> From<&'a Stored> for Single<'a> {
    fn from(stored: &'a Stored) -> Self {
        let source = &*stored.source;
        let settings = &source.settings;
        Self {
            id: source.id.get(),
            uid: source.uid.as_str(),
            org_id: source.org.get(),
            name: settings.name.as_str(),
            type_text: &settings.type_text,
            type_logo_url: "",
            access: &settings.access,
            url: &settings.url,
            user: &settings.user,
            database: &settings.database,
            basic_auth: settings.basic_auth,
            basic_auth_user: &settings.basic_auth_user,
            with_credentials: settings.with_credentials,
            is_default: stored.is_default,
            json_data: &settings.json_data,
            secure_json_fields: &source.secret_names,
            version: source.version,
            read_only: source.read_only,
            access_control: None,
            api_version: &settings.api_version,
        }
    }
}

impl<'a> Single<'a> {
    /// Makes what GET shows: with the type's logo.
    pub(crate) fn with_logo(stored: &'a Stored) -> Self {
        let logo = stored.source.settings.plugin().logo().unwrap_or_default();
        Self { type_logo_url: logo, ..Self::from(stored) }
    }

    /// Adds what a caller may do with it (`?accesscontrol=true`).
    pub(crate) fn with_access(self, caller: &Caller, source: &Datasource) -> Self {
        let allowed = Action::all().filter(|action| caller.may(*action, source));
        Self { access_control: Some(allowed.map(|a| (a.as_str(), true)).collect()), ..self }
    }
}

/// The answer to POST and PUT.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = SavedDatasource)]
pub(crate) struct Saved<'a> {
    datasource: Single<'a>,
    id: i64,
    message: &'static str,
    name: &'a str,
}

impl<'a> Saved<'a> {
    /// Makes the answer of what was saved.
    pub(crate) fn new(stored: &'a Stored, message: &'static str) -> Self {
        let name = stored.source.settings.name.as_str();
        Self { datasource: stored.into(), id: stored.source.id.get(), message, name }
    }
}

/// The answer to DELETE by uid.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = DeletedDatasource)]
pub(crate) struct Deleted {
    id: i64,
    message: &'static str,
}

impl From<LegacyId> for Deleted {
    fn from(id: LegacyId) -> Self {
        Self { id: id.get(), message: "Data source deleted" }
    }
}

/// Writes JSON as it was sent.
pub(super) fn as_it_is<S: Serializer>(json: &&JsonText, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(json.as_str()).map_err(S::Error::custom)?;
    raw.serialize(serializer)
}

fn as_flags<S: Serializer>(names: &&BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().map(|name| (name, true)))
}

#[cfg(test)]
mod tests;
