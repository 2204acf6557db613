//! What roles and bindings of the Perses dialect say (Perses `pkg/model/api/v1/role`, `rolebinding.go`).

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{self, JsonFault};
use crate::{BadDocumentName, DocumentKind, DocumentName, JsonText, quoted};

/// How many a binding names at most: as many as are looked up at once.
const MOST_SUBJECTS: usize = 100;

/// What a role lets be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleAction {
    /// See; of data sources, send requests through them too.
    Read,
    /// Make.
    Create,
    /// Change.
    Update,
    /// Remove.
    Delete,
    /// All of these.
    All,
}

impl RoleAction {
    const ALL: [Self; 5] = [Self::Read, Self::Create, Self::Update, Self::Delete, Self::All];

    /// Gives Perses' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::All => "*",
        }
    }
}

/// With what a role lets it be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleScope {
    /// Documents of a kind.
    Kind(DocumentKind),
    /// Users.
    User,
    /// Something of Perses' that is not served here; it gives nothing.
    Elsewhere(&'static str),
    /// Everything.
    All,
}

/// Kinds of Perses that are not served here.
const ELSEWHERE: [&str; 4] = ["EphemeralDashboard", "Folder", "GlobalVariable", "Variable"];

impl RoleScope {
    /// Gives Perses' spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.as_str(),
            Self::User => "User",
            Self::Elsewhere(kind) => kind,
            Self::All => "*",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let elsewhere = || ELSEWHERE.into_iter().find(|kind| kind.eq_ignore_ascii_case(text));
        match text {
            "*" => Some(Self::All),
            _ if text.eq_ignore_ascii_case("User") => Some(Self::User),
            _ => DocumentKind::parse(text)
                .map(Self::Kind)
                .or_else(|| elsewhere().map(Self::Elsewhere)),
        }
    }

    /// Tells whether it is of the organisation and of no project, so that no project's role can give it.
    fn is_global(self) -> bool {
        match self {
            Self::Kind(kind) => !kind.is_within_project(),
            Self::User | Self::Elsewhere("GlobalVariable") => true,
            Self::Elsewhere(_) | Self::All => false,
        }
    }
}

impl Serialize for RoleAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for RoleScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Some actions on some scopes: each of the first on each of the second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolePermission {
    /// What may be done.
    pub actions: Vec<RoleAction>,
    /// With what.
    pub scopes: Vec<RoleScope>,
}

/// Says what is wrong with a role or a binding, in Perses' words where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRole {
    /// It says nothing.
    #[error("spec cannot be empty")]
    Empty,
    /// It is not of the form that it must have.
    #[error("{0}")]
    Form(#[from] JsonFault),
    /// A permission has no actions.
    #[error("permission actions cannot be empty")]
    NoActions,
    /// A permission has no scopes.
    #[error("permission scopes cannot be empty")]
    NoScopes,
    /// There is no such action.
    #[error("{} has no associated struct", quoted(.0))]
    Action(String),
    /// There is no such scope.
    #[error("unknown scope {} used", quoted(.0))]
    Scope(String),
    /// A project's role reaches beyond the project.
    #[error("invalid scope: {} for a Role scope", quoted(.0))]
    GlobalScope(&'static str),
    /// A binding names no role.
    #[error("rolebinding role cannot be empty")]
    NoRole,
    /// What it names is no role's name.
    #[error("rolebinding role: {0}")]
    RoleName(BadDocumentName),
    /// A binding names nobody.
    #[error("rolebinding subjects cannot be empty")]
    NoSubjects,
    /// It names somebody by no name.
    #[error("subject name cannot be empty")]
    NoName,
    /// It names something else than a user.
    #[error("invalid kind: {} for a Subject kind", quoted(.0))]
    SubjectKind(String),
    /// It names too many.
    #[error("a binding has at most {MOST_SUBJECTS} subjects, not {0}; make another one")]
    ManySubjects(usize),
}

#[derive(Deserialize)]
struct SentRole {
    #[serde(default)]
    permissions: Option<Vec<SentPermission>>,
}

#[derive(Deserialize)]
struct SentPermission {
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
}

/// What a role says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleSpec {
    /// What it gives.
    pub permissions: Vec<RolePermission>,
}

impl RoleSpec {
    /// Reads the `spec` of a role of a kind.
    ///
    /// # Errors
    /// What is wrong with it first.
    pub fn parse(kind: DocumentKind, spec: &str) -> Result<Self, BadRole> {
        let sent: SentRole = form(spec)?;
        let sent = sent.permissions.ok_or(BadRole::Empty)?;
        let permissions = sent.iter().map(permission).collect::<Result<Vec<_>, _>>()?;
        let mut scopes = permissions.iter().flat_map(|permission| &permission.scopes);
        match scopes.find(|scope| scope.is_global()) {
            Some(scope) if kind == DocumentKind::Role => Err(BadRole::GlobalScope(scope.as_str())),
            _ => Ok(Self { permissions }),
        }
    }

    /// Writes it as it is stored.
    #[must_use]
    pub fn text(&self) -> JsonText {
        let text = serde_json::json!({ "permissions": self.permissions }).to_string();
        JsonText::object(text).unwrap_or_default()
    }
}

fn permission(sent: &SentPermission) -> Result<RolePermission, BadRole> {
    if sent.actions.is_empty() {
        return Err(BadRole::NoActions);
    }
    if sent.scopes.is_empty() {
        return Err(BadRole::NoScopes);
    }
    let action = |text: &String| {
        let mut all = RoleAction::ALL.into_iter();
        let found = all.find(|action| action.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| BadRole::Action(text.clone()))
    };
    let scope = |text: &String| RoleScope::parse(text).ok_or_else(|| BadRole::Scope(text.clone()));
    Ok(RolePermission {
        actions: sent.actions.iter().map(action).collect::<Result<_, _>>()?,
        scopes: sent.scopes.iter().map(scope).collect::<Result<_, _>>()?,
    })
}

#[derive(Deserialize)]
struct SentBinding {
    #[serde(default)]
    role: String,
    #[serde(default)]
    subjects: Vec<SentSubject>,
}

#[derive(Deserialize)]
struct SentSubject {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
}

/// What a binding says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingSpec {
    /// The role, in the same project, or a global one for a global binding.
    pub role: DocumentName,
    /// The logins of those who have it.
    pub subjects: Vec<String>,
}

impl BindingSpec {
    /// Reads the `spec` of a binding.
    ///
    /// # Errors
    /// What is wrong with it first.
    pub fn parse(spec: &str) -> Result<Self, BadRole> {
        let sent: SentBinding = form(spec)?;
        if sent.role.is_empty() {
            return Err(BadRole::NoRole);
        }
        if sent.subjects.is_empty() {
            return Err(BadRole::NoSubjects);
        }
        if sent.subjects.len() > MOST_SUBJECTS {
            return Err(BadRole::ManySubjects(sent.subjects.len()));
        }
        for subject in &sent.subjects {
            if !subject.kind.eq_ignore_ascii_case("User") {
                return Err(BadRole::SubjectKind(subject.kind.clone()));
            }
            if subject.name.is_empty() {
                return Err(BadRole::NoName);
            }
        }
        let role = DocumentName::parse(&sent.role).map_err(BadRole::RoleName)?;
        let subjects = sent.subjects.into_iter().map(|subject| subject.name).collect();
        Ok(Self { role, subjects })
    }

    /// Writes it as it is stored.
    #[must_use]
    pub fn text(&self) -> JsonText {
        let subject = |name: &String| serde_json::json!({ "kind": "User", "name": name });
        let subjects: Vec<_> = self.subjects.iter().map(subject).collect();
        let text =
            serde_json::json!({ "role": self.role.as_str(), "subjects": subjects }).to_string();
        JsonText::object(text).unwrap_or_default()
    }
}

fn form<'a, T: Deserialize<'a>>(spec: &'a str) -> Result<T, BadRole> {
    Ok(json::read(spec)?)
}

#[cfg(test)]
mod tests;
