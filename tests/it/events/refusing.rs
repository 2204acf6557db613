//! What the functions refuse, and what they say when they cannot serve.

use std::time::Duration;

use harness::build::plain;
use harness::process::Process;
use harness::runtime_api::{Call, RuntimeApi, function};
use harness::upstream::{Answer, FakeUpstream, RawUpstream, Script};

use super::functions::{Function, Functions, offering, registry_settings, settings};

#[tokio::test]
async fn s05_the_runtime_api_and_the_tables_are_no_data_sources() {
    let functions = Functions::start().await;
    let variables = settings(functions.app.data());
    let (_, tables) =
        variables.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL_DYNAMODB").unwrap();
    let registry = format!("http://{}", functions.datasources.api.endpoint());
    for url in [&registry, tables] {
        let call = functions.call("POST", "/api/datasources").json(&plain("inside", url));
        let answer = functions.datasources.api.invoke(call.rest()).await;
        assert_eq!(
            (answer.status, &answer.json()["cause"]),
            (400, &"denied_egress".into()),
            "{url}"
        );
    }
    // The proxy's own Runtime API is unknown to the registry, which therefore takes it; it is not dialled.
    let own = plain("own", &format!("http://{}", functions.http_proxy.api.endpoint()));
    let own = functions.create(&own).await;
    let uid = own["uid"].as_str().unwrap();
    let answer =
        functions.proxied("GET", &format!("{uid}/2018-06-01/runtime/invocation/next")).await;
    assert_eq!((answer.status, &answer.json()["cause"]), (502, &"denied_egress".into()));
    // Once for this event, and once more for the next: only the function's own loop asks.
    assert!(functions.http_proxy.api.polls() <= 2);
}

#[tokio::test]
async fn without_a_setting_only_public_addresses_are_dialled() {
    let app = offering().await;
    let upstream = FakeUpstream::start().await;
    let source = app.as_admin().create(&plain("inside", &upstream.url())).await;
    let mut variables = settings(app.data());
    let key = app.data().join("key").to_string_lossy().into_owned();
    variables.push(("SOURCEGATE_KEY_FILE".to_owned(), key));
    let proxy = Function::start("http-proxy", variables).await;
    let path = format!("/api/datasources/proxy/uid/{}/x", source["uid"].as_str().unwrap());
    let call = Call::new("GET", &path).header("Authorization", app.as_admin().authorization());
    let answer = proxy.api.invoke(call.rest()).await;
    assert_eq!((answer.status, &answer.json()["cause"]), (502, &"denied_egress".into()));
    assert!(upstream.requests().is_empty());
    assert_eq!(upstream.seen().accepted, 0);
}

#[tokio::test]
async fn l08_the_registry_seals_without_a_key_and_the_proxy_does_not_start_without_one() {
    let app = offering().await;
    let variables = registry_settings(app.data());
    assert!(!variables.iter().any(|(name, _)| name.contains("KEY_FILE") || name.contains("KMS")));
    let api = RuntimeApi::start().await;
    let mut command = function("http-proxy", &api.endpoint());
    command.envs(variables);
    let mut process = Process::spawn("http-proxy", &command, None);
    assert_eq!(process.wait(Duration::from_secs(30)).await.code(), Some(1));
    insta::assert_snapshot!(process.log(), @"Error: the function cannot start: neither SOURCEGATE_KMS_KEY nor SOURCEGATE_KEY_FILE is set");
    assert_eq!(api.polls(), 0);
    let reported = api.failed_starts();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert_eq!(reported[0].headers["lambda-runtime-function-error-type"], "Sourcegate.Start");
    let report: serde_json::Value = serde_json::from_slice(&reported[0].body).unwrap();
    insta::assert_snapshot!(report["errorMessage"].as_str().unwrap(), @"the function cannot start: neither SOURCEGATE_KMS_KEY nor SOURCEGATE_KEY_FILE is set");
}

#[tokio::test]
async fn a_function_outside_lambda_says_what_is_missing() {
    let mut command = std::process::Command::new(harness::process::built("datasources"));
    command.env("AWS_REGION", "us-east-1");
    let mut process = Process::spawn("datasources", &command, None);
    assert_eq!(process.wait(Duration::from_secs(30)).await.code(), Some(1));
    insta::assert_snapshot!(process.log(), @"Error: AWS_LAMBDA_RUNTIME_API is not set, and only Lambda and its emulators set it");
}

#[tokio::test]
async fn what_no_route_names_is_404_in_json() {
    let functions = Functions::start().await;
    for (function, path) in [
        (&functions.datasources, "/"),
        (&functions.datasources, "/api/datasources/proxy/uid/x/y"),
        (&functions.http_proxy, "/api/datasources"),
    ] {
        let answer = function.api.invoke(functions.call("GET", path).rest()).await;
        assert_eq!(
            (answer.status, &answer.json()["message"]),
            (404, &"Not found".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_answered_or_sent() {
    let functions = Functions::start().await;
    let upstream = FakeUpstream::start().await;
    let source = functions.create(&plain("up", &upstream.url())).await;
    let path = format!("/api/datasources/proxy/uid/{}/x", source["uid"].as_str().unwrap());
    for call in
        [Call::new("GET", &path), Call::new("GET", &path).header("Authorization", "Bearer x")]
    {
        let answer = functions.http_proxy.api.invoke(call.rest()).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn an_upstream_that_says_nothing_whole_is_502_with_a_cause() {
    let functions = Functions::start().await;
    let upstream = RawUpstream::start([Script::answer("")]).await;
    let source = functions.create(&plain("raw", &upstream.url())).await;
    let answer = functions.proxied("GET", &format!("{}/x", source["uid"].as_str().unwrap())).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.whole && answer.json()["cause"].is_string(), "{}", answer.text());
    let fine = FakeUpstream::start().await;
    fine.answer(Answer::ok("fine"));
    let source = functions.create(&plain("fine", &fine.url())).await;
    let answer = functions.proxied("GET", &format!("{}/x", source["uid"].as_str().unwrap())).await;
    assert_eq!(answer.text(), "fine", "the function goes on");
}
