//! The `spec` of a secret: masked where a value is sealed beside it (contract/perses.md 3.5).

mod fields;

use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::{Map, Value};
use sourcegate_core::{JsonText, SecretSpec, json};
use store::Values;

use crate::Error;

/// The ways to authenticate, of which a secret has one at most.
const WAYS: [&str; 3] = ["basicAuth", "authorization", "oauth"];

/// What may name a file on the server that reads it, which none may here.
const FILES: [&str; 6] = [
    "basicAuth.passwordFile",
    "authorization.credentialsFile",
    "oauth.clientSecretFile",
    "tlsConfig.caFile",
    "tlsConfig.certFile",
    "tlsConfig.keyFile",
];

/// A secret as it is to be stored.
#[derive(Debug)]
pub(crate) struct SentSecret {
    /// What is shown of it.
    pub(crate) spec: JsonText,
    /// What is sealed.
    pub(crate) values: Values,
}

impl SentSecret {
    /// Takes the values out of a spec.
    ///
    /// # Errors
    /// What is wrong with it first, in Perses' words where it has some.
    pub(crate) fn read(spec: Option<&str>) -> Result<Self, Error> {
        let spec = spec.ok_or_else(|| Error::Decode("spec cannot be empty".to_owned()))?;
        let sent: Map<String, Value> = json::read(spec).map_err(|fault| Error::spec(&fault))?;
        let mut spec = fields::known(sent).map_err(Error::Decode)?;
        for file in FILES {
            if text(&spec, file).is_some_and(|path| !path.is_empty()) {
                return Err(Error::Decode(format!(
                    "{file} would name a file of the server; send the value itself"
                )));
            }
            remove(&mut spec, file);
        }
        check(&spec).map_err(Error::Decode)?;
        let mut values = Values::new();
        for name in SecretSpec::VALUES {
            let Some(value) = text(&spec, name).map(str::to_owned) else { continue };
            if value.is_empty() {
                remove(&mut spec, name);
            } else if value == SecretSpec::MASK {
                values.push((name.to_owned(), None));
            } else {
                values.push((name.to_owned(), Some(SecretString::from(value))));
                mask(&mut spec, name);
            }
        }
        complete_oauth(&mut spec);
        let written = Value::Object(spec).to_string();
        let spec = JsonText::object(written);
        let read = spec.as_ref().and_then(SecretSpec::read);
        let Some((spec, read)) = spec.zip(read) else {
            let said = "a field of the spec is not of the type that it must be";
            return Err(Error::Decode(said.to_owned()));
        };
        read.check().map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Self { spec, values })
    }
}

fn check(spec: &Map<String, Value>) -> Result<(), String> {
    if WAYS.iter().filter(|way| spec.contains_key(**way)).count() > 1 {
        return Err(
            "basicAuth, authorization and oauth are mutually exclusive, use one of them".to_owned()
        );
    }
    let lacks = |name: &&str| text(spec, name).is_none_or(str::is_empty);
    if spec.contains_key("basicAuth")
        && ["basicAuth.username", "basicAuth.password"].iter().any(lacks)
    {
        return Err(
            "when using basicAuth, username and password/passwordFile cannot be empty".to_owned()
        );
    }
    let needed = ["oauth.clientID", "oauth.clientSecret", "oauth.tokenURL"];
    if spec.contains_key("oauth") && needed.iter().any(lacks) {
        return Err(
            "when using oauth, clientID, clientSecret/clientSecretFile, and tokenURL cannot be empty"
                .to_owned(),
        );
    }
    let (cert, key) = (lacks(&"tlsConfig.cert"), lacks(&"tlsConfig.key"));
    if cert != key {
        return Err("tlsConfig.cert and tlsConfig.key are used together; send both".to_owned());
    }
    check_header(spec)
}

/// What no header could carry is not saved (RFC 9110, 5.5 and 11.1).
fn check_header(spec: &Map<String, Value>) -> Result<(), String> {
    let sent = |name| text(spec, name).unwrap_or_default();
    let scheme = sent("authorization.type");
    if !scheme.is_empty() && HeaderName::from_bytes(scheme.as_bytes()).is_err() {
        return Err("authorization.type must be one word, as Bearer".to_owned());
    }
    match HeaderValue::from_bytes(sent("authorization.credentials").as_bytes()) {
        Ok(_) => Ok(()),
        Err(_) => {
            Err("authorization.credentials has a line break or another control character"
                .to_owned())
        }
    }
}

/// Every key of `oauth` is always answered (contract 3.5).
fn complete_oauth(spec: &mut Map<String, Value>) {
    let Some(Value::Object(oauth)) = spec.get_mut("oauth") else { return };
    let usual = [
        ("clientID", Value::from("")),
        ("clientSecret", Value::from("")),
        ("tokenURL", Value::from("")),
        ("scopes", Value::Null),
        ("endpointParams", Value::Null),
        ("authStyle", Value::from(0)),
    ];
    for (name, value) in usual {
        oauth.entry(name).or_insert(value);
    }
}

fn text<'a>(spec: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let (part, field) = name.split_once('.')?;
    spec.get(part)?.get(field)?.as_str()
}

fn remove(spec: &mut Map<String, Value>, name: &str) {
    if let Some((part, field)) = name.split_once('.')
        && let Some(Value::Object(part)) = spec.get_mut(part)
    {
        part.remove(field);
    }
}

fn mask(spec: &mut Map<String, Value>, name: &str) {
    if let Some((part, field)) = name.split_once('.')
        && let Some(value) = spec.get_mut(part).and_then(|part| part.get_mut(field))
    {
        *value = Value::from(SecretSpec::MASK);
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[track_caller]
    fn check(spec: &str, expected: &str, values: &[(&str, Option<&str>)]) {
        let sent = SentSecret::read(Some(spec)).unwrap();
        assert_eq!(sent.spec.as_str(), expected);
        let found: Vec<_> = sent
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref().map(ExposeSecret::expose_secret)))
            .collect();
        assert_eq!(found, values);
    }

    #[track_caller]
    fn check_refusal(spec: &str, expected: &str) {
        assert_eq!(SentSecret::read(Some(spec)).unwrap_err().to_string(), expected, "{spec}");
    }

    #[test]
    fn perses_case_23_values_are_sealed_and_masked() {
        check(
            r#"{"basicAuth":{"username":"Basil","password":"Detective"},"oauth":null}"#,
            r#"{"basicAuth":{"password":"<secret>","username":"Basil"}}"#,
            &[("basicAuth.password", Some("Detective"))],
        );
        check(
            r#"{"authorization":{"credentials":""},"tlsConfig":{"ca":"pem","serverName":"h"}}"#,
            r#"{"authorization":{},"tlsConfig":{"ca":"<secret>","serverName":"h"}}"#,
            &[("tlsConfig.ca", Some("pem"))],
        );
    }

    #[test]
    fn what_comes_back_masked_is_kept() {
        check(
            r#"{"basicAuth":{"username":"u","password":"<secret>"}}"#,
            r#"{"basicAuth":{"password":"<secret>","username":"u"}}"#,
            &[("basicAuth.password", None)],
        );
    }

    #[test]
    fn perses_case_42_one_way_to_authenticate_is_enough() {
        let said = "basicAuth, authorization and oauth are mutually exclusive, use one of them";
        check_refusal(r#"{"basicAuth":{},"authorization":{}}"#, said);
        check_refusal(r#"{"basicAuth":{},"authorization":{},"oauth":{}}"#, said);
        let said = "when using basicAuth, username and password/passwordFile cannot be empty";
        check_refusal(r#"{"basicAuth":{"username":"u"}}"#, said);
        let said = "when using oauth, clientID, clientSecret/clientSecretFile, and tokenURL cannot be empty";
        check_refusal(r#"{"oauth":{"clientID":"a"}}"#, said);
    }

    #[test]
    fn perses_8_10_no_secret_names_a_file_of_the_server() {
        let said = "basicAuth.passwordFile would name a file of the server; send the value itself";
        check_refusal(r#"{"basicAuth":{"username":"u","passwordFile":"/etc/passwd"}}"#, said);
        let said = "tlsConfig.caFile would name a file of the server; send the value itself";
        check_refusal(r#"{"tlsConfig":{"caFile":"/x"}}"#, said);
    }

    #[test]
    fn what_could_not_be_used_is_not_saved() {
        let oauth = |more: &str| {
            let usual = r#""clientID":"a","clientSecret":"b","tokenURL":"https://idp.test/""#;
            format!(r#"{{"oauth":{{{usual}{more}}}}}"#)
        };
        check_refusal(
            &oauth(r#","scopes":["a"],"endpointParams":{"scope":["b"]}"#),
            "oauth.endpointParams has a scope beside oauth.scopes; give one of the two",
        );
        check_refusal(
            &oauth(r#","authStyle":7"#),
            "oauth.authStyle 7 is none; it is 0 to find out, 1 for the form, 2 for a header",
        );
        check_refusal(
            r#"{"tlsConfig":{"maxVersion":"TLS11"}}"#,
            "tlsConfig.maxVersion TLS11 is not spoken any more; the oldest is TLS12, choose that or leave it out",
        );
        assert!(SentSecret::read(Some(&oauth(r#","authStyle":2"#))).is_ok());
        assert!(SentSecret::read(Some(r#"{"tlsConfig":{"minVersion":"TLS10"}}"#)).is_ok());
    }

    #[test]
    fn k01_nothing_that_is_sent_stays_in_clear_but_what_is_shown() {
        let sent = r#"{"Authorization":{"Type":"Bearer","Credentials":"CANARY"},"tlsConfig":{"CA":"CANARY","keyFile":""}}"#;
        let kept = r#"{"authorization":{"credentials":"<secret>","type":"Bearer"},"tlsConfig":{"ca":"<secret>"}}"#;
        let sealed =
            [("authorization.credentials", Some("CANARY")), ("tlsConfig.ca", Some("CANARY"))];
        check(sent, kept, &sealed);
        let said = "spec: expected an object at line 1 column 8";
        check_refusal(r#""CANARY""#, said);
    }

    #[test]
    fn what_no_header_could_carry_is_not_saved() {
        let with = |kind: &str, credentials: &str| {
            serde_json::json!({ "authorization": { "type": kind, "credentials": credentials } })
                .to_string()
        };
        let said = "authorization.credentials has a line break or another control character";
        for credentials in ["a\r\nX-Evil: 1", "token\n", "a\u{0}b"] {
            check_refusal(&with("Bearer", credentials), said);
        }
        for kind in ["Bearer x", "B\r\nX: y", "Bearer:"] {
            check_refusal(&with(kind, "c"), "authorization.type must be one word, as Bearer");
        }
        assert!(SentSecret::read(Some(&with("ApiKey", "é ü"))).is_ok());
    }

    #[test]
    fn an_empty_secret_is_one() {
        check("{}", "{}", &[]);
        assert!(SentSecret::read(None).is_err() && SentSecret::read(Some("[]")).is_err());
        check_refusal(
            r#"{"tlsConfig":{"insecureSkipVerify":"yes"}}"#,
            "a field of the spec is not of the type that it must be",
        );
    }
}
