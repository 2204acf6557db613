//! Where a data source's secrets may go, as one canonical text.

use std::fmt;

use crate::{BaseUrl, Scheme, Settings, SqlDriver, SqlPlace, SqlTarget, connection::Extras};

/// Where a data source's secrets may go: its type, the scheme, host and port of its url, and whether TLS is verified.
///
/// Secrets are sealed to this text and open for nothing else, so that whoever changes the url behind a secret's back
/// gets nothing out of it (`faults.md` K04, K05).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    text: String,
    /// The names of the configured headers, by number: a header's value is bound to its name too.
    headers: Vec<(String, String)>,
}

impl Destination {
    /// Computes the destination of a configuration. A url that does not parse goes in as it stands.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let plugin = settings.plugin().id().unwrap_or(&settings.type_text);
        let extras = Extras::lenient(&settings.json_data);
        let driver = SqlDriver::of_plugin(settings.plugin());
        let tls = match driver {
            Some(driver) => SqlTarget::verified(settings, driver),
            None if extras.tls_skip_verify => "any",
            None => "verified",
        };
        if let Some(Ok(place)) = driver.map(|driver| SqlPlace::parse(&settings.url, driver)) {
            // Another port than a url would have by itself.
            let host = place.host.trim_end_matches('.').to_ascii_lowercase();
            let text = format!("type={plugin:?}\nhost={host}\nport={}\ntls={tls}", place.port);
            return Self { text, headers: Vec::new() };
        }
        let place = match BaseUrl::parse(&settings.url) {
            Ok(url) => {
                let scheme = match url.scheme {
                    Scheme::Http => "http",
                    Scheme::Https => "https",
                    Scheme::Other => settings.url.split(':').next().unwrap_or_default(),
                };
                let port = url.port.map_or_else(String::new, |port| port.to_string());
                format!("scheme={scheme}\nhost={}\nport={port}", url.host)
            }
            Err(_) => format!("url={:?}", settings.url),
        };
        let headers = extras.header_names.into_iter().collect();
        Self { text: format!("type={plugin:?}\n{place}\ntls={tls}"), headers }
    }

    /// Gives the text that one secret is sealed to: the destination, and for a header's value the header's name.
    #[must_use]
    pub fn text_for(&self, secret: &str) -> String {
        let header = secret.strip_prefix("httpHeaderValue").and_then(|number| {
            self.headers
                .iter()
                .find(|(n, _)| n == number)
                .map(|(_, name)| name.to_ascii_lowercase())
        });
        match header {
            Some(name) => format!("{}\nheader={name:?}", self.text),
            None => self.text.clone(),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests::settings;

    #[track_caller]
    fn differs(secret: &str, change: impl FnOnce(&mut Settings), expected: bool) {
        let before = settings("https://h/base", r#"{"httpHeaderName1":"X-Key"}"#);
        let mut after = before.clone();
        change(&mut after);
        let (before, after) = (Destination::of(&before), Destination::of(&after));
        assert_eq!(before.text_for(secret) != after.text_for(secret), expected);
    }

    fn json(text: &str) -> crate::JsonText {
        crate::JsonText::object(text.to_owned()).unwrap()
    }

    #[test]
    fn k04_host_port_and_scheme_are_part_of_it_and_the_path_is_not() {
        differs("password", |s| s.url = "https://h/other".into(), false);
        differs("password", |s| s.url = "https://H.:443/base".into(), false);
        differs("password", |s| s.url = "https://i/base".into(), true);
        differs("password", |s| s.url = "https://h:444/base".into(), true);
        differs("password", |s| s.url = "http://h:443/base".into(), true);
        differs("password", |s| s.url = String::new(), true);
    }

    #[test]
    fn k05_type_tls_and_header_name_are_part_of_it() {
        differs("password", |s| s.type_text = "loki".into(), true);
        differs("password", |s| s.json_data = json(r#"{"tlsSkipVerify":true}"#), true);
        differs("password", |s| s.json_data = json("{}"), false);
        differs("httpHeaderValue1", |s| s.json_data = json("{}"), true);
        differs(
            "httpHeaderValue1",
            |s| s.json_data = json(r#"{"httpHeaderName1":"x-key"}"#),
            false,
        );
        differs("httpHeaderValue1", |s| s.json_data = json(r#"{"httpHeaderName1":"Y"}"#), true);
    }

    #[test]
    fn k05_a_mode_of_tls_that_verifies_less_is_another_destination() {
        let of = |mode: &str| {
            let json = format!(r#"{{"sslmode":"{mode}"}}"#);
            let mut settings = settings("db:5432", &json);
            settings.type_text = "postgres".into();
            Destination::of(&settings)
        };
        assert_eq!(of("verify-full"), of(""));
        assert_ne!(of("verify-full"), of("verify-ca"));
        assert_ne!(of("verify-full"), of("require"));
        assert_eq!(of("disable"), of("require"));
    }

    #[test]
    fn k04_a_databases_port_is_that_which_is_dialled() {
        let of = |url: &str| {
            let mut settings = settings(url, "{}");
            settings.type_text = "postgres".into();
            Destination::of(&settings)
        };
        assert_eq!(of("db"), of("DB.:5432"));
        assert_ne!(of("db"), of("db:80"));
        assert_ne!(of("db"), of("other"));
    }

    #[test]
    fn an_alias_of_a_type_is_the_type() {
        let of = |text: &str| {
            let mut settings = settings("http://h", "{}");
            settings.type_text = text.to_owned();
            Destination::of(&settings)
        };
        assert_eq!(of("postgres"), of("grafana-postgresql-datasource"));
    }

    #[test]
    fn a_type_cannot_spell_another_line() {
        let mut tricky = settings("http://h", "{}");
        tricky.type_text = "x\"\nscheme=https".into();
        assert_eq!(Destination::of(&tricky).to_string().lines().count(), 5);
    }
}
