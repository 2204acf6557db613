//! Users as Perses writes them: what they are called, and that they have a password (Perses `pkg/model/api/v1/user.go`).

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sourcegate_core::{DocumentName, SecretSpec, quoted};
use store::User;

use super::document::{ZERO_TIME, rfc3339};
use crate::Error;

/// The shortest and the longest password, in bytes, as everywhere.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 4..=1_024;

/// A user as he is sent.
#[derive(Deserialize)]
pub(crate) struct IncomingUser {
    #[serde(default)]
    kind: String,
    metadata: Option<Metadata>,
    spec: Option<Spec>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    first_name: String,
    last_name: String,
    native_provider: Provider,
    oauth_providers: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Provider {
    password: String,
}

/// A user that was judged.
pub(crate) struct SentUser {
    /// What he logs in as.
    pub(crate) login: String,
    /// His whole name, which may be empty.
    pub(crate) name: String,
    /// His new password, if one is sent.
    pub(crate) password: Option<SecretString>,
}

impl IncomingUser {
    /// Judges him. A masked password is none.
    ///
    /// # Errors
    /// What is wrong with him first, in Perses' words where it has some.
    pub(crate) fn judged(self, path: Option<&str>) -> Result<SentUser, Error> {
        let decode = |text: &str| Error::Decode(text.to_owned());
        if self.kind.is_empty() {
            return Err(decode("kind cannot be empty"));
        }
        if !self.kind.eq_ignore_ascii_case("User") {
            let kind = &self.kind;
            return Err(Error::Decode(format!("invalid kind: {} for a User type", quoted(kind))));
        }
        let name = self.metadata.ok_or_else(|| decode("metadata cannot be empty"))?.name;
        let login = match path {
            // Whoever is there already may be called as no document is.
            Some(path) if name.is_empty() || name.eq_ignore_ascii_case(path) => path.to_owned(),
            Some(path) => {
                let (path, body) = (path.to_owned(), name);
                return Err(Error::OtherName { path, body });
            }
            None => DocumentName::parse(&name)?.to_string(),
        };
        let spec = self.spec.unwrap_or_default();
        if spec.oauth_providers.is_some_and(|all| !all.is_empty()) {
            return Err(decode("oauthProviders are the operator's to set up; send nativeProvider"));
        }
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let password = given(spec.native_provider.password);
        let password = password.filter(|text| text != SecretSpec::MASK).map(SecretString::from);
        if let Some(password) = &password
            && !PASSWORD_BYTES.contains(&password.expose_secret().len())
        {
            let said = "a password has 4 to 1,024 bytes";
            return Err(Error::Bad(said.to_owned()));
        }
        let name = format!("{} {}", spec.first_name, spec.last_name).trim().to_owned();
        Ok(SentUser { login, name, password })
    }
}

/// Takes a name apart: before its first blank and after it.
fn names(name: &str) -> (&str, &str) {
    name.split_once(' ').unwrap_or((name, ""))
}

/// A user as he is answered.
#[derive(Serialize)]
pub(crate) struct OutgoingUser<'a> {
    kind: &'static str,
    metadata: OutgoingMetadata<'a>,
    spec: OutgoingSpec<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutgoingMetadata<'a> {
    name: &'a str,
    created_at: String,
    updated_at: String,
    version: u64,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct OutgoingSpec<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    first_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    last_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    native_provider: Option<MaskedProvider>,
}

#[derive(Serialize)]
struct MaskedProvider {
    password: &'static str,
}

impl<'a> OutgoingUser<'a> {
    /// Shows a user.
    pub(crate) fn of(user: &'a User) -> Self {
        let (first_name, last_name) = names(&user.name);
        let native_provider = Some(MaskedProvider { password: SecretSpec::MASK });
        let spec = OutgoingSpec { first_name, last_name, native_provider };
        Self { spec, ..Self::metadata_of(user) }
    }

    /// Shows what a user is called and nothing else of him.
    pub(crate) fn metadata_of(user: &'a User) -> Self {
        let time = |seconds: i64| rfc3339(u64::try_from(seconds).unwrap_or(0) * 1_000_000_000);
        let metadata = OutgoingMetadata {
            name: &user.login,
            created_at: time(user.created),
            updated_at: time(user.updated),
            version: 0,
        };
        Self { kind: "User", metadata, spec: OutgoingSpec::default() }
    }

    /// Shows who is no user of ours by what he is called.
    pub(crate) fn called(name: &'a str) -> Self {
        let zero = || ZERO_TIME.to_owned();
        let metadata =
            OutgoingMetadata { name, created_at: zero(), updated_at: zero(), version: 0 };
        Self { kind: "User", metadata, spec: OutgoingSpec::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, path: Option<&str>, expected: Result<(&str, &str, bool), &str>) {
        let incoming: IncomingUser = serde_json::from_str(json).unwrap();
        let found = incoming.judged(path).map_err(|error| error.to_string());
        let found = found.as_ref().map(|sent| (&*sent.login, &*sent.name, sent.password.is_some()));
        assert_eq!(found.map_err(|said| said.as_str()), expected, "{json}");
    }

    #[test]
    fn perses_users_are_read_as_they_are_sent() {
        let with =
            |spec: &str| format!(r#"{{"kind":"User","metadata":{{"name":"Bob"}},"spec":{spec}}}"#);
        let all =
            r#"{"firstName":"Bob","lastName":"van Dyk","nativeProvider":{"password":"secret"}}"#;
        check(&with(all), None, Ok(("bob", "Bob van Dyk", true)));
        check(&with("{}"), Some("BOB"), Ok(("BOB", "", false)));
        check(&with(r#"{"lastName":"C"}"#), Some("bob"), Ok(("bob", "C", false)));
        let masked = with(r#"{"nativeProvider":{"password":"<secret>"}}"#);
        check(&masked, Some("bob"), Ok(("bob", "", false)));
        let said = "a password has 4 to 1,024 bytes";
        check(&with(r#"{"nativeProvider":{"password":"abc"}}"#), None, Err(said));
        let said = "name parameter value 'eve' does not match provided metadata value 'Bob'";
        check(&with("{}"), Some("eve"), Err(said));
        check(r#"{"kind":"User"}"#, None, Err("metadata cannot be empty"));
        check(r#"{"kind":"Role"}"#, None, Err(r#"invalid kind: "Role" for a User type"#));
        check("{}", None, Err("kind cannot be empty"));
    }
}
