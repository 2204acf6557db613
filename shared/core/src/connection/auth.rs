//! How requests to an upstream authenticate, beside configured headers.

use super::TokenGrant;

/// How requests authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Basic authentication.
    Basic(BasicAuth),
    /// A header `Authorization` of another scheme.
    Scheme {
        /// The scheme, `Bearer` for instance.
        scheme: String,
        /// The name of the secret that holds what follows it.
        credentials: &'static str,
    },
    /// A bearer token that is asked for first.
    Token(TokenGrant),
}

impl Auth {
    /// Lists the names of the secrets that it needs.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let names = match self {
            Self::Basic(basic) => [Some(basic.password), None],
            Self::Scheme { credentials, .. } => [Some(*credentials), None],
            Self::Token(_) => [TokenGrant::CLIENT_ID, TokenGrant::CLIENT_SECRET].map(Some),
        };
        names.into_iter().flatten()
    }
}

/// Basic authentication towards an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicAuth {
    /// The user, which is no secret.
    pub user: String,
    /// The name of the secret that holds the password.
    pub password: &'static str,
}
