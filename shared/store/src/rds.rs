//! Tokens that databases of Amazon RDS take for a password: a url that the process's own credentials have signed.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::config::{Credentials, ProvideCredentials};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use sourcegate_core::{Classify, Kind, RdsLogin, RdsRules};
use tokio::time::timeout;

use crate::Aws;
use crate::error::BoxError;

/// How long credentials are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a query holds as it is; all else is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What makes the tokens, and for whom it does.
#[derive(Clone, Debug)]
pub struct RdsTokens {
    rules: RdsRules,
    aws: Aws,
}

/// Says why there is no token. The text is for the log, as is what the SDK says.
#[derive(Debug, thiserror::Error)]
#[error("there are no AWS credentials to sign an RDS token with")]
pub struct NoRdsToken(#[source] BoxError);

impl RdsTokens {
    /// How long a token is taken, by the services' own limit.
    pub const HOLDS: Duration = Duration::from_secs(15 * 60);

    /// Makes what signs for the logins that an operator has granted; nothing is read or asked yet.
    #[must_use]
    pub fn new(rules: RdsRules, aws: Aws) -> Self {
        Self { rules, aws }
    }

    /// Gives what an operator has granted.
    #[must_use]
    pub fn rules(&self) -> &RdsRules {
        &self.rules
    }

    /// Signs a token for a login with the credentials that the process has now. AWS is not asked whether they may.
    ///
    /// # Errors
    /// There are none, or not in time.
    pub async fn sign(&self, login: &RdsLogin) -> Result<SecretString, NoRdsToken> {
        // Boxed, since every statement would otherwise carry the room for it.
        let credentials = timeout(PATIENCE, Box::pin(self.credentials())).await;
        let credentials = credentials.map_err(|late| NoRdsToken(late.into()))??;
        signed(login, credentials, SystemTime::now()).map_err(NoRdsToken)
    }

    async fn credentials(&self) -> Result<Credentials, NoRdsToken> {
        let provider = self.aws.sdk().await.credentials_provider();
        let provider = provider.ok_or_else(|| NoRdsToken("no source of credentials".into()))?;
        provider.provide_credentials().await.map_err(|error| NoRdsToken(error.into()))
    }
}

/// Signs a token as of a time: `host:port/?Action=connect&DBUser=…&X-Amz-…`.
fn signed(
    login: &RdsLogin,
    credentials: Credentials,
    at: SystemTime,
) -> Result<SecretString, BoxError> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(RdsTokens::HOLDS);
    let identity = credentials.into();
    let params = SigningParams::builder().identity(&identity).region(&login.region).name("rds-db");
    let params = params.time(at).settings(settings).build()?;
    let RdsLogin { host, port, user, .. } = login;
    let mut token = format!("{host}:{port}/?Action=connect&DBUser={}", encoded(user));
    let url = format!("https://{token}");
    let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::empty())?;
    let (instructions, _) = sign(request, &params.into())?.into_parts();
    for (name, value) in instructions.params() {
        token.extend(["&", name, "=", &encoded(value)]);
    }
    Ok(token.into())
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

impl Classify for NoRdsToken {
    fn kind(&self) -> Kind {
        Kind::Unavailable
    }

    fn cause(&self) -> Option<&'static str> {
        Some("rds_token")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use secrecy::ExposeSecret;
    use sourcegate_core::{
        OrgId, SQL_CONNECT_TIMEOUT, SQL_STATEMENT_TIMEOUT, SqlDriver, SqlParams, SqlPlace,
        SqlTarget, SqlTls, SslMode,
    };

    use super::*;

    fn login(host: &str, port: u16, user: &str) -> RdsLogin {
        let rule = format!(r#"[{{"org":1,"host":"{host}","port":{port},"user":"{user}"}}]"#);
        let target = SqlTarget {
            driver: SqlDriver::Postgres,
            place: SqlPlace { host: host.to_owned(), port },
            database: "shop".to_owned(),
            user: user.to_owned(),
            password: None,
            tls: SqlTls::of(SslMode::VerifyFull),
            connect_timeout: SQL_CONNECT_TIMEOUT,
            statement_timeout: SQL_STATEMENT_TIMEOUT,
            params: SqlParams::default(),
            rds_iam: true,
            allow_dangerous_role: false,
            most_connections: None,
            most_row_bytes: None,
            most_rows: None,
        };
        let rules = RdsRules::parse(&rule).unwrap();
        rules.login(OrgId::MAIN, &target).unwrap()
    }

    /// Signs at the first second of December 2026, as botocore 1.44.8 did for what is expected.
    #[track_caller]
    fn check(login: &RdsLogin, session: Option<&str>, expected: &str) {
        let session = session.map(str::to_owned);
        let credentials =
            Credentials::new("AKIDEXAMPLE", "secret-canary-4711", session, None, "test");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_083_200);
        let token = signed(login, credentials, at).unwrap();
        let token = token.expose_secret();
        // botocore writes the same fields in another order.
        let fields = |token: &str| {
            let (place, query) = token.split_once('?').unwrap();
            let fields: BTreeSet<_> = query.split('&').map(str::to_owned).collect();
            (place.to_owned(), fields)
        };
        assert_eq!(fields(token), fields(expected), "{token}");
        assert!(token.contains("/?Action=connect&DBUser="), "{token}");
    }

    #[test]
    fn a_token_is_the_one_that_botocore_makes() {
        check(
            &login("db.abc123.eu-west-1.rds.amazonaws.com", 5432, "reader"),
            None,
            "db.abc123.eu-west-1.rds.amazonaws.com:5432/?Action=connect&DBUser=reader\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIDEXAMPLE%2F20261201%2Feu-west-1%2Frds-db%2Faws4_request\
             &X-Amz-Date=20261201T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=ba16a914e97ef89a5e03ee6971067e4899e4b62f421875bf8ffb5927acb3ca59",
        );
        check(
            &login("db.abc123.cn-north-1.rds.amazonaws.com.cn", 3306, "Ü r&e+a=d/%er~-_."),
            Some("IQoJ/b3J+pZ2lu=="),
            "db.abc123.cn-north-1.rds.amazonaws.com.cn:3306/?Action=connect\
             &DBUser=%C3%9C%20r%26e%2Ba%3Dd%2F%25er~-_.&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIDEXAMPLE%2F20261201%2Fcn-north-1%2Frds-db%2Faws4_request\
             &X-Amz-Date=20261201T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Security-Token=IQoJ%2Fb3J%2BpZ2lu%3D%3D\
             &X-Amz-Signature=26bef7d7d13040bd7c5741f1b75f19b412812769cd077977293d16ff28775e41",
        );
        // The port of https is no part of a Host header.
        check(
            &login("db.abc123.cn-north-1.rds.amazonaws.com.cn", 443, "r"),
            None,
            "db.abc123.cn-north-1.rds.amazonaws.com.cn:443/?Action=connect&DBUser=r\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIDEXAMPLE%2F20261201%2Fcn-north-1%2Frds-db%2Faws4_request\
             &X-Amz-Date=20261201T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=65f3bfcd06fc6acd3c7a788ccad98759048d86fca954de87f3146299830b28de",
        );
    }
}
