//! Every kind of document, in every scope, by one set of handlers: what differs is data.

mod draft;
mod list;

use auth::{Caller, Verb};
use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::value::RawValue;
use sourcegate_core::{Document, DocumentId, DocumentKind, DocumentName};
use store::{DocumentDraft, Realm, Store};

use crate::answer::{Form, json, write};
use crate::wire::document::{InPath, Incoming, Outgoing};
use crate::{Error, mask, route};

pub(crate) use list::go_bool;

/// Says why a text is no document that could be saved.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BadDocument(#[from] Error);

/// Reads a document of any kind as it would be sent to be saved. Nobody's right to do so is judged.
///
/// # Errors
/// What is wrong with it first.
pub fn draft(document: &str) -> Result<DocumentDraft, BadDocument> {
    let incoming: Incoming = sourcegate_core::json::body(document.as_bytes())
        .map_err(|fault| Error::Decode(fault.to_string()))?;
    Ok(draft::read(incoming.kind()?, &incoming, &InPath::default())?)
}

/// What stands in the paths of a kind.
fn plural(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Project => "projects",
        DocumentKind::GlobalDatasource => "globaldatasources",
        DocumentKind::Datasource => "datasources",
        DocumentKind::GlobalSecret => "globalsecrets",
        DocumentKind::Secret => "secrets",
        DocumentKind::Dashboard => "dashboards",
        DocumentKind::GlobalRole => "globalroles",
        DocumentKind::GlobalRoleBinding => "globalrolebindings",
        DocumentKind::Role => "roles",
        DocumentKind::RoleBinding => "rolebindings",
    }
}

/// What of a document a path names.
#[derive(Debug, Default, Deserialize)]
struct Parameters {
    project: Option<String>,
    name: Option<String>,
}

/// The documents of one kind.
struct Of {
    kind: DocumentKind,
    store: Store,
}

/// Who asks, for what, and how it is to be written.
struct Asked {
    caller: Caller,
    parameters: Parameters,
    form: Form,
}

impl FromRequestParts<Store> for Asked {
    type Rejection = web::Error;

    async fn from_request_parts(parts: &mut Parts, store: &Store) -> Result<Self, web::Error> {
        let web::Caller(caller) = web::Caller::from_request_parts(parts, store).await?;
        let web::Path(parameters) = web::Path::from_request_parts(parts, store).await?;
        Ok(Self { caller, parameters, form: Form::of(parts.uri.query()) })
    }
}

/// Makes the routes of all kinds but those that say who may do what.
pub fn router(store: Store) -> Router {
    routes(store, |kind| !kind.gives_rights())
}

/// Makes the routes of some kinds.
pub(crate) fn routes(store: Store, wanted: fn(DocumentKind) -> bool) -> Router {
    let mut router = Router::new();
    for kind in DocumentKind::ALL.into_iter().filter(|kind| wanted(*kind)) {
        let plural = plural(kind);
        let all = move || {
            get(move |State(store), asked, query| list::list(Of { kind, store }, asked, query))
                .post(move |State(store), asked, body| create(Of { kind, store }, asked, body))
        };
        let one = get(move |State(store), asked| read(Of { kind, store }, asked))
            .put(move |State(store), asked, body| update(Of { kind, store }, asked, body))
            .delete(move |State(store), asked| delete(Of { kind, store }, asked));
        let (many, by_name) = ("OPTIONS, GET, POST", "OPTIONS, DELETE, GET, PUT");
        router = route(router, &format!("/api/v1/{plural}"), many, all());
        let path = match kind {
            // The same place in the path as the project of everything in it.
            DocumentKind::Project => "/api/v1/projects/{project}".to_owned(),
            kind if kind.is_of_project() => {
                let path = format!("/api/v1/projects/{{project}}/{plural}");
                router = route(router, &path, many, all());
                format!("{path}/{{name}}")
            }
            _ => format!("/api/v1/{plural}/{{name}}"),
        };
        router = route(router, &path, by_name, one);
        if kind.is_source() || kind == DocumentKind::Dashboard {
            let path = format!("/api/validate/{plural}");
            let check =
                post(move |State(store), caller, body| validate(Of { kind, store }, caller, body));
            router = route(router, &path, "OPTIONS, POST", check);
        }
    }
    router.with_state(store)
}

async fn create(
    Of { kind, store }: Of,
    Asked { caller, parameters, form }: Asked,
    request: web::Json<Incoming>,
) -> Result<Response, web::Error> {
    let path = in_path(kind, &parameters)?;
    let realm = match &path.project {
        None if kind.is_of_project() => Realm::Anywhere,
        project => Realm::of(project.as_ref()),
    };
    let caller = store.with_roles(caller, realm).await?;
    match &path.project {
        None => caller.may_somewhere(Verb::Create, kind)?,
        project => drop(caller.allow_document(Verb::Create, kind, project.as_ref())?),
    }
    let web::Json(incoming) = request;
    let draft = draft::read(kind, &incoming, &path)?;
    let permit = caller.allow_document(Verb::Create, kind, draft.id.project.as_ref())?;
    let saved = store.create_document(&permit, &draft).await?;
    Ok(shown(&saved, Sight::All, form))
}

async fn update(
    Of { kind, store }: Of,
    Asked { caller, parameters, form }: Asked,
    request: web::Json<Incoming>,
) -> Result<Response, web::Error> {
    let path = in_path(kind, &parameters)?;
    let realm = realm_of(kind, &path);
    let caller = store.with_roles(caller, Realm::of(realm)).await?;
    let permit = caller.allow_document(Verb::Update, kind, realm)?;
    let web::Json(incoming) = request;
    let draft = draft::read(kind, &incoming, &path)?;
    let saved = store.update_document(&permit, &draft).await?;
    Ok(shown(&saved, Sight::All, form))
}

async fn read(
    Of { kind, store }: Of,
    Asked { caller, parameters, form }: Asked,
) -> Result<Response, web::Error> {
    let id = named(kind, &parameters)?;
    let caller = store.with_roles(caller, Realm::of(id.realm())).await?;
    caller.allow_document(Verb::Read, kind, id.realm())?;
    check_project(&store, caller.org(), &id).await?;
    let found = store.document(caller.org(), &id).await?;
    let found = found.ok_or(store::Error::NoDocument(id))?;
    Ok(shown(&found, Sight::of(&caller, &found.id), form))
}

async fn delete(
    Of { kind, store }: Of,
    Asked { caller, parameters, .. }: Asked,
) -> Result<Response, web::Error> {
    let id = named(kind, &parameters)?;
    let caller = store.with_roles(caller, Realm::of(id.realm())).await?;
    let permit = caller.allow_document(Verb::Delete, kind, id.realm())?;
    store.delete_document(&permit, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Judges a document and saves nothing.
async fn validate(
    Of { kind, store }: Of,
    web::Caller(caller): web::Caller,
    web::Json(incoming): web::Json<Incoming>,
) -> Result<Response, web::Error> {
    let caller = store.with_roles(caller, Realm::Anywhere).await?;
    caller.may_somewhere(Verb::Read, kind)?;
    let project = kind.is_of_project().then(|| DocumentName::parse("p"));
    let project = project.transpose().map_err(Error::Name)?;
    // One that belongs to none yet may be judged too.
    let path = InPath::default();
    let judged = draft::read(kind, &incoming, &path);
    if let Err(Error::NoProject) = judged {
        draft::read(kind, &incoming, &InPath { project, name: None })?;
    } else {
        judged?;
    }
    Ok(StatusCode::OK.into_response())
}

/// Refuses what is read in a project that there is none of (contract/perses.md 0.2).
async fn check_project(
    store: &Store,
    org: sourcegate_core::OrgId,
    id: &DocumentId,
) -> Result<(), store::Error> {
    match &id.project {
        Some(project) if !store.has_project(org, project).await? => {
            Err(store::Error::NoProject(project.clone()))
        }
        _ => Ok(()),
    }
}

fn in_path(kind: DocumentKind, parameters: &Parameters) -> Result<InPath, Error> {
    let parsed = |text: &Option<String>| text.as_deref().map(DocumentName::parse).transpose();
    let (project, name) = (parsed(&parameters.project)?, parsed(&parameters.name)?);
    Ok(match kind {
        DocumentKind::Project => InPath { project: None, name: project },
        _ => InPath { project, name },
    })
}

/// In which project it is decided what may be done with what a path names: that of a project is itself.
fn realm_of(kind: DocumentKind, path: &InPath) -> Option<&DocumentName> {
    if kind == DocumentKind::Project { path.name.as_ref() } else { path.project.as_ref() }
}

fn named(kind: DocumentKind, parameters: &Parameters) -> Result<DocumentId, Error> {
    let InPath { project, name } = in_path(kind, parameters)?;
    let name = name.ok_or(sourcegate_core::BadDocumentName::Empty)?;
    Ok(DocumentId { kind, project, name })
}

/// How much of a document a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    All,
    /// What may hold a key is masked.
    Masked,
}

impl Sight {
    /// Who may change a document sees all that is in it.
    fn of(caller: &Caller, id: &DocumentId) -> Self {
        let may_write = caller.allow_document(Verb::Update, id.kind, id.realm()).is_ok();
        if may_write { Self::All } else { Self::Masked }
    }
}

fn shown(document: &Document, sight: Sight, form: Form) -> Response {
    json(StatusCode::OK, &written(document, sight, form), form)
}

/// Writes a document with its `spec`.
fn written(document: &Document, sight: Sight, form: Form) -> Box<RawValue> {
    let masked = match sight {
        Sight::Masked => mask::masked(document.spec.as_str()),
        Sight::All => None,
    };
    let spec = masked.as_deref().unwrap_or(document.spec.as_str());
    let spec: Option<&RawValue> = serde_json::from_str(spec).ok();
    let text = write(&Outgoing::of(document, spec), form);
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
