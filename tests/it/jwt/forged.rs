//! Tokens that prove nothing, each in a way of its own (bad input A13): 401 on every route, and no table is asked.

use harness::build::with;
use harness::signer::{Signer, accepting, claims, encoded, publishing, verifier};
use harness::{Client, TestApp};
use serde_json::{Value, json};

use super::{Accepting, bearer};

/// One route of each kind that needs a caller.
const GUARDED: [&str; 6] = [
    "/api/datasources",
    "/api/datasources/uid/u",
    "/api/datasources/proxy/uid/u/x",
    "/api/datasources/proxy/1/x",
    "/api/org",
    "/api/user",
];

fn everybody() -> Value {
    json!([{ "org": 1, "role": "Admin" }])
}

/// Checks that a token is refused everywhere, for this reason, without a look at any table.
async fn check(app: &TestApp, token: &str, reason: &str) {
    let before = app.calls().total();
    for path in GUARDED {
        let answer = bearer(app, token).get(path).await;
        let body = answer.json();
        let found = (answer.status.as_u16(), &body["messageId"]);
        assert_eq!(found, (401, &json!("jwt.invalid")), "{path}: {body}");
        assert_eq!(body["message"], format!("Failed to verify JWT: {reason}"), "{path}");
        assert!(!answer.headers.contains_key("www-authenticate"));
        assert!(token.len() < 20 || !answer.text().contains(token));
    }
    assert_eq!(app.calls().total(), before, "no table was asked");
}

#[tokio::test]
async fn a13_a_token_without_a_signature() {
    let gate = Accepting::start(&everybody()).await;
    let good = gate.signer.token(json!({}));
    assert_eq!(bearer(&gate.app, &good).get("/api/user").await.status, 200);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let algorithm = "its alg is none of RS256 to RS512, PS256 to PS512, ES256, ES384 and EdDSA";
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let header = encoded(&json!({ "alg": alg, "kid": "k", "typ": "JWT" }));
        for signature in ["", signature] {
            check(&gate.app, &format!("{header}.{}.{signature}", encoded(&claims())), algorithm)
                .await;
        }
    }
    check(&gate.app, &format!("{message}."), "its signature is not by its key").await;
    let root = encoded(&with(claims(), json!({ "sub": "root" })));
    let header = message.split('.').next().unwrap();
    check(&gate.app, &format!("{header}.{root}.{signature}"), "its signature is not by its key")
        .await;
}

#[tokio::test]
async fn a13_a_public_key_taken_for_a_shared_secret() {
    let rsa = Signer::rsa("k");
    let place = publishing(&[&rsa]).await;
    let jwt = verifier(accepting(&place, &everybody()));
    let app = TestApp::with(|setup| setup.jwt = jwt).await;
    assert_eq!(bearer(&app, &rsa.token(json!({}))).get("/api/user").await.status, 200);
    let jwk = rsa.jwk();
    let algorithm = "its alg is none of RS256 to RS512, PS256 to PS512, ES256, ES384 and EdDSA";
    for secret in [jwk["n"].as_str().unwrap().as_bytes(), jwk.to_string().as_bytes(), b""] {
        let confused = Signer::shared("k", secret);
        check(&app, &confused.token(json!({})), algorithm).await;
        // The same under the name of an algorithm that is accepted.
        let named = confused.sign(json!({ "alg": "RS256" }), &claims());
        check(&app, &named, "its signature is not by its key").await;
    }
    // Another algorithm of the same kind than the key says.
    let other = rsa.sign(json!({ "alg": "PS256" }), &claims());
    check(&app, &other, "its signature is not by its key").await;
}

#[tokio::test]
async fn a13_a_key_of_the_forger_s_own() {
    let gate = Accepting::start(&everybody()).await;
    let forger = Signer::elliptic("k");
    let reason = "its signature is not by its key";
    check(&gate.app, &forger.token(json!({})), reason).await;
    let brought = json!({
        "jwk": forger.jwk(),
        "jku": format!("{}/forged", gate.place.url()),
        "x5u": format!("{}/forged", gate.place.url()),
        "x5c": ["AAAA"],
    });
    check(&gate.app, &forger.sign(brought, &claims()), reason).await;
    let asked: Vec<_> = gate.place.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(asked, ["/keys"], "nobody is led elsewhere by a token");
}

#[tokio::test]
async fn a13_a_kid_that_is_a_path_or_a_query() {
    let gate = Accepting::start(&everybody()).await;
    for kid in ["../../../../dev/null", "/keys", "k/../k", "' OR 1=1 --", "K", "", "http://h/k"] {
        let token = gate.signer.sign(json!({ "kid": kid }), &claims());
        check(&gate.app, &token, "its key is none of the issuer's").await;
    }
    for kid in [json!(7), json!(["k"]), json!({ "k": 1 })] {
        let token = gate.signer.sign(json!({ "kid": kid }), &claims());
        check(&gate.app, &token, "it is malformed").await;
    }
    assert_eq!(gate.place.requests().len(), 1);
}

#[tokio::test]
async fn a13_claims_that_are_wrong_missing_or_of_another_type() {
    let gate = Accepting::start(&everybody()).await;
    let now = store::seconds_now();
    let seconds = "must be a number of seconds since 1970";
    for (change, reason) in [
        (
            json!({ "iss": "https://other.test" }),
            "its iss is another issuer than the one accepted here",
        ),
        (
            json!({ "iss": "https://issuer.test/" }),
            "its iss is another issuer than the one accepted here",
        ),
        (json!({ "iss": ["https://issuer.test"] }), "its claim iss must be a text"),
        (json!({ "aud": "https://other.test" }), "its aud names nobody here"),
        (json!({ "aud": [] }), "its aud names nobody here"),
        (json!({ "aud": 1 }), "its claim aud must be a text or a list of texts"),
        (json!({ "exp": (now + 300).to_string() }), &*format!("its claim exp {seconds}")),
        (json!({ "exp": null }), &*format!("its claim exp {seconds}")),
        (json!({ "exp": now - 61 }), "it has expired"),
        (json!({ "exp": 0 }), "it has expired"),
        (json!({ "nbf": now + 120 }), "it is not valid yet"),
        (json!({ "iat": now + 120 }), "it is not valid yet"),
        (json!({ "nbf": "0" }), &*format!("its claim nbf {seconds}")),
        (json!({ "sub": 7 }), "its claim sub must be a text"),
        (json!({ "sub": "" }), "its claim sub must be a text with at least one character"),
    ] {
        check(&gate.app, &gate.signer.token(change), reason).await;
    }
    for missing in ["iss", "aud", "exp", "sub"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(missing);
        let token = gate.signer.sign(json!({}), &claims);
        check(&gate.app, &token, &format!("its claim {missing} is missing")).await;
    }
    let list = gate.signer.sign(json!({}), &json!(["sub"]));
    check(&gate.app, &list, "it is malformed").await;
}

#[tokio::test]
async fn a13_headers_that_demand_something_else() {
    let gate = Accepting::start(&everybody()).await;
    let critical = "its header has crit, and no extension is understood here";
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!(null)] {
        let token = gate.signer.sign(json!({ "crit": crit, "b64": false }), &claims());
        check(&gate.app, &token, critical).await;
    }
    let logout = gate.signer.sign(json!({ "typ": "logout+jwt" }), &claims());
    check(&gate.app, &logout, "its typ is neither JWT nor at+jwt").await;
    check(&gate.app, "eyJ..", "it is malformed").await;
    check(&gate.app, "eyJhbGciOiJFUzI1NiJ9=.e30.e30", "it is malformed").await;
}

#[tokio::test]
async fn a13_a_huge_token() {
    let gate = Accepting::start(&everybody()).await;
    let huge = gate.signer.token(json!({ "padding": "x".repeat(8_000) }));
    assert!(huge.len() > 8 << 10, "{}", huge.len());
    check(&gate.app, &huge, "it has more than 8192 bytes").await;
    assert_eq!(gate.place.requests().len(), 0, "no key was asked for");
    let large = gate.signer.token(json!({ "padding": "x".repeat(4_000) }));
    assert_eq!(bearer(&gate.app, &large).get("/api/user").await.status, 200);
    // Beyond what any header may have.
    let answer =
        bearer(&gate.app, &format!("{large}{}", "A".repeat(16_000))).get("/api/user").await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a13_a_token_elsewhere_than_in_a_bearer_is_none() {
    let gate = Accepting::start(&everybody()).await;
    let token = gate.signer.token(json!({}));
    let key = Client::basic(gate.app.address(), "api_key", &token).get("/api/user").await;
    assert_eq!((key.status.as_u16(), &*key.message()), (401, "Invalid API key"));
    let query = gate.app.anonymous().get(&format!("/api/user?auth_token={token}")).await;
    assert_eq!((query.status.as_u16(), &*query.message()), (401, "Unauthorized"));
    for name in ["x-jwt-assertion", "x-id-token", "proxy-authorization", "x-access-token"] {
        let anonymous = gate.app.anonymous();
        let request = anonymous.request(http::Method::GET, "/api/user").header(name, &token);
        assert_eq!(anonymous.send(request).await.status, 401, "{name}");
    }
}

#[tokio::test]
async fn without_an_issuer_every_token_is_refused() {
    let app = TestApp::start().await;
    let token = Signer::elliptic("k").token(json!({}));
    let before = app.calls().total();
    for path in GUARDED {
        let answer = bearer(&app, &token).get(path).await;
        let expected =
            "Invalid API key: JWTs are not accepted here; use a service account token (glsa_…)";
        assert_eq!((answer.status.as_u16(), &*answer.message()), (401, expected), "{path}");
        assert_eq!(answer.json()["messageId"], "api-key.invalid");
    }
    assert_eq!(app.calls().total(), before);
}
