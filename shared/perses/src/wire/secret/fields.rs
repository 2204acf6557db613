//! Which fields a secret has. Perses drops what it does not know; here that is refused, since a misspelt credential would be
//! none, and whatever is not sealed is shown.

use serde_json::{Map, Value};
use sourcegate_core::quoted;

/// The parts of a secret with the fields of each.
const PARTS: [(&str, &[&str]); 4] = [
    ("basicAuth", &["username", "password", "passwordFile"]),
    ("authorization", &["type", "credentials", "credentialsFile"]),
    (
        "oauth",
        &[
            "clientID",
            "clientSecret",
            "clientSecretFile",
            "tokenURL",
            "scopes",
            "endpointParams",
            "authStyle",
        ],
    ),
    (
        "tlsConfig",
        &[
            "ca",
            "cert",
            "key",
            "caFile",
            "certFile",
            "keyFile",
            "serverName",
            "insecureSkipVerify",
            "minVersion",
            "maxVersion",
        ],
    ),
];

/// The fields that are no text.
const OTHERS: [&str; 4] = ["scopes", "endpointParams", "authStyle", "insecureSkipVerify"];

/// Gives a secret's parts and fields by their own names, without those that are null. Names are matched in any case, as
/// by Perses.
///
/// # Errors
/// The first one that is not known, is there twice or is of another type, never with its value.
pub(super) fn known(sent: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut spec = Map::new();
    for (sent, value) in sent {
        let Some((part, fields)) = PARTS.iter().find(|(part, _)| part.eq_ignore_ascii_case(&sent))
        else {
            return Err(unknown("spec", &sent, PARTS.iter().map(|(part, _)| *part)));
        };
        let read = match value {
            Value::Null => continue,
            Value::Object(sent) => of_part(part, fields, sent)?,
            _ => return Err(format!("{part} must be an object")),
        };
        if spec.insert((*part).to_owned(), Value::Object(read)).is_some() {
            return Err(format!("{part} is there twice"));
        }
    }
    Ok(spec)
}

fn of_part(
    part: &str,
    fields: &[&str],
    sent: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let mut read = Map::new();
    for (sent, value) in sent {
        let Some(field) = fields.iter().find(|field| field.eq_ignore_ascii_case(&sent)) else {
            return Err(unknown(part, &sent, fields.iter().copied()));
        };
        match value {
            Value::Null => continue,
            Value::String(_) => {}
            _ if OTHERS.contains(field) => {}
            _ => return Err(format!("{part}.{field} must be a string")),
        }
        if read.insert((*field).to_owned(), value).is_some() {
            return Err(format!("{part}.{field} is there twice"));
        }
    }
    Ok(read)
}

fn unknown<'a>(place: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let shown: String = name.chars().take(64).collect();
    let known: Vec<_> = known.collect();
    format!("{place} has no field {}; its fields are {}", quoted(&shown), known.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(sent: &Value, expected: Result<Value, &str>) {
        let found = known(sent.as_object().unwrap().clone()).map(Value::Object);
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn names_are_matched_in_any_case_and_nulls_are_left_out() {
        check(
            &json!({ "BASICAUTH": { "UserName": "u", "PASSWORD": "p", "passwordfile": null }, "oauth": null }),
            Ok(json!({ "basicAuth": { "username": "u", "password": "p" } })),
        );
        check(&json!({}), Ok(json!({})));
    }

    #[test]
    fn k01_whatever_could_be_a_value_in_another_place_is_refused() {
        let said = "spec has no field \"token\"; its fields are basicAuth, authorization, oauth, tlsConfig";
        check(&json!({ "token": "CANARY" }), Err(said));
        let said = "authorization has no field \"token\"; its fields are type, credentials, credentialsFile";
        check(&json!({ "authorization": { "type": "Bearer", "token": "CANARY" } }), Err(said));
        for other in [json!(["CANARY"]), json!(8888), json!({ "a": "CANARY" }), json!(true)] {
            let credentials = json!({ "authorization": { "credentials": other } });
            check(&credentials, Err("authorization.credentials must be a string"));
            let file = json!({ "basicAuth": { "passwordFile": other } });
            check(&file, Err("basicAuth.passwordFile must be a string"));
        }
        for other in [json!(["CANARY"]), json!("CANARY"), json!(1)] {
            check(&json!({ "authorization": other }), Err("authorization must be an object"));
        }
    }

    #[test]
    fn one_field_in_two_spellings_is_refused() {
        let twice = json!({ "basicAuth": { "password": "a", "Password": "b" } });
        check(&twice, Err("basicAuth.password is there twice"));
        check(&json!({ "oauth": {}, "OAuth": {} }), Err("oauth is there twice"));
    }
}
