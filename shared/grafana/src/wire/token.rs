//! Tokens of service accounts on the wire (contract 6.3), with the limits that no peer has.

use auth::{Grant, Limits};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use store::{AccountToken, MadeToken};

use super::time::rfc3339;

/// How many seconds before its end a token's remaining time is told, as in Grafana: a week.
const TOLD_BEFORE: i64 = 7 * 24 * 60 * 60;

/// What POST carries; what is not listed is ignored.
#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenCommand {
    pub(crate) name: Option<String>,
    pub(crate) seconds_to_live: Option<i64>,
    pub(crate) limits: Option<AskedLimits>,
}

/// The limits that a token is asked to have. A field that is not listed could be a limit with a typing error, and is
/// refused.
#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TokenLimits)]
pub(crate) struct AskedLimits {
    pub(crate) permissions: Option<Vec<AskedPermission>>,
    pub(crate) networks: Option<Vec<String>>,
    pub(crate) read_only: Option<bool>,
}

/// One thing that the token may do.
#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokenPermission)]
pub(crate) struct AskedPermission {
    pub(crate) action: Option<String>,
    pub(crate) scope: Option<String>,
}

/// The limits that a token has.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShownTokenLimits)]
pub(crate) struct ShownLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    permissions: Option<Vec<ShownPermission>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    networks: Option<Vec<String>>,
    read_only: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ShownTokenPermission)]
struct ShownPermission {
    action: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    scope: String,
}

impl ShownLimits {
    /// Shows limits; none if nothing but the time is limited, as every client knows it.
    pub(crate) fn of(limits: &Limits) -> Option<Self> {
        let permission = |grant: &Grant| ShownPermission {
            action: grant.action.as_str(),
            scope: grant.words.to_string(),
        };
        limits.are_any().then(|| Self {
            permissions: limits.grants.as_ref().map(|all| all.iter().map(permission).collect()),
            networks: limits
                .networks
                .as_ref()
                .map(|all| all.iter().map(ToString::to_string).collect()),
            read_only: limits.read_only,
        })
    }
}

/// One of a list.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedToken)]
pub(crate) struct Listed {
    id: u32,
    name: String,
    created: String,
    last_used_at: Option<String>,
    expiration: Option<String>,
    seconds_until_expiration: i64,
    has_expired: bool,
    is_revoked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limits: Option<ShownLimits>,
}

impl Listed {
    /// Shows a token at a time in seconds since 1970. Revoked ones are gone, so that none is shown as revoked.
    pub(crate) fn new(token: &AccountToken, now: i64) -> Self {
        let left = token.limits.expires.map(|end| end - now);
        Self {
            id: token.number,
            name: token.name.clone(),
            created: rfc3339(token.created),
            last_used_at: token.last_used.map(rfc3339),
            expiration: token.limits.expires.map(rfc3339),
            seconds_until_expiration: left
                .filter(|left| (0..TOLD_BEFORE).contains(left))
                .unwrap_or_default(),
            has_expired: token.limits.have_ended(now),
            is_revoked: false,
            limits: ShownLimits::of(&token.limits),
        }
    }
}

/// The answer to POST: the only one that shows the token's text.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = MadeToken)]
pub(crate) struct Made {
    id: u32,
    name: String,
    #[serde(serialize_with = "once")]
    #[schema(value_type = String)]
    key: SecretString,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limits: Option<ShownLimits>,
}

impl Made {
    /// Makes the answer.
    pub(crate) fn new(made: MadeToken, name: String, limits: Option<ShownLimits>) -> Self {
        Self { id: made.number, name, key: made.text, limits }
    }
}

fn once<S: Serializer>(text: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text.expose_secret())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(expires: Option<i64>, now: i64) -> serde_json::Value {
        let limits = Limits { expires, ..Limits::default() };
        let token = AccountToken {
            number: 1,
            name: "ci".to_owned(),
            created: 0,
            limits,
            last_used: Some(60),
        };
        serde_json::to_value(Listed::new(&token, now)).unwrap()
    }

    #[test]
    fn a_token_is_shown_as_grafana_does() {
        let expected = json!({
            "id": 1, "name": "ci", "created": "1970-01-01T00:00:00Z",
            "lastUsedAt": "1970-01-01T00:01:00Z", "expiration": null,
            "secondsUntilExpiration": 0, "hasExpired": false, "isRevoked": false,
        });
        assert_eq!(shown(None, 5), expected);
    }

    #[test]
    fn the_time_that_is_left_is_told_in_the_last_week() {
        for (end, left, expired) in [
            (1_000 + TOLD_BEFORE, 0, false),
            (1_000 + TOLD_BEFORE - 1, TOLD_BEFORE - 1, false),
            (1_001, 1, false),
            (1_000, 0, true),
            (1, 0, true),
        ] {
            let shown = shown(Some(end), 1_000);
            let told = (&shown["secondsUntilExpiration"], &shown["hasExpired"]);
            assert_eq!(told, (&json!(left), &json!(expired)), "{end}");
        }
    }
}
