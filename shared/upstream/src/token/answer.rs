//! What a token endpoint answers (RFC 6749, 5.1 and 5.2), and what of it is believed.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::TokenError;
use crate::client::secret_value;

/// How long a token lasts of which that is not said.
const UNSAID: Duration = Duration::from_secs(5 * 60);

/// How long one is believed at most, whatever is said of it.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The codes of refusals, which may be told. What else an endpoint says stays here: it may repeat what it was sent.
const CODES: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// A token as it was given.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The token.
    pub token: SecretString,
    /// How long it lasts from when it was asked for; nothing if it has ended already.
    pub lifetime: Duration,
}

/// A token as a request carries it. It prints nothing, and is zeroised with the last request that uses it.
#[derive(Clone)]
pub struct Bearer(HeaderValue);

impl Bearer {
    /// Makes the header's value; none if a token has other characters than visible ones of ASCII, or none at all.
    #[must_use]
    pub fn new(token: &SecretString) -> Option<Self> {
        let token = token.expose_secret();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut text = Zeroizing::new(Vec::with_capacity("Bearer ".len() + token.len()));
        text.extend_from_slice(b"Bearer ");
        text.extend_from_slice(token.as_bytes());
        secret_value("oauth", text).ok().map(Self)
    }

    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer")
    }
}

#[derive(Deserialize)]
struct Fields {
    access_token: Option<String>,
    token_type: Option<Value>,
    expires_in: Option<Value>,
    expires_on: Option<Value>,
    error: Option<Value>,
}

/// Reads an answer that is no refusal by its status, to what was asked at a time.
pub(super) fn read(body: &[u8], asked: SystemTime) -> Result<Issued, TokenError> {
    let fields: Fields = serde_json::from_slice(body)
        .map_err(|_| TokenError::Answer("is not the JSON object that it must be"))?;
    if fields.error.is_some() {
        return Err(TokenError::Refused { status: StatusCode::OK, code: code(body) });
    }
    let token = fields.access_token.ok_or(TokenError::Answer("has no access_token"))?;
    let token = SecretString::from(token);
    if Bearer::new(&token).is_none() {
        return Err(TokenError::Answer("has an access_token that is empty or no token"));
    }
    match fields.token_type {
        None => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(_) => return Err(TokenError::Answer("has a token_type other than Bearer")),
    }
    let lifetime = lifetime(fields.expires_in.as_ref(), fields.expires_on.as_ref(), asked);
    Ok(Issued { token, lifetime })
}

/// Finds a refusal's code.
pub(super) fn code(body: &[u8]) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let Refusal { error } = serde_json::from_slice(body).ok()?;
    CODES.into_iter().find(|code| **code == error)
}

/// `expires_in` counts in seconds from now; `expires_on`, which some have in its place, from 1970. Either may be a text.
fn lifetime(within: Option<&Value>, at: Option<&Value>, asked: SystemTime) -> Duration {
    let now = asked.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let said = within.and_then(seconds).or_else(|| Some(at.and_then(seconds)? - now));
    said.map_or(UNSAID, |seconds| {
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(LONGEST).min(LONGEST)
    })
}

fn seconds(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000)
    }

    #[track_caller]
    fn lasts(more: &Value, expected: u64) {
        let mut answer = json!({ "access_token": "t", "token_type": "Bearer" });
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let issued = read(answer.to_string().as_bytes(), asked()).unwrap();
        assert_eq!(issued.lifetime, Duration::from_secs(expected), "{more}");
    }

    #[test]
    fn t07_how_long_a_token_lasts() {
        lasts(&json!({ "expires_in": 3600 }), 3600);
        lasts(&json!({ "expires_in": "3600" }), 3600);
        lasts(&json!({ "expires_in": 60.0 }), 60);
        lasts(&json!({}), 300);
        lasts(&json!({ "expires_in": null }), 300);
        lasts(&json!({ "expires_in": "soon" }), 300);
        lasts(&json!({ "expires_in": {} }), 300);
        lasts(&json!({ "expires_in": 0 }), 0);
        lasts(&json!({ "expires_in": -5 }), 0);
        lasts(&json!({ "expires_in": "NaN" }), 0);
        lasts(&json!({ "expires_in": 1e300 }), 86_400);
        lasts(&json!({ "expires_in": u64::MAX }), 86_400);
        lasts(&json!({ "expires_on": 1_000_600 }), 600);
        lasts(&json!({ "expires_on": "1000600" }), 600);
        lasts(&json!({ "expires_on": 999_999 }), 0);
        lasts(&json!({ "expires_in": 10, "expires_on": 1_000_600 }), 10);
    }

    #[track_caller]
    fn check(body: &str, expected: Result<&str, &str>) {
        let read = read(body.as_bytes(), asked());
        let read = read.map(|issued| issued.token.expose_secret().to_owned());
        let read = read.map_err(|error| error.to_string());
        assert_eq!(read.as_deref().map_err(|text| &**text), expected, "{body}");
    }

    #[test]
    fn t06_what_is_no_token_is_none() {
        check(r#"{"access_token":"a.b-c_d~e+f/g=","token_type":"bEARER"}"#, Ok("a.b-c_d~e+f/g="));
        check(r#"{"access_token":"t"}"#, Ok("t"));
        let no_json = Err("answer of the token endpoint is not the JSON object that it must be");
        for body in ["", "<html>", "[]", "null", r#"{"access_token":7}"#, "access_token=t"] {
            check(body, no_json);
        }
        check(r#"{"access_token":"a","access_token":"b"}"#, no_json);
        check("{}", Err("answer of the token endpoint has no access_token"));
        let no_token =
            Err("answer of the token endpoint has an access_token that is empty or no token");
        for token in [r#""""#, r#""a b""#, r#""a\r\nX: y""#, r#""a\u0000""#, r#""é""#] {
            check(&format!(r#"{{"access_token":{token}}}"#), no_token);
        }
        let no_bearer = Err("answer of the token endpoint has a token_type other than Bearer");
        for kind in [r#""mac""#, r#""""#, "7", r#""Bearer x""#] {
            check(&format!(r#"{{"access_token":"t","token_type":{kind}}}"#), no_bearer);
        }
    }

    #[test]
    fn a_refusal_tells_the_codes_of_the_standard_alone() {
        check(
            r#"{"error":"invalid_scope"}"#,
            Err("token endpoint refused to give a token: 200, invalid_scope"),
        );
        check(
            r#"{"error":"canary","access_token":"t"}"#,
            Err("token endpoint refused to give a token: 200"),
        );
        assert_eq!(code(br#"{"error":"invalid_client","x":1}"#), Some("invalid_client"));
        for body in ["", r#"{"error":"canary"}"#, r#"{"error":{}}"#] {
            assert_eq!(code(body.as_bytes()), None, "{body}");
        }
    }
}
