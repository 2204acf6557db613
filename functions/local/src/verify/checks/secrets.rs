//! Secrets: they do not come back, and do not go elsewhere.

use http::{Method, StatusCode};
use serde_json::json;

use super::super::sources::Source;
use super::{Miss, Verify, hold};

/// Every way to read a data source, and the answer to a change, show that secrets are set and nothing else.
pub(super) async fn stay_in(verify: &mut Verify) -> Result<(), Miss> {
    let settings = verify.with_secrets("secrets", "https://sourcegate-verify.invalid");
    let source = verify.sources.make(&settings).await?;
    let Source { uid, name, id } = &source;
    let mut unchanged = settings.clone();
    unchanged["secureJsonData"] = json!({});
    let path = format!("/api/datasources/uid/{uid}");
    let put = verify.admin.send(Method::PUT, &path, &[], Some(&unchanged)).await?;
    let name = name.replace(' ', "%20");
    let mut answers = vec![(format!("PUT {path}"), put)];
    for path in [
        path,
        format!("/api/datasources/{id}"),
        format!("/api/datasources/name/{name}"),
        "/api/datasources".to_owned(),
    ] {
        let answer = verify.admin.get(&path).await?;
        answers.push((format!("GET {path}"), answer));
    }
    for (asked, answer) in answers {
        hold(answer.status == StatusCode::OK, || format!("{asked}: {}", answer.brief()))?;
        let shown = verify.canaries.iter().any(|canary| answer.shows(canary));
        let shown = shown || answer.shows("\"secureJsonData\"");
        hold(!shown, || format!("{asked} shows a secret"))?;
    }
    Ok(verify.sources.remove(uid).await?)
}

/// Whoever changes the host has to know the secrets.
pub(super) async fn stay_with_their_host(verify: &mut Verify) -> Result<(), Miss> {
    let settings = verify.with_secrets("moved", "https://one.sourcegate-verify.invalid");
    let source = verify.sources.make(&settings).await?;
    let path = format!("/api/datasources/uid/{}", source.uid);
    let mut moved = settings.clone();
    moved["url"] = json!("https://two.sourcegate-verify.invalid");
    moved["secureJsonData"] = json!({});
    let answer = verify.admin.send(Method::PUT, &path, &[], Some(&moved)).await?;
    let refused = answer.status == StatusCode::BAD_REQUEST;
    hold(refused, || format!("another host without its secrets: {}", answer.brief()))?;
    let url = verify.admin.get(&path).await?.json()["url"].clone();
    hold(url == settings["url"], || format!("the refused change left the url {url}"))?;
    Ok(verify.sources.remove(&source.uid).await?)
}
