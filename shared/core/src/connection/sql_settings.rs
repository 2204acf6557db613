//! From the settings of a database of Grafana's kind to its target (contract/grafana.md 4.6).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::BadConnection;
use crate::{
    Plugin, SQL_CONNECT_TIMEOUT, SQL_STATEMENT_TIMEOUT, Settings, SqlDriver, SqlParams, SqlPlace,
    SqlTarget, SqlTls, SslMode,
};

/// The names under which Grafana keeps the secrets of TLS.
const CA: &str = "tlsCACert";
const CERT: &str = "tlsClientCert";
const KEY: &str = "tlsClientKey";

/// The fields of `jsonData` that a database's connection is made of.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    database: String,
    sslmode: String,
    tls_configuration_method: String,
    ssl_root_cert_file: String,
    ssl_cert_file: String,
    ssl_key_file: String,
    tls_auth: bool,
    #[serde(rename = "tlsAuthWithCACert")]
    tls_auth_with_ca_cert: bool,
    tls_skip_verify: bool,
    server_name: String,
    timezone: String,
    max_open_conns: Value,
    allow_dangerous_role: bool,
    rds_iam: bool,
}

impl SqlDriver {
    /// Finds the driver of a type of Grafana's; none if the type is no database that is asked in SQL here.
    #[must_use]
    pub const fn of_plugin(plugin: Plugin) -> Option<Self> {
        match plugin {
            Plugin::Postgres => Some(Self::Postgres),
            Plugin::Mysql => Some(Self::Mysql),
            _ => None,
        }
    }
}

impl SqlTarget {
    /// Makes the target that settings of a database describe, with the names of its secrets that are set.
    ///
    /// # Errors
    /// Settings that cannot be used, or that name files of the server.
    pub fn of(
        settings: &Settings,
        driver: SqlDriver,
        secrets: &BTreeSet<String>,
    ) -> Result<Self, BadConnection> {
        let fields = Fields::read(settings).ok_or(BadConnection::Shape)?;
        let database = match fields.database.as_str() {
            "" => settings.database.clone(),
            own => own.to_owned(),
        };
        let params = match (driver, fields.timezone.as_str()) {
            (SqlDriver::Postgres, _) | (_, "") => SqlParams::default(),
            (driver, zone) => {
                SqlParams::new(driver, [("time_zone", zone)]).map_err(BadConnection::Sql)?
            }
        };
        let has = |name: &str| secrets.contains(name);
        let target = Self {
            driver,
            place: SqlPlace::parse(&settings.url, driver).map_err(BadConnection::Sql)?,
            database,
            user: settings.user.clone(),
            password: (!fields.rds_iam && has("password")).then(|| "password".to_owned()),
            rds_iam: fields.rds_iam,
            tls: fields.tls(driver, &has)?,
            connect_timeout: SQL_CONNECT_TIMEOUT,
            statement_timeout: SQL_STATEMENT_TIMEOUT,
            params,
            allow_dangerous_role: fields.allow_dangerous_role,
            most_connections: fields.most_connections(),
            most_row_bytes: None,
            most_rows: None,
        };
        target.check().map_err(BadConnection::Sql)?;
        Ok(target)
    }

    /// Tells how far settings of a database verify the server: part of where its secrets may go.
    pub(crate) fn verified(settings: &Settings, driver: SqlDriver) -> &'static str {
        let fields = Fields::read(settings).unwrap_or_default();
        fields.mode(driver).unwrap_or(SslMode::Disable).verified()
    }
}

impl Fields {
    /// What is null is unset.
    fn read(settings: &Settings) -> Option<Self> {
        let mut all: Map<String, Value> = serde_json::from_str(settings.json_data.as_str()).ok()?;
        all.retain(|_, value| !value.is_null());
        serde_json::from_value(Value::Object(all)).ok()
    }

    fn mode(&self, driver: SqlDriver) -> Result<SslMode, BadConnection> {
        match (driver, self.sslmode.trim()) {
            (SqlDriver::Postgres, "") => Ok(SslMode::VerifyFull),
            (SqlDriver::Postgres, word) => word.to_lowercase().parse().map_err(BadConnection::Sql),
            _ if !self.tls_auth && !self.tls_auth_with_ca_cert => Ok(SslMode::Disable),
            _ if self.tls_skip_verify => Ok(SslMode::Require),
            _ => Ok(SslMode::VerifyFull),
        }
    }

    fn tls(&self, driver: SqlDriver, has: &impl Fn(&str) -> bool) -> Result<SqlTls, BadConnection> {
        let mode = self.mode(driver)?;
        if mode == SslMode::Disable {
            return Ok(SqlTls::of(mode));
        }
        let (ca, client) = match driver {
            SqlDriver::Postgres => {
                let files = [
                    ("sslRootCertFile", &self.ssl_root_cert_file),
                    ("sslCertFile", &self.ssl_cert_file),
                    ("sslKeyFile", &self.ssl_key_file),
                ];
                let by_content = self.tls_configuration_method == "file-content";
                let named = files.into_iter().find(|(_, path)| !by_content && !path.is_empty());
                if let Some((field, _)) = named {
                    return Err(BadConnection::ServerFile(field));
                }
                (by_content, by_content)
            }
            _ => (self.tls_auth_with_ca_cert, self.tls_auth),
        };
        let client = client && has(CERT) && has(KEY);
        Ok(SqlTls {
            skip_verify: driver != SqlDriver::Postgres && self.tls_skip_verify,
            server_name: Some(self.server_name.clone()).filter(|name| !name.is_empty()),
            authorities: (ca && has(CA)).then(|| CA.to_owned()),
            client: client.then(|| (CERT.to_owned(), KEY.to_owned())),
            ..SqlTls::of(mode)
        })
    }

    /// Zero is any number, as for Grafana.
    fn most_connections(&self) -> Option<u32> {
        let most = self.max_open_conns.as_u64().filter(|most| *most > 0)?;
        Some(u32::try_from(most).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JsonText;
    use crate::connection::tests::settings;

    fn of(type_text: &str, json: &str, secrets: &[&str]) -> Result<SqlTarget, String> {
        let mut settings = settings("db.example:5432", json);
        settings.type_text = type_text.to_owned();
        settings.user = "u".to_owned();
        settings.database = "d".to_owned();
        let driver = SqlDriver::of_plugin(settings.plugin()).unwrap();
        let secrets = secrets.iter().map(|name| (*name).to_owned()).collect();
        SqlTarget::of(&settings, driver, &secrets).map_err(|error| error.to_string())
    }

    #[test]
    fn grafana_4_6_modes_of_tls_are_its_words() {
        let mode = |type_text: &str, json: &str| of(type_text, json, &[]).unwrap().tls.mode;
        for (word, expected) in [
            ("", SslMode::VerifyFull),
            ("disable", SslMode::Disable),
            ("require", SslMode::Require),
            ("verify-ca", SslMode::VerifyCa),
            ("Verify-Full", SslMode::VerifyFull),
        ] {
            let json = format!(r#"{{"sslmode":"{word}"}}"#);
            assert_eq!(mode("postgres", &json), expected, "{word}");
        }
        for (json, expected) in [
            ("{}", SslMode::Disable),
            (r#"{"tlsSkipVerify":true}"#, SslMode::Disable),
            (r#"{"tlsAuth":true}"#, SslMode::VerifyFull),
            (r#"{"tlsAuthWithCACert":true,"tlsSkipVerify":true}"#, SslMode::Require),
        ] {
            assert_eq!(mode("mysql", json), expected, "{json}");
        }
    }

    #[test]
    fn secrets_of_tls_are_named_where_they_are_used() {
        let all = ["password", CA, CERT, KEY];
        let needed = |type_text: &str, json: &str| {
            let target = of(type_text, json, &all).unwrap();
            target.secrets().map(str::to_owned).collect::<Vec<_>>()
        };
        let by_content = r#"{"tlsConfigurationMethod":"file-content"}"#;
        assert_eq!(needed("postgres", by_content), all);
        assert_eq!(needed("postgres", "{}"), ["password"]);
        assert_eq!(needed("mysql", r#"{"tlsAuthWithCACert":true}"#), ["password", CA]);
        assert_eq!(needed("mysql", "{}"), ["password"]);
    }

    #[test]
    fn a_token_goes_in_the_place_of_a_password() {
        for type_text in ["postgres", "mysql"] {
            let target = of(type_text, r#"{"rdsIam":true}"#, &["password"]).unwrap();
            assert_eq!((target.rds_iam, target.password), (true, None), "{type_text}");
        }
        assert!(of("mysql", r#"{"rdsIam":"true"}"#, &[]).is_err());
    }

    #[test]
    fn no_file_of_the_server_is_read() {
        let said = of("postgres", r#"{"sslRootCertFile":"/etc/ssl/ca.pem"}"#, &[]).unwrap_err();
        assert!(said.starts_with("jsonData.sslRootCertFile names a file of the server"), "{said}");
    }

    #[test]
    fn the_database_is_either_fields() {
        let nulls = of("mysql", r#"{"tlsAuth":null,"database":null}"#, &[]).unwrap();
        assert_eq!(&*nulls.database, "d");
        let own = of("mysql", r#"{"database":"own","maxOpenConns":5,"timezone":"UTC"}"#, &[]);
        let own = own.unwrap();
        assert_eq!((&*own.database, own.most_connections), ("own", Some(5)));
        assert_eq!(own.params.get("time_zone"), Some("UTC"));
        let other = of("mysql", r#"{"maxOpenConns":0}"#, &[]).unwrap();
        assert_eq!((&*other.database, other.most_connections), ("d", None));
        let mut none = settings("db", "{}");
        none.json_data = JsonText::default();
        let refusal = SqlTarget::of(&none, SqlDriver::Postgres, &BTreeSet::new());
        assert_eq!(refusal, Err(BadConnection::Sql(crate::BadSqlTarget::NoDatabase)));
    }
}
