mod signer;

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use sourcegate_core::OrgId;

use super::*;
use crate::{Identity, Role};
use signer::{Signer, encoded, with};

const NOW: i64 = 1_800_000_000;

fn settings() -> Settings {
    Settings {
        issuer: "https://issuer.test".to_owned(),
        audience: vec!["sourcegate".to_owned(), "other".to_owned()],
        leeway: Duration::from_secs(60),
        login_claim: "sub".to_owned(),
        rules: Rules::parse(r#"[{"org":7,"role":"Viewer"}]"#).unwrap(),
    }
}

fn claims() -> Value {
    json!({ "iss": "https://issuer.test", "aud": "sourcegate", "sub": "ada", "exp": NOW + 300 })
}

fn set(keys: &[Value]) -> Keys {
    Keys::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn outcome(token: &str, keys: &Keys, settings: &Settings) -> Result<Assertion, Unauthenticated> {
    verify(&Unverified::parse(token)?, keys, settings, NOW)
}

#[track_caller]
fn check(token: &str, keys: &Keys, expected: Option<BadJwt>) {
    let refused = outcome(token, keys, &settings()).err();
    assert_eq!(refused, expected.map(Unauthenticated::Jwt), "{token}");
}

#[test]
fn a_token_of_each_kind_of_key_makes_a_caller() {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    for algorithm in [ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512] {
        let signer = Signer::new(algorithm);
        let keys = set(&[signer.jwk(&json!({ "kid": "k" }))]);
        let verified = outcome(&signer.sign(&json!({ "kid": "k" }), &claims()), &keys, &settings());
        let verified = verified.unwrap_or_else(|error| panic!("{algorithm:?}: {error}"));
        let org = verified.org(None).unwrap();
        let caller = verified.caller(org).unwrap();
        assert_eq!((org.get(), caller.role(), caller.login()), (7, Role::Viewer, Some("ada")));
        assert_eq!(verified.expires(), NOW + 360);
    }
}

#[test]
fn a13_unsigned_tokens_are_refused() {
    let signer = Signer::new(Algorithm::ES256);
    let keys = set(&[signer.jwk(&json!({}))]);
    let signed = signer.sign(&json!({}), &claims());
    let signature = signed.rsplit('.').next().unwrap();
    for (alg, signature) in [("none", ""), ("none", signature), ("nOnE", ""), ("", "")] {
        let token =
            format!("{}.{}.{signature}", encoded(&json!({ "alg": alg })), encoded(&claims()));
        check(&token, &keys, Some(BadJwt::Algorithm));
    }
    let (message, _) = signed.rsplit_once('.').unwrap();
    check(&format!("{message}."), &keys, Some(BadJwt::Signature));
}

#[test]
fn a13_a_public_key_is_no_shared_secret() {
    let signer = Signer::new(Algorithm::RS256);
    let jwk = signer.jwk(&json!({ "kid": "k" }));
    let keys = set(std::slice::from_ref(&jwk));
    let modulus = jwk["n"].as_str().unwrap().to_owned();
    for secret in [modulus.into_bytes(), jwk.to_string().into_bytes(), Vec::new()] {
        let secret = EncodingKey::from_secret(&secret);
        for algorithm in ["HS256", "HS384", "HS512"] {
            let header = json!({ "alg": algorithm, "kid": "k" });
            let message = format!("{}.{}", encoded(&header), encoded(&claims()));
            let by = algorithm.parse().unwrap();
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, by).unwrap();
            check(&format!("{message}.{signature}"), &keys, Some(BadJwt::Algorithm));
        }
    }
}

#[test]
fn a13_the_key_says_which_algorithm_it_is_for() {
    let rsa = Signer::new(Algorithm::RS256);
    let token = |by| rsa.by(by).sign(&json!({ "kid": "k" }), &claims());
    let strict = set(&[rsa.jwk(&json!({ "kid": "k" }))]);
    check(&token(Algorithm::RS256), &strict, None);
    for other in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        check(&token(other), &strict, Some(BadJwt::Signature));
    }
    let open = set(&[rsa.jwk(&json!({ "kid": "k", "alg": null }))]);
    for any in [Algorithm::RS256, Algorithm::RS512, Algorithm::PS384] {
        check(&token(any), &open, None);
    }
    let curve = Signer::new(Algorithm::ES256);
    let keys = set(&[curve.jwk(&json!({ "kid": "k" })), rsa.jwk(&json!({ "kid": "r" }))]);
    check(&token(Algorithm::RS256), &keys, Some(BadJwt::Signature));
}

#[test]
fn keys_that_are_not_for_signatures_are_left_out() {
    let signer = Signer::new(Algorithm::ES256);
    let token = signer.sign(&json!({ "kid": "k" }), &claims());
    let jwk = |change: Value| with(signer.jwk(&json!({ "kid": "k" })), &change);
    for fit in [json!({}), json!({ "use": "sig" }), json!({ "key_ops": ["verify"] })] {
        check(&token, &set(&[jwk(fit)]), None);
    }
    for unfit in [
        json!({ "use": "enc" }),
        json!({ "use": "tls" }),
        json!({ "key_ops": ["encrypt"] }),
        json!({ "key_ops": [] }),
        json!({ "alg": "ES384" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "ES256K" }),
        json!({ "crv": "P-384" }),
        json!({ "crv": "P-521" }),
        json!({ "kty": "oct", "k": "AA" }),
        json!({ "kty": "RSA" }),
        json!({ "kty": 7 }),
        json!({ "x": null }),
        json!({ "x": "!" }),
        json!({ "kid": 7 }),
    ] {
        let keys = set(&[json!("no key"), jwk(unfit)]);
        check(&token, &keys, Some(BadJwt::UnknownKey));
    }
}

#[test]
fn a_key_set_is_json_with_a_list_of_keys() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]"#, "<html>"] {
        assert_eq!(Keys::parse(text.as_bytes()).unwrap_err(), BadKeys, "{text}");
    }
    let token = Signer::new(Algorithm::ES256).sign(&json!({}), &claims());
    check(&token, &set(&[]), Some(BadJwt::UnknownKey));
}

#[test]
fn a13_the_kid_names_the_key_and_nothing_else() {
    let (one, two) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    let keys = set(&[one.jwk(&json!({ "kid": "1" })), two.jwk(&json!({ "kid": "2" }))]);
    let token = |header: Value| one.sign(&header, &claims());
    check(&token(json!({ "kid": "1" })), &keys, None);
    check(&token(json!({ "kid": "2" })), &keys, Some(BadJwt::Signature));
    check(&token(json!({})), &keys, Some(BadJwt::WhichKey));
    check(&token(json!({})), &set(&[one.jwk(&json!({ "kid": "1" }))]), None);
    for kid in ["", "3", "1 ", "../1", "/etc/passwd", "1' or '1'='1"] {
        check(&token(json!({ "kid": kid })), &keys, Some(BadJwt::UnknownKey));
    }
    // Two keys under one name: whichever signed.
    let twins = set(&[two.jwk(&json!({ "kid": "1" })), one.jwk(&json!({ "kid": "1" }))]);
    check(&token(json!({ "kid": "1" })), &twins, None);
}

#[test]
fn a_key_that_a_token_brings_along_does_not_count() {
    let (issuer, forger) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    let keys = set(&[issuer.jwk(&json!({ "kid": "k" }))]);
    let brought = json!({ "kid": "k", "jwk": forger.jwk(&json!({})), "jku": "http://forger.test" });
    check(&forger.sign(&brought, &claims()), &keys, Some(BadJwt::Signature));
    check(&issuer.sign(&brought, &claims()), &keys, None);
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    let signer = Signer::new(Algorithm::ES256);
    let keys = set(&[signer.jwk(&json!({}))]);
    let token = signer.sign(&json!({}), &claims());
    let parts: Vec<_> = token.split('.').collect();
    let root = encoded(&with(claims(), &json!({ "sub": "root" })));
    check(&[parts[0], &root, parts[2]].join("."), &keys, Some(BadJwt::Signature));
    check(&[parts[0], parts[1], parts[1]].join("."), &keys, Some(BadJwt::Signature));
    check(&[parts[0], parts[1], "!"].join("."), &keys, Some(BadJwt::Malformed));
    for claims in [json!([]), json!("x"), json!(null)] {
        check(&signer.sign(&json!({}), &claims), &keys, Some(BadJwt::Malformed));
    }
}

#[test]
fn a13_claims_are_judged_strictly() {
    let signer = Signer::new(Algorithm::ES256);
    let keys = set(&[signer.jwk(&json!({}))]);
    let check = |change: Value, expected: Option<BadJwt>| {
        let claims = with(claims(), &change);
        let refused = outcome(&signer.sign(&json!({}), &claims), &keys, &settings()).err();
        assert_eq!(refused, expected.map(Unauthenticated::Jwt), "{change}");
    };
    let seconds = "a number of seconds since 1970";
    for required in ["iss", "aud", "exp", "sub"] {
        check(json!({ required: null }), Some(BadJwt::Missing(required)));
    }
    check(json!({ "iss": "https://issuer.test/" }), Some(BadJwt::Issuer));
    check(json!({ "iss": "HTTPS://issuer.test" }), Some(BadJwt::Issuer));
    check(json!({ "iss": ["https://issuer.test"] }), Some(BadJwt::Claim("iss", "a text")));
    check(json!({ "aud": ["x", "other"] }), None);
    for aud in [json!("Sourcegate"), json!(""), json!([]), json!(["source", "gate"])] {
        check(json!({ "aud": aud }), Some(BadJwt::Audience));
    }
    for aud in [json!(7), json!({}), json!(["sourcegate", 7])] {
        let wrong = BadJwt::Claim("aud", "a text or a list of texts");
        check(json!({ "aud": aud }), Some(wrong));
    }
    for exp in [json!((NOW + 300).to_string()), json!(true), json!([NOW + 300]), json!(-1)] {
        check(json!({ "exp": exp }), Some(BadJwt::Claim("exp", seconds)));
    }
    check(json!({ "exp": NOW - 59 }), None);
    check(json!({ "exp": NOW - 60 }), Some(BadJwt::Expired));
    check(json!({ "exp": 0 }), Some(BadJwt::Expired));
    check(json!({ "exp": (NOW as f64) - 59.5 }), Some(BadJwt::Expired));
    check(json!({ "exp": 1e300 }), None);
    for begins in ["nbf", "iat"] {
        check(json!({ begins: NOW + 60 }), None);
        check(json!({ begins: NOW + 61 }), Some(BadJwt::Early));
        check(json!({ begins: "1" }), Some(BadJwt::Claim(begins, seconds)));
    }
    check(json!({ "sub": "" }), Some(BadJwt::Claim("sub", "a text with at least one character")));
    check(json!({ "sub": 7 }), Some(BadJwt::Claim("sub", "a text")));
}

#[test]
fn the_login_comes_from_the_claim_that_is_set() {
    let signer = Signer::new(Algorithm::ES256);
    let keys = set(&[signer.jwk(&json!({}))]);
    let login = |claim: &str, change: Value| {
        let settings = Settings { login_claim: claim.to_owned(), ..settings() };
        let token = signer.sign(&json!({}), &with(claims(), &change));
        let verified = outcome(&token, &keys, &settings)?;
        Ok(verified.caller(OrgId::new(7).unwrap())?.identity().clone())
    };
    let called = |login: &str| Identity::Jwt { subject: "ada".to_owned(), login: login.to_owned() };
    assert_eq!(login("email", json!({ "email": "a@b.test" })), Ok(called("a@b.test")));
    assert_eq!(login("act.name", json!({ "act": { "name": "Ada" } })), Ok(called("Ada")));
    let missing = Unauthenticated::Jwt(BadJwt::Missing("for logins"));
    assert_eq!(login("email", json!({})), Err(missing));
    let wrong = BadJwt::Claim("for logins", "a text of 1 to 255 printable bytes");
    for odd in [json!(7), json!(""), json!("a\nb"), json!("x".repeat(256))] {
        assert_eq!(login("email", json!({ "email": odd })), Err(Unauthenticated::Jwt(wrong)));
    }
}

#[test]
fn who_is_called_as_a_user_is_not_that_user() {
    let user = Identity::User { id: 1, stay: 0, login: "ada".to_owned() };
    let asserted = Identity::Jwt { subject: "ada".to_owned(), login: "ada".to_owned() };
    assert_ne!(user, asserted);
    assert_eq!([user, asserted].map(|who| who.to_string()), ["user:ada", "jwt:ada"]);
}

#[test]
fn a_request_picks_one_of_the_matched_organisations() {
    let rules = r#"[{"org":2,"role":"Viewer"},{"claim":"a","value":1,"org":1,"role":"Admin"}]"#;
    let settings = Settings { rules: Rules::parse(rules).unwrap(), ..settings() };
    let signer = Signer::new(Algorithm::ES256);
    let keys = set(&[signer.jwk(&json!({}))]);
    let verified = |change: Value| {
        outcome(&signer.sign(&json!({}), &with(claims(), &change)), &keys, &settings).unwrap()
    };
    let both = verified(json!({ "a": 1 }));
    assert_eq!(both.org(None).unwrap().get(), 2);
    assert_eq!(both.org(Some(1)).unwrap(), OrgId::MAIN);
    assert_eq!(both.caller(OrgId::MAIN).unwrap().role(), Role::Admin);
    for other in [0, 3, -1, i64::MAX] {
        assert_eq!(both.org(Some(other)), Err(Unauthenticated::NotAMember), "{other}");
    }
    let one = verified(json!({}));
    assert_eq!(one.org(Some(1)), Err(Unauthenticated::NotAMember));
    assert_eq!(one.caller(OrgId::MAIN).unwrap_err(), Unauthenticated::NotAMember);
}

#[test]
fn who_matches_no_rule_is_refused() {
    let rules = Rules::parse(r#"[{"claim":"a","value":1,"org":1,"role":"Admin"}]"#).unwrap();
    let settings = Settings { rules, ..settings() };
    let signer = Signer::new(Algorithm::ES256);
    let refused =
        outcome(&signer.sign(&json!({}), &claims()), &set(&[signer.jwk(&json!({}))]), &settings);
    assert_eq!(refused, Err(Unauthenticated::Jwt(BadJwt::NoRole)));
}

#[test]
fn an_assertion_ends() {
    let signer = Signer::new(Algorithm::ES256);
    let token = signer.sign(&json!({}), &claims());
    let verified = outcome(&token, &set(&[signer.jwk(&json!({}))]), &settings()).unwrap();
    assert_eq!(verified.check(NOW + 359), Ok(()));
    assert_eq!(verified.check(NOW + 360), Err(Unauthenticated::Jwt(BadJwt::Expired)));
}
