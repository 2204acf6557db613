//! A token that is fetched for client credentials (RFC 6749, 4.4), from what a secret of the Perses dialect says (contract 1.7).

use std::collections::BTreeMap;
use std::fmt;

use crate::{BadUrl, BaseUrl, OauthSpec, Scheme};

/// Where a token is asked for, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenGrant {
    /// The token endpoint.
    pub endpoint: BaseUrl,
    /// The query of its url.
    pub query: Option<String>,
    /// What is sent beside the client's credentials.
    pub form: Vec<(String, String)>,
    /// How these are sent.
    pub style: AuthStyle,
}

/// How the client's credentials are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthStyle {
    /// In a header first; in the form if that is refused.
    Either,
    /// In the form.
    Form,
    /// In a header.
    Header,
}

/// Says why no token could be asked for. No text tells a value, since a key may be among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadGrant {
    /// The token endpoint's url cannot be used.
    #[error("oauth.tokenURL cannot be used: {0}")]
    Url(#[source] BadUrl),
    /// It is not one of HTTP.
    #[error("oauth.tokenURL must begin with https:// or http://")]
    Scheme,
    /// A style that does not exist.
    #[error("oauth.authStyle {0} is none; it is 0 to find out, 1 for the form, 2 for a header")]
    Style(u8),
    /// The scope is said twice.
    #[error("oauth.endpointParams has a scope beside oauth.scopes; give one of the two")]
    TwoScopes,
    /// The client's secret stands where everybody reads it who may read the secret.
    #[error(
        "oauth.endpointParams has client_secret, which would be shown; send it as oauth.clientSecret"
    )]
    SecretInParams,
}

impl TokenGrant {
    /// The name of the value that holds the client's id.
    pub const CLIENT_ID: &'static str = "oauth.clientID";
    /// The name of the value that holds its secret.
    pub const CLIENT_SECRET: &'static str = "oauth.clientSecret";

    /// Reads it.
    ///
    /// # Errors
    /// [`BadGrant`].
    pub fn of(spec: &OauthSpec) -> Result<Self, BadGrant> {
        let endpoint = BaseUrl::parse(&spec.token_url).map_err(BadGrant::Url)?;
        // `BaseUrl` reads a text without a scheme as one of HTTP, which nobody means who sends a secret there.
        if endpoint.scheme == Scheme::Other || !spec.token_url.contains("://") {
            return Err(BadGrant::Scheme);
        }
        let style = match spec.auth_style {
            0 => AuthStyle::Either,
            1 => AuthStyle::Form,
            2 => AuthStyle::Header,
            other => return Err(BadGrant::Style(other)),
        };
        let query = spec.token_url.split_once('?').map(|(_, query)| query.to_owned());
        Ok(Self { endpoint, query, form: form(spec)?, style })
    }
}

/// `grant_type` may be another one's, for servers that have their own; all else that is ours is not replaced.
fn form(spec: &OauthSpec) -> Result<Vec<(String, String)>, BadGrant> {
    let mut fields = BTreeMap::from([("grant_type", vec!["client_credentials".to_owned()])]);
    let scopes = spec.scopes.as_deref().unwrap_or_default();
    if !scopes.is_empty() {
        fields.insert("scope", vec![scopes.join(" ")]);
    }
    for (name, values) in spec.endpoint_params.iter().flatten() {
        match name.as_str() {
            "scope" if !scopes.is_empty() => return Err(BadGrant::TwoScopes),
            "client_secret" => return Err(BadGrant::SecretInParams),
            name => fields.insert(name, values.clone()),
        };
    }
    let pairs = |(name, values): (&str, Vec<String>)| {
        values.into_iter().map(move |value| (name.to_owned(), value)).collect::<Vec<_>>()
    };
    Ok(fields.into_iter().flat_map(pairs).collect())
}

impl fmt::Debug for TokenGrant {
    /// Shows where it is and no value: nobody is kept from putting a key into a parameter or a query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.form.iter().map(|(name, _)| name).collect();
        f.debug_struct("TokenGrant")
            .field("host", &self.endpoint.host)
            .field("form", &names)
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    fn read(change: &Value) -> Result<TokenGrant, BadGrant> {
        let mut spec = json!({ "tokenURL": "https://idp.test/token" });
        spec.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        TokenGrant::of(&OauthSpec::deserialize(&spec).unwrap())
    }

    #[track_caller]
    fn check_form(change: &Value, expected: &[(&str, &str)]) {
        let form = read(change).unwrap().form;
        let form: Vec<_> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(form, expected, "{change}");
    }

    #[track_caller]
    fn check_refusal(change: &Value, expected: BadGrant) {
        assert_eq!(read(change).unwrap_err(), expected, "{change}");
    }

    #[test]
    fn perses_1_7_what_is_sent_beside_the_credentials() {
        let usual = ("grant_type", "client_credentials");
        check_form(&json!({}), &[usual]);
        check_form(&json!({ "scopes": [] , "endpointParams": {} }), &[usual]);
        check_form(&json!({ "scopes": ["a", "b:c"] }), &[usual, ("scope", "a b:c")]);
        check_form(
            &json!({ "endpointParams": { "resource": ["x", "y"], "audience": ["z"], "none": [] } }),
            &[("audience", "z"), usual, ("resource", "x"), ("resource", "y")],
        );
        check_form(
            &json!({ "endpointParams": { "grant_type": ["own"] } }),
            &[("grant_type", "own")],
        );
        let scope = json!({ "scopes": [], "endpointParams": { "scope": ["a"] } });
        check_form(&scope, &[usual, ("scope", "a")]);
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let scopes = json!({ "scopes": ["a"], "endpointParams": { "scope": ["b"] } });
        check_refusal(&scopes, BadGrant::TwoScopes);
        let params = json!({ "endpointParams": { "client_secret": ["canary"] } });
        check_refusal(&params, BadGrant::SecretInParams);
        check_refusal(&json!({ "authStyle": 3 }), BadGrant::Style(3));
        check_refusal(&json!({ "tokenURL": "redis://h/" }), BadGrant::Scheme);
        check_refusal(&json!({ "tokenURL": "idp.test/token" }), BadGrant::Scheme);
        let userinfo = json!({ "tokenURL": "https://a:canary@idp.test/token" });
        check_refusal(&userinfo, BadGrant::Url(BadUrl::Userinfo));
        check_refusal(&json!({ "tokenURL": "" }), BadGrant::Url(BadUrl::Host));
    }

    #[test]
    fn perses_1_7_styles_are_numbers() {
        let styles = [AuthStyle::Either, AuthStyle::Form, AuthStyle::Header];
        for (number, style) in styles.into_iter().enumerate() {
            assert_eq!(read(&json!({ "authStyle": number })).unwrap().style, style);
        }
    }

    #[test]
    fn k22_debug_shows_no_value() {
        let grant = read(&json!({
            "tokenURL": "https://idp.test/canary?key=canary",
            "endpointParams": { "password": ["canary"] },
        }));
        assert!(!format!("{grant:?}").contains("canary"));
    }
}
