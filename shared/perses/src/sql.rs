//! Statements for databases, by scope and name (contract/perses.md 2); what else is on these paths goes on as a request.

use std::fmt;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use gateway::{
    Database, Format, Gateway, Param, Question, ROW_COUNT, Reached, Statement, TRUNCATED, Trailers,
};
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use sourcegate_core::json;
use web::{Arrival, Credential, RawPath};

use crate::accept::format;
use crate::proxy::{not_http, reach, send};
use crate::{Error, Settings};

/// How long a caller waits at most, where the platform does not end earlier.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// What a CSV is called by a browser that saves it, as by Perses before 0.53.
const DISPOSITION: HeaderValue = HeaderValue::from_static("attachment; filename=result.csv");

/// Makes the routes: a statement goes to the data source itself, without a path behind its name.
pub fn router(gateway: Gateway, settings: Settings) -> Router {
    let asked = post(asked).layer(web::envelope(crate::envelope::render));
    let mut router = Router::new();
    for path in [
        "/proxy/globaldatasources/{name}",
        "/proxy/projects/{project}/datasources/{name}",
        "/proxy/projects/{project}/dashboards/{dashboard}/datasources/{name}",
    ] {
        router = router.route(path, asked.clone()).route(&format!("{path}/"), asked.clone());
    }
    router.with_state((gateway, settings))
}

async fn asked(
    State((gateway, settings)): State<(Gateway, Settings)>,
    arrival: Arrival,
    credential: Credential,
    path: RawPath,
    request: Request,
) -> Result<Response, web::Error> {
    let (reached, tail) = reach(&gateway, &arrival, credential, path.as_str()).await?;
    match reached {
        Reached::Http(reach) => send(&gateway, &arrival, reach, tail, request).await,
        Reached::Sql(_) if !tail.is_empty() => Err(not_http(request.method(), tail).into()),
        Reached::Sql(database) => {
            let (parts, body) = request.into_parts();
            let body = web::read_body(body).await?;
            let asked = Asked { headers: &parts.headers, version: parts.version, body: &body };
            answer(&gateway, &arrival, &database, (settings, asked)).await
        }
    }
}

/// A request with a statement.
pub(crate) struct Asked<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) version: Version,
    pub(crate) body: &'a [u8],
}

/// Asks a database, and tells the log.
pub(crate) async fn answer(
    gateway: &Gateway,
    arrival: &Arrival,
    database: &Database,
    (settings, asked): (Settings, Asked<'_>),
) -> Result<Response, web::Error> {
    let begun = Instant::now();
    let latest = begun + LONGEST;
    let deadline = arrival.deadline.map_or(latest, |deadline| deadline.min(latest));
    let question = Question {
        format: format(asked.headers, settings.sql_format)?,
        statement: statement(asked.body)?,
        trailers: trailers(settings, &asked),
        deadline: deadline.into(),
    };
    let answer = Box::pin(gateway.query(database, &question)).await?;
    arrival.log(|line| line.upstream_duration = Some(begun.elapsed()));
    let mut response = Response::new(axum::body::Body::new(answer.body));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if question.format == Format::Csv {
        headers.insert(header::CONTENT_DISPOSITION, DISPOSITION);
    }
    if question.trailers == Trailers::Sent {
        headers.append(header::TRAILER, ROW_COUNT.into());
        headers.append(header::TRAILER, TRUNCATED.into());
    }
    Ok(response)
}

/// What is sent; other fields, and what follows the object, are not looked at (contract/perses.md 2.1).
#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    query: String,
    #[serde(default)]
    params: Option<Vec<Box<RawValue>>>,
}

fn statement(body: &[u8]) -> Result<Statement, Error> {
    if body.trim_ascii().is_empty() {
        return Err(Error::Bad("EOF".to_owned()));
    }
    let bad = |text: &dyn fmt::Display| Error::Bad(text.to_string());
    let Sent { query, params } = json::first(body).map_err(|fault| bad(&fault))?;
    let params = params.iter().flatten().map(|param| Param::read(param));
    let params = params.collect::<Result<_, _>>().map_err(|error| bad(&error))?;
    Ok(Statement { text: query, params })
}

/// Over HTTP/1.1 they are sent to who asks for them alone.
fn trailers(settings: Settings, asked: &Asked<'_>) -> Trailers {
    let values = asked.headers.get_all(header::TE).iter().filter_map(|value| value.to_str().ok());
    let mut words = values.flat_map(|value| value.split(','));
    let asks = words.any(|word| word.trim().eq_ignore_ascii_case("trailers"));
    if settings.trailers && (asks || asked.version == Version::HTTP_2) {
        Trailers::Sent
    } else {
        Trailers::Lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Result<(&str, &[Param]), &str>) {
        let found = statement(body.as_bytes()).map_err(|error| error.to_string());
        let found = found.as_ref().map(|found| (&*found.text, &*found.params));
        assert_eq!(found.map_err(String::as_str), expected, "{body}");
    }

    #[test]
    fn perses_2_1_what_is_sent_is_an_object_with_a_query() {
        check(r#"{"query":"select 1"}"#, Ok(("select 1", &[])));
        check(r#"{"query":"q","params":null,"other":{}} trailing"#, Ok(("q", &[])));
        check(
            r#"{"query":"q","params":[18446744073709551616, "a", null]}"#,
            Ok((
                "q",
                &[
                    Param::Number("18446744073709551616".to_owned()),
                    Param::Text("a".to_owned()),
                    Param::Null,
                ],
            )),
        );
        check("{}", Ok(("", &[])));
        check("", Err("EOF"));
        check(" \n", Err("EOF"));
        check(r#"{"query":1}"#, Err("expected a string at line 1 column 10"));
        check(r#"{"query":"q","params":{}}"#, Err("expected an array at line 1 column 22"));
        assert!(statement(b"{\"query\":\"\xff\"}").is_err());
    }

    #[test]
    fn trailers_go_to_who_asks_for_them_where_they_arrive() {
        let asks = |trailers: bool, te: &'static str, version| {
            let mut headers = HeaderMap::new();
            headers.insert(header::TE, HeaderValue::from_static(te));
            let settings = Settings { sql_format: crate::SqlFormat::Csv, trailers };
            super::trailers(settings, &Asked { headers: &headers, version, body: b"" })
        };
        assert_eq!(asks(true, "gzip, Trailers", Version::HTTP_11), Trailers::Sent);
        assert_eq!(asks(true, "gzip", Version::HTTP_11), Trailers::Lost);
        assert_eq!(asks(true, "", Version::HTTP_2), Trailers::Sent);
        assert_eq!(asks(false, "trailers", Version::HTTP_2), Trailers::Lost);
    }
}
