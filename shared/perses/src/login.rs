//! Logging in with a login and a password, and out again (contract/perses.md 4.2).
//!
//! Tokens are answered and never set as cookies: a web page cannot make a browser send them.

use auth::{Credential, SessionToken, SessionUse, Unauthenticated};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::{ACCESS_SECONDS, Claim, Store, Tokens};
use web::Arrival;

use crate::answer::{Form, json};
use crate::{Error, route};

/// Makes the routes.
pub fn router(store: Store) -> Router {
    let login = "/api/auth/providers/native/login";
    let router = route(Router::new(), login, "OPTIONS, POST", post(log_in));
    let router = route(router, "/api/auth/refresh", "OPTIONS, POST", post(refresh));
    let router = route(router, "/api/auth/logout", "OPTIONS, GET", get(log_out));
    router.with_state(store)
}

/// Who wants in.
#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
}

/// What is exchanged for the next pair.
#[derive(Deserialize)]
struct Refresh {
    #[serde(default)]
    refresh_token: String,
}

/// A pair of tokens, as Go's `oauth2.Token` is written.
#[derive(Serialize)]
struct Pair<'a> {
    access_token: &'a str,
    token_type: &'static str,
    refresh_token: &'a str,
    expiry: &'static str,
    expires_in: i64,
}

async fn log_in(
    State(store): State<Store>,
    arrival: Arrival,
    form: Form,
    web::Json(sent): web::Json<Login>,
) -> Result<Response, web::Error> {
    let Login { login, password } = sent;
    let empty = |what: &str| Error::Decode(format!("{what} cannot be empty"));
    if login.is_empty() {
        return Err(empty("login").into());
    }
    if password.is_empty() {
        return Err(empty("password").into());
    }
    let user = format!("user:{login}");
    let credential = Credential::Password { login, password: SecretString::from(password) };
    let claim = Claim { credential: &credential, org: None, peer: arrival.peer };
    let tokens = Box::pin(store.log_in(claim)).await.map_err(|error| match error {
        // Perses' text ends so; who is in no organisation has nowhere to be let in.
        store::Error::Unauthenticated(
            Unauthenticated::WrongPassword | Unauthenticated::NotAMember,
        ) => Error::Bad("wrong login or password ".to_owned()).into(),
        error => web::Error::from(error),
    })?;
    arrival.log(|line| line.user = Some(user));
    Ok(pair(&tokens, form))
}

async fn refresh(
    State(store): State<Store>,
    arrival: Arrival,
    form: Form,
    web::Json(sent): web::Json<Refresh>,
) -> Result<Response, web::Error> {
    if sent.refresh_token.is_empty() {
        return Err(Error::Decode("refreshToken cannot be empty".to_owned()).into());
    }
    let bad = |_| Error::Bad("the refresh token is invalid or expired; log in again".to_owned());
    let text = SecretString::from(sent.refresh_token);
    let token = SessionToken::parse(SessionUse::Refresh, text.expose_secret()).map_err(bad)?;
    let tokens = Box::pin(store.renew(&token, arrival.peer)).await;
    let tokens = tokens.map_err(|error| match error {
        store::Error::Unauthenticated(error) => web::Error::from(bad(error)),
        error => error.into(),
    })?;
    arrival.log(|line| line.user = Some(format!("user:{}", token.owner().login)));
    Ok(pair(&tokens, form))
}

fn pair(tokens: &Tokens, form: Form) -> Response {
    let pair = Pair {
        access_token: tokens.access.expose_secret(),
        token_type: "Bearer",
        refresh_token: tokens.refresh.expose_secret(),
        expiry: crate::wire::document::ZERO_TIME,
        expires_in: ACCESS_SECONDS,
    };
    let mut response = json(StatusCode::OK, &pair, form);
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    response
}

/// Ends the login that the request's token is of; whoever comes with another credential has none to end.
async fn log_out(
    State(store): State<Store>,
    arrival: Arrival,
    web::Credential { credential, org }: web::Credential,
) -> Result<Response, web::Error> {
    let claim = Claim { credential: &credential, org, peer: arrival.peer };
    let caller = store.caller(claim).await?;
    caller.admit(arrival.peer)?;
    arrival.log(|line| line.user = Some(caller.identity().to_string()));
    if let Credential::Session(token) = &credential {
        store.log_out(token).await?;
    }
    Ok((StatusCode::FOUND, [(header::LOCATION, "/")]).into_response())
}
