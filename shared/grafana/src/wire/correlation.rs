//! A correlation on the wire (contract 1.11).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sourcegate_core::{JsonText, Transformation};
use store::Link;

use super::datasource::as_it_is;

/// What POST carries. Absent and null are the zero value; what is not listed is ignored, `provisioned` among it.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[schema(as = CorrelationCommand)]
pub(crate) struct Command {
    #[serde(rename = "targetUID")]
    pub(crate) target_uid: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) description: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) config: Option<Config>,
}

/// What PATCH carries. What is absent or null stays.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[schema(as = CorrelationChanges)]
pub(crate) struct Changes {
    pub(crate) label: Option<String>,
    pub(crate) description: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) config: Option<Config>,
}

/// The part of both that Grafana's pages read.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[schema(as = CorrelationConfig)]
pub(crate) struct Config {
    pub(crate) field: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub(crate) target: Option<Box<RawValue>>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) transformations: Option<Vec<SentTransformation>>,
}

/// One way to take variables out of a field.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CorrelationTransformation)]
pub(crate) struct SentTransformation {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) expression: Option<String>,
    pub(crate) field: Option<String>,
    pub(crate) map_value: Option<String>,
}

/// A correlation as it is shown.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Correlation)]
pub(crate) struct Shown<'a> {
    uid: &'a str,
    #[serde(rename = "sourceUID")]
    source_uid: &'a str,
    #[serde(rename = "orgId")]
    org_id: u32,
    #[serde(rename = "targetUID")]
    target_uid: Option<&'a str>,
    label: &'a str,
    description: &'a str,
    config: ShownConfig<'a>,
    provisioned: bool,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ShownCorrelationConfig)]
struct ShownConfig<'a> {
    field: &'a str,
    #[serde(serialize_with = "as_it_is")]
    #[schema(value_type = Object)]
    target: &'a JsonText,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    transformations: Vec<ShownTransformation<'a>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShownCorrelationTransformation)]
struct ShownTransformation<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(required = false)]
    expression: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(required = false)]
    field: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(required = false)]
    map_value: &'a str,
}

impl<'a> From<&'a Link> for Shown<'a> {
    fn from(link: &'a Link) -> Self {
        let one = &link.correlation;
        let transformations = one.transformations.iter().map(ShownTransformation::from).collect();
        Self {
            uid: one.uid.as_str(),
            source_uid: link.source.uid.as_str(),
            org_id: link.source.org.get(),
            target_uid: link.target.as_ref().map(|target| target.uid.as_str()),
            label: &one.label,
            description: &one.description,
            config: ShownConfig { field: &one.field, target: &one.query, transformations },
            // None is made from a file.
            provisioned: false,
            kind: one.kind.as_str(),
        }
    }
}

impl<'a> From<&'a Transformation> for ShownTransformation<'a> {
    fn from(one: &'a Transformation) -> Self {
        Self {
            kind: one.kind.as_str(),
            expression: &one.expression,
            field: &one.field,
            map_value: &one.map_value,
        }
    }
}

/// The answer to POST and PATCH.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SavedCorrelation)]
pub(crate) struct Done<'a> {
    result: Shown<'a>,
    message: &'static str,
}

impl<'a> Done<'a> {
    pub(crate) fn new(link: &'a Link, message: &'static str) -> Self {
        Self { result: link.into(), message }
    }
}

/// A page of all correlations.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CorrelationPage)]
pub(crate) struct Listed<'a> {
    pub(crate) correlations: Vec<Shown<'a>>,
    pub(crate) total_count: u64,
    pub(crate) page: u64,
    pub(crate) limit: u64,
}
