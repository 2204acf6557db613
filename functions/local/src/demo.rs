//! `--demo`: a password-protected upstream in the shape of Prometheus, registered beside TestData, and a database where PostgreSQL
//! is installed.

mod database;
mod metrics;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use auth::{Action, Caller, Identity, OwnerId, Role};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::{ExposeSecret, SecretString};
use sourcegate_core::{JsonText, OrgId, Reference, Secrets, Settings, SourceName, Uid};
use store::{Change, Draft, Store};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

pub use database::Database;

/// The uid of the data source that leads to the demo's upstream.
pub const PROMETHEUS: &str = "demo-prometheus";
const TESTDATA: &str = "demo-testdata";
const SQL: &str = "demo-sql";
const USER: &str = "demo";

/// The most that the upstream reads of a form.
const MOST_FORM_BYTES: usize = 64 << 10;

/// What was started. Dropping it ends the database.
pub struct Demo {
    /// Where the upstream listens.
    pub upstream: SocketAddr,
    /// The database, if there is one.
    pub database: Option<Database>,
}

/// Starts the upstream on a free port of 127.0.0.1, and a database where PostgreSQL is installed, and registers both, or
/// registers them anew: ports and passwords are others at each start.
///
/// # Errors
/// No port is free, or the store refuses.
pub async fn start(store: &Store) -> anyhow::Result<Demo> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
    let upstream = listener.local_addr()?;
    let password = password()?;
    let expected = base64_of(&format!("{USER}:{}", password.expose_secret()));
    tokio::spawn(serve(listener, format!("Basic {expected}")));
    let prometheus = settings("Demo Prometheus", "prometheus", &format!("http://{upstream}"))?;
    let prometheus = Settings { basic_auth: true, basic_auth_user: USER.to_owned(), ..prometheus };
    let secrets = [("basicAuthPassword".to_owned(), password)].into_iter().collect();
    register(store, PROMETHEUS, prometheus, secrets).await?;
    let testdata = settings("Demo TestData", "grafana-testdata-datasource", "")?;
    register(store, TESTDATA, testdata, Secrets::default()).await?;
    Ok(Demo { upstream, database: database(store).await? })
}

/// A demo without it is one too.
async fn database(store: &Store) -> anyhow::Result<Option<Database>> {
    let password = password()?;
    let database = match Database::start(password.clone()).await {
        Ok(Some(database)) => database,
        Ok(None) => return Ok(None),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "the demo has no database");
            return Ok(None);
        }
    };
    let shown = settings("Demo SQL", "postgres", &database.address().to_string())?;
    // On loopback, by a password that is never sent as it is.
    let json = r#"{"database":"postgres","sslmode":"disable"}"#;
    let json_data = JsonText::object(json.to_owned()).unwrap_or_default();
    let shown = Settings { user: database::USER.to_owned(), json_data, ..shown };
    let secrets = [("password".to_owned(), password)].into_iter().collect();
    register(store, SQL, shown, secrets).await?;
    Ok(Some(database))
}

fn password() -> anyhow::Result<SecretString> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).context("the system has no randomness to give")?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(SecretString::from(digits))
}

fn settings(name: &str, type_text: &str, url: &str) -> anyhow::Result<Settings> {
    Ok(Settings {
        name: SourceName::parse(name)?,
        type_text: type_text.to_owned(),
        access: "proxy".to_owned(),
        url: url.to_owned(),
        user: String::new(),
        database: String::new(),
        basic_auth: false,
        basic_auth_user: String::new(),
        with_credentials: false,
        json_data: JsonText::default(),
        api_version: String::new(),
    })
}

/// Creates a data source, or replaces the one of that uid: the demo acts as an administrator of the first organisation.
async fn register(
    store: &Store,
    uid: &str,
    settings: Settings,
    secrets: Secrets,
) -> anyhow::Result<()> {
    let uid = Uid::parse(uid)?;
    let identity = Identity::ServiceAccount {
        id: OwnerId::new(1).context("one is a number")?,
        name: "demo".to_owned(),
    };
    let demo = Caller::new(identity, OrgId::MAIN, Role::Admin);
    let wanted = Reference::Uid(uid.clone());
    match store.find(OrgId::MAIN, &wanted).await? {
        None => {
            let draft = Draft { uid: Some(uid), settings, secrets, make_default: false };
            store.create(&demo.allow(Action::Create)?, draft).await?;
        }
        Some(found) => {
            let make_default = found.is_default;
            let granted = demo.authorize(Action::Write, &wanted, Some(found.source))?;
            let change = Change { uid: None, settings, secrets, version: None, make_default };
            store.update(&granted, &wanted, change).await?;
        }
    }
    Ok(())
}

async fn serve(listener: TcpListener, expected: String) {
    let expected: std::sync::Arc<str> = expected.into();
    while let Ok((stream, _)) = listener.accept().await {
        let expected = std::sync::Arc::clone(&expected);
        let service = service_fn(move |request| {
            let expected = std::sync::Arc::clone(&expected);
            async move { Ok::<_, Infallible>(answer(&expected, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the demo's upstream lost a connection");
            }
        });
    }
}

async fn answer(expected: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let sent =
        request.headers().get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    if !bool::from(sent.ct_eq(expected.as_bytes())) {
        return json(
            StatusCode::UNAUTHORIZED,
            r#"{"status":"error","error":"no password, no metrics"}"#.to_owned(),
        );
    }
    let (parts, body) = request.into_parts();
    let form = match Limited::new(body, MOST_FORM_BYTES).collect().await {
        Ok(form) => form.to_bytes(),
        Err(_) => return json(StatusCode::BAD_REQUEST, metrics::bad("the form cannot be read")),
    };
    let query = parts.uri.query().unwrap_or_default();
    let form = std::str::from_utf8(&form).unwrap_or_default();
    match metrics::answer(parts.uri.path(), &format!("{query}&{form}")) {
        Ok(body) => json(StatusCode::OK, body),
        Err(body) => json(StatusCode::BAD_REQUEST, body),
    }
}

fn json(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let media_type = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
