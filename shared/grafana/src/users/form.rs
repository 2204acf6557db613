//! What clients send of users, judged as far as no table is needed.

use axum::extract::{FromRequest, Request};
use secrecy::{ExposeSecret, SecretString};
use sourcegate_core::{Label, Login};
use store::Profile;
use web::Json;

use crate::people::Refusal;
use crate::wire::datasource::SecretText;
use crate::wire::user::ProfileForm;

/// The shortest password, in bytes, as Grafana's.
const SHORTEST_PASSWORD: usize = 4;

/// The longest password, in bytes: what comes in one header with a login before it.
const LONGEST_PASSWORD: usize = 1_024;

/// Reads what a user is called from now on.
pub(super) async fn profile(request: Request) -> Result<Profile, web::Error> {
    let Json(form): Json<ProfileForm> = Json::from_request(request, &()).await?;
    let (login, email) = (text(form.login), text(form.email));
    // Grafana takes the email for a login where none came.
    let login = login.or_else(|| email.clone()).ok_or(Refusal::Nameless)?;
    let login = Login::parse(&login).map_err(Refusal::from)?;
    let email = email.map(|email| Label::parse("email", &email)).transpose();
    let name = form.name.filter(|name| !name.is_empty());
    let name = name.map(|name| Label::parse("name", &name)).transpose();
    let (email, name) = (email.map_err(Refusal::from)?, name.map_err(Refusal::from)?);
    Ok(Profile { login: Some(login), email, name })
}

/// Takes a text without the blanks around it; one that is empty then is none.
pub(super) fn text(value: Option<String>) -> Option<String> {
    value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Takes a new password.
pub(super) fn password(
    field: &'static str,
    value: Option<SecretText>,
) -> Result<SecretString, Refusal> {
    let password = value.map(|SecretText(password)| password).unwrap_or_default();
    let bytes = password.expose_secret().len();
    if bytes < SHORTEST_PASSWORD {
        return Err(Refusal::ShortPassword);
    }
    if bytes > LONGEST_PASSWORD {
        return Err(Refusal::LongPassword { field, bytes, limit: LONGEST_PASSWORD });
    }
    Ok(password)
}
