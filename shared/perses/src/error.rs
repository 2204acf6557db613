//! What this dialect refuses by itself, in Perses' words where it has some.

use sourcegate_core::json::JsonFault;
use sourcegate_core::{BadDocumentName, BadRole, Classify, DocumentKind, Kind, quoted};

/// Says what is wrong with a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What is sent is no such document. Perses says it twice.
    #[error("{0}")]
    Decode(String),
    /// What is asked contradicts itself or what is there.
    #[error("{0}")]
    Bad(String),
    /// The project in the path is not the one in the document.
    #[error("project parameter value '{path}' does not match provided metadata value '{body}'")]
    OtherProject {
        /// In the path.
        path: String,
        /// In the document.
        body: String,
    },
    /// The name in the path is not the one in the document.
    #[error("name parameter value '{path}' does not match provided metadata value '{body}'")]
    OtherName {
        /// In the path.
        path: String,
        /// In the document.
        body: String,
    },
    /// A document of a project names none.
    #[error("metadata.project cannot be empty")]
    NoProject,
    /// The kind is another one's.
    #[error("invalid kind: {} for a {wanted} type", quoted(sent))]
    OtherKind {
        /// What was sent.
        sent: String,
        /// What is made here.
        wanted: DocumentKind,
    },
    /// A name is none.
    #[error(transparent)]
    Name(#[from] BadDocumentName),
    /// A role or a binding is none.
    #[error(transparent)]
    Role(#[from] BadRole),
    /// The project that a list is asked of is none.
    #[error("the project name in the query parameter is invalid: {0}")]
    QueryProject(BadDocumentName),
    /// A list is asked of two projects.
    #[error(
        "the project name in the path ({path}) and the project name in the query parameter ({query}) are different"
    )]
    TwoProjects {
        /// In the path.
        path: String,
        /// In the query.
        query: String,
    },
    /// The path has no such method, but these.
    #[error("Method Not Allowed")]
    MethodNotAllowed(&'static str),
    /// A data source that is used once, or the request for it, is none; told without what is before other texts.
    #[error("{0}")]
    Unsaved(String),
    /// A database is asked with another method than POST.
    #[error(
        "you are not allowed to use this endpoint {} with the HTTP method {method}",
        quoted(path)
    )]
    NotPost {
        /// What follows the name.
        path: String,
        /// The method.
        method: http::Method,
    },
    /// No form in which answers are written is one that the caller takes.
    #[error("{} names none of text/csv, application/json, application/json;rows=arrays, application/x-ndjson", quoted(.0))]
    NotAcceptable(String),
    /// Another user has the login.
    #[error("document already exists")]
    UserTaken,
    /// The organisation has no such user.
    #[error("document not found")]
    NoUser,
    /// Only its owner may see it.
    #[error("you can only retrieve your permissions")]
    NotYours,
}

impl Error {
    /// A `spec` is not what it must be.
    pub(crate) fn spec(fault: &JsonFault) -> Self {
        Self::Decode(format!("spec: {fault}"))
    }

    /// Tells whether Perses finds it while it reads the body, and says it twice.
    pub(crate) fn is_of_decoding(&self) -> bool {
        matches!(self, Self::Decode(_) | Self::OtherKind { .. } | Self::Name(_) | Self::Role(_))
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::MethodNotAllowed(_) | Self::NotPost { .. } => Kind::MethodNotAllowed,
            Self::NotAcceptable(_) => Kind::NotAcceptable,
            Self::NotYours => Kind::Forbidden,
            Self::UserTaken => Kind::Conflict,
            Self::NoUser => Kind::NotFound,
            _ => Kind::Invalid,
        }
    }
}
