//! What this dialect refuses by itself, with the contract's texts.

use std::borrow::Cow;

use sourcegate_core::{BadConnection, BadName, BadUrl, Classify, Kind, Verdict};

use crate::permissions::BadAssignment;
use crate::save::Saving;

/// A refusal of the Grafana dialect. `Display` tells what is wrong; [`Error::words`] is what the contract says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field that must be there is absent, null or empty.
    #[error("required value {0} must not be empty")]
    Required(&'static str),
    /// `jsonData` is something else than an object.
    #[error("jsonData must be an object")]
    NotAnObject,
    /// The url is none.
    #[error("{0}")]
    Url(BadUrl),
    /// The type cannot be without a url.
    #[error("url must not be empty for this type")]
    NoUrl,
    /// The host of the url is one that is never dialled.
    #[error("data sources must not be at an address that is {0}")]
    Address(Verdict),
    /// `jsonData.teamHttpHeaders` has an API of its own.
    #[error("jsonData.teamHttpHeaders cannot be set here")]
    TeamHeaders(Saving),
    /// The name is too long.
    #[error("{0}")]
    Name(BadName),
    /// The name has a control character.
    #[error("name has a control character")]
    NameCharacters,
    /// The url is longer than the contract allows, in bytes.
    #[error("url of {0} bytes must have at most 255")]
    UrlTooLong(usize),
    /// The API version is no version.
    #[error("apiVersion must be empty or such as v1 or v1beta1")]
    ApiVersion,
    /// The uid is none.
    #[error("{0}")]
    Uid(BadName),
    /// The uid of the body is another than that of the path.
    #[error(
        "changing the uid of a data source is not offered yet; leave uid out or send the one of the path"
    )]
    UidChange,
    /// A text cannot be what it is for.
    #[error("{field} {what}")]
    Text {
        /// The field.
        field: Cow<'static, str>,
        /// What is wrong with it. Never the text itself.
        what: &'static str,
    },
    /// A configured header cannot be sent.
    #[error("{0}")]
    Header(BadConnection),
    /// A text is longer than is kept.
    #[error("{field} has {bytes} bytes; at most {limit} are saved")]
    TooLong {
        /// The field.
        field: String,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A number in the path is none.
    #[error("id is invalid")]
    Id,
    /// The number in the path is zero.
    #[error("Datasource id is missing")]
    NoId,
    /// The uid in a proxy path is none.
    #[error("UID is invalid")]
    ProxyUid,
    /// A permission is given to somebody in a way that it cannot be.
    #[error("{0}")]
    Assignment(BadAssignment),
    /// A correlation is of no known type, or of two.
    #[error("type must be query or external, and the same wherever it stands")]
    CorrelationType,
    /// What a correlation leads to is something else than an object.
    #[error("config.target must be an object")]
    CorrelationTarget,
    /// A transformation is of no known type.
    #[error("config.transformations: type must be regex or logfmt")]
    TransformationType,
    /// A correlation has more transformations than are kept.
    #[error("config.transformations has {0} entries; at most 20 are saved")]
    TransformationCount(usize),
    /// A change of a correlation changes nothing.
    #[error("At least one of label, description or config is required")]
    NothingToChange,
    /// The caller sees no correlation.
    #[error("No correlation found")]
    NoCorrelations,
    /// The caller sees no correlation of that uid.
    #[error("Correlation not found")]
    NoCorrelation,
    /// A number in the query is none.
    #[error("{0} is invalid")]
    Query(&'static str),
    /// No data source can have this uid.
    #[error("Data source not found")]
    NotFound,
    /// The caller is not in the organisation.
    #[error("Not a valid organization")]
    OtherOrg,
    /// An answer could not be written.
    #[error("answer could not be written")]
    Unwritable(#[source] serde_json::Error),
    /// The document of the API could not be written.
    #[error("the document of the API could not be written: {0}")]
    NoDocument(&'static serde_json::Error),
}

/// What a client reads of a refusal.
pub(crate) struct Words {
    pub(crate) message: Cow<'static, str>,
    pub(crate) message_id: Option<&'static str>,
    pub(crate) detail: Option<String>,
}

impl Error {
    /// Gives the contract's text; what it does not tell goes into the detail.
    pub(crate) fn words(&self) -> Words {
        let (message, message_id) = match self {
            Self::Required(_)
            | Self::NotAnObject
            | Self::CorrelationType
            | Self::CorrelationTarget
            | Self::TransformationType => ("bad request data", None),
            Self::Assignment(bad) => return bad.words(),
            Self::Url(_) | Self::NoUrl | Self::Address(_) => {
                ("Validation error, invalid URL", None)
            }
            Self::TeamHeaders(saving) => (team_headers(*saving), None),
            Self::Name(_) | Self::NameCharacters => {
                ("Invalid datasource name.", Some("datasource.nameInvalid"))
            }
            Self::UrlTooLong(_) => ("Invalid datasource url.", Some("datasource.urlInvalid")),
            Self::ApiVersion => {
                ("Invalid datasource apiVersion.", Some("datasource.apiVersionInvalid"))
            }
            Self::Uid(_) | Self::UidChange => {
                ("Invalid datasource UID.", Some("datasource.uidInvalid"))
            }
            _ => return Words { message: self.to_string().into(), message_id: None, detail: None },
        };
        let detail = (!matches!(self, Self::TeamHeaders(_))).then(|| self.to_string());
        Words { message: message.into(), message_id, detail }
    }
}

fn team_headers(saving: Saving) -> &'static str {
    match saving {
        Saving::New => {
            "Cannot create datasource with team HTTP headers, need to use updateDatasourceLBACRules API"
        }
        Saving::Again => {
            "Cannot update datasource with team HTTP headers, need to use updateDatasourceLBACRules API"
        }
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::TeamHeaders(_) => Kind::Forbidden,
            Self::NotFound | Self::NoCorrelations | Self::NoCorrelation => Kind::NotFound,
            Self::Assignment(bad) if bad.is_absence() => Kind::NotFound,
            Self::OtherOrg => Kind::Unauthenticated,
            Self::Unwritable(_) | Self::NoDocument(_) => Kind::Internal,
            _ => Kind::Invalid,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            // Another spelling of an address could get past who checks its text (`faults.md` S07 to S10).
            Self::Address(_) | Self::Url(BadUrl::OddAddress) => Some("denied_egress"),
            Self::Url(_) | Self::NoUrl => Some("bad_url"),
            Self::Header(_) => Some("bad_header"),
            Self::Text { .. } => Some("bad_text"),
            Self::TooLong { .. } => Some("limit_bytes"),
            Self::TransformationCount(_) => Some("limit_count"),
            _ => None,
        }
    }
}
