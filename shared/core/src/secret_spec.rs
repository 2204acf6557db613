//! What a secret of the Perses dialect says beside its values, and where these may go by themselves.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{BadConnection, BadTlsVersions, JsonText, TlsVersions, TokenGrant};

/// The `spec` of a secret as it is stored: where a value is sealed beside it, it says [`SecretSpec::MASK`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretSpec {
    /// Basic authentication.
    pub basic_auth: Option<BasicAuthSpec>,
    /// A header `Authorization` of any scheme.
    pub authorization: Option<AuthorizationSpec>,
    /// A token that is fetched for client credentials.
    pub oauth: Option<OauthSpec>,
    /// How TLS is spoken.
    pub tls_config: Option<TlsSpec>,
}

/// Basic authentication; the password is sealed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BasicAuthSpec {
    /// The user, which is no secret.
    pub username: String,
}

/// The scheme of a header `Authorization`; what follows it is sealed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AuthorizationSpec {
    /// Empty for `Bearer`.
    #[serde(rename = "type")]
    pub scheme: String,
}

/// Where a token is fetched and how; the client's id and secret are sealed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OauthSpec {
    /// The token endpoint.
    #[serde(rename = "tokenURL")]
    pub token_url: String,
    /// What the token is asked for.
    pub scopes: Option<Vec<String>>,
    /// What else is sent.
    pub endpoint_params: Option<BTreeMap<String, Vec<String>>>,
    /// 0 finds out, 1 sends the credentials in the body, 2 in a header.
    pub auth_style: u8,
}

/// TLS; certificates and keys are sealed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsSpec {
    /// The name to ask for and to verify.
    pub server_name: String,
    /// Any certificate is accepted.
    pub insecure_skip_verify: bool,
    /// The oldest version, as `TLS12`; empty for the oldest that is spoken.
    pub min_version: String,
    /// The newest version; empty for the newest that is spoken.
    pub max_version: String,
}

impl TlsSpec {
    /// Reads which versions may be spoken.
    ///
    /// # Errors
    /// An unknown word, or nothing that could be spoken.
    pub fn versions(&self) -> Result<TlsVersions, BadTlsVersions> {
        TlsVersions::read(&self.min_version, &self.max_version)
    }
}

impl SecretSpec {
    /// What stands where a value is sealed.
    pub const MASK: &str = "<secret>";

    /// The names that values are sealed under: their places in the spec.
    pub const VALUES: [&str; 7] = [
        "basicAuth.password",
        "authorization.credentials",
        "oauth.clientID",
        "oauth.clientSecret",
        "tlsConfig.ca",
        "tlsConfig.cert",
        "tlsConfig.key",
    ];

    /// Reads a stored spec; none if it is none.
    #[must_use]
    pub fn read(spec: &JsonText) -> Option<Self> {
        serde_json::from_str(spec.as_str()).ok()
    }

    /// Checks what a save is judged by: how a token is asked for, and the versions of TLS.
    ///
    /// # Errors
    /// [`BadConnection::Grant`], [`BadConnection::TlsVersions`].
    pub fn check(&self) -> Result<(), BadConnection> {
        if let Some(oauth) = &self.oauth {
            TokenGrant::of(oauth).map_err(BadConnection::Grant)?;
        }
        if let Some(tls) = &self.tls_config {
            tls.versions().map_err(BadConnection::TlsVersions)?;
        }
        Ok(())
    }

    /// Gives the text that one value is sealed to. Client credentials go to their token endpoint and nowhere else; the
    /// rest goes where the secret is bound to, over verified connections if it was saved so.
    #[must_use]
    pub fn destination_of(&self, value: &str) -> String {
        let tls = match &self.tls_config {
            Some(TlsSpec { insecure_skip_verify: true, .. }) => "any",
            _ => "verified",
        };
        match &self.oauth {
            Some(oauth) if value.starts_with("oauth.") => {
                format!("token_url={:?}\ntls={tls}", oauth.token_url)
            }
            _ => format!("bound\ntls={tls}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> SecretSpec {
        SecretSpec::read(&JsonText::object(json.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn k04_client_credentials_are_sealed_to_their_token_endpoint() {
        let one = read(r#"{"oauth":{"tokenURL":"https://a/token"}}"#);
        let other = read(r#"{"oauth":{"tokenURL":"https://b/token"}}"#);
        let of = SecretSpec::destination_of;
        assert_ne!(of(&one, "oauth.clientSecret"), of(&other, "oauth.clientSecret"));
        assert_eq!(of(&one, "tlsConfig.ca"), of(&other, "tlsConfig.ca"));
    }

    #[test]
    fn k05_weaker_tls_is_another_destination() {
        let weak =
            read(r#"{"basicAuth":{"username":"u"},"tlsConfig":{"insecureSkipVerify":true}}"#);
        let strong = SecretSpec { tls_config: None, ..weak.clone() };
        let of = |spec: &SecretSpec| spec.destination_of("basicAuth.password");
        assert_ne!(of(&weak), of(&strong));
    }
}
