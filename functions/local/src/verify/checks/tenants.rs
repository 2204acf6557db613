//! Who sees nothing: whoever has no credential, and whoever has one of another organisation.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::api::Caller;
use super::super::hex;
use super::super::sources::Source;
use super::api::Answer;
use super::{Miss, Verify, hold};

/// Credentials that nobody may have: none, a well-formed token, and the password that other gateways start with.
const BAD: &[Option<&str>] = &[
    None,
    Some("Bearer glsa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_00000000"),
    Some("Basic YWRtaW46YWRtaW4="),
];

/// Every kind of request is a 401 that asks no browser for a password.
pub(super) async fn anonymous(verify: &mut Verify) -> Result<(), Miss> {
    let settings = verify.sources.settings("anonymous", "https://sourcegate-verify.invalid");
    let source = verify.sources.make(&settings).await?;
    let one = format!("/api/datasources/uid/{}", source.uid);
    let asked = [
        (Method::GET, "/api/datasources".to_owned()),
        (Method::GET, one.clone()),
        (Method::PUT, one.clone()),
        (Method::DELETE, one.clone()),
        (Method::GET, format!("/api/datasources/proxy/uid/{}/x", source.uid)),
        (Method::GET, "/api/org/users".to_owned()),
    ];
    for credential in BAD {
        let caller = Caller::new(&verify.nobody.api, *credential)?;
        for (method, path) in &asked {
            let body = (*method == Method::PUT).then_some(&settings);
            let answer = caller.send(method.clone(), path, &[], body).await?;
            let told = || format!("{method} {path}: {}", answer.brief());
            hold(answer.status == StatusCode::UNAUTHORIZED, told)?;
            let names = ["www-authenticate", "x-amzn-remapped-www-authenticate"];
            let mut asks = names.iter().filter_map(|name| answer.headers.get(*name));
            let asks =
                asks.any(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"basic"));
            hold(!asks, || format!("{method} {path} makes browsers ask for a password"))?;
        }
    }
    let still = verify.admin.get(&one).await?;
    hold(still.status == StatusCode::OK, || format!("it is gone: {}", still.brief()))?;
    Ok(verify.sources.remove(&source.uid).await?)
}

/// The same bytes for a data source of the first organisation and for one that was never made.
pub(super) async fn apart(verify: &mut Verify) -> Result<(), Miss> {
    let other = other_org(verify).await?;
    let settings = verify.sources.settings("tenants", "https://sourcegate-verify.invalid");
    let source = verify.sources.make(&settings).await?;
    let nonce = hex::<4>()?;
    let absent = Source {
        uid: format!("verify-{nonce}-tenants"),
        name: format!("sourcegate verify {nonce} tenants"),
        id: source.id + 1_000_000_000,
    };
    for (there, nowhere) in requests(&source).into_iter().zip(requests(&absent)) {
        let body = json!({ "name": "x", "type": "prometheus", "access": "proxy", "url": "" });
        let body = (there.0 == Method::PUT).then_some(&body);
        let one = other.send(there.0.clone(), &there.1, &[], body).await?;
        let none = other.send(nowhere.0, &nowhere.1, &[], body).await?;
        let same = one.status == none.status && told(&one, &source) == told(&none, &absent);
        hold(same && !one.status.is_success(), || {
            let (method, path) = &there;
            format!("{method} {path}: {}, and if absent: {}", one.brief(), none.brief())
        })?;
    }
    let list = other.get("/api/datasources").await?;
    hold(!list.shows(&source.uid), || "the other organisation's list shows it".to_owned())?;
    let still = verify.admin.get(&format!("/api/datasources/uid/{}", source.uid)).await?;
    hold(still.status == StatusCode::OK, || format!("it is gone: {}", still.brief()))?;
    Ok(verify.sources.remove(&source.uid).await?)
}

async fn other_org(verify: &Verify) -> Result<Caller, Miss> {
    let other = verify.other.clone();
    let advice = "give --other-token, a token of another organisation";
    let other = other.ok_or_else(|| Miss::NotRun(advice.to_owned()))?;
    let answer = other.get("/api/org").await?;
    match answer.json()["id"].as_u64() {
        Some(org) if org == verify.org => {
            Err(Miss::NotRun(format!("--other-token is of organisation {org} too; {advice}")))
        }
        Some(_) => Ok(other),
        None => Err(Miss::NotRun(format!("--other-token is of no use: {}", answer.brief()))),
    }
}

fn requests(source: &Source) -> Vec<(Method, String)> {
    let Source { uid, name, id } = source;
    let name = name.replace(' ', "%20");
    vec![
        (Method::GET, format!("/api/datasources/uid/{uid}")),
        (Method::GET, format!("/api/datasources/{id}")),
        (Method::GET, format!("/api/datasources/name/{name}")),
        (Method::GET, format!("/api/datasources/id/{name}")),
        (Method::GET, format!("/api/datasources/proxy/uid/{uid}/x")),
        (Method::GET, format!("/api/datasources/proxy/{id}/x")),
        (Method::POST, format!("/api/datasources/proxy/uid/{uid}/x")),
        (Method::PUT, format!("/api/datasources/uid/{uid}")),
        (Method::DELETE, format!("/api/datasources/uid/{uid}")),
        (Method::GET, format!("/api/access-control/datasources/{uid}")),
        (Method::GET, format!("/api/datasources/uid/{uid}/correlations")),
    ]
}

/// What an answer says, but for the trace and for what the caller itself named.
fn told(answer: &Answer, source: &Source) -> String {
    let mut body = answer.json();
    if let Value::Object(fields) = &mut body {
        fields.remove("traceID");
    }
    body.to_string().replace(&source.uid, "UID").replace(&source.name, "NAME")
}
