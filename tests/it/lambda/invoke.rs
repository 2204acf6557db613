//! `make invoke-…`: the files of `events/` by hand, through cargo-lambda.

use std::process::Output;

use harness::process::root;
use harness::upstream::FakeUpstream;
use tokio::process::Command;

use super::Watched;

/// Runs a target of the Makefile with these settings.
async fn make(arguments: &[&str]) -> Output {
    let mut command = Command::new("make");
    command.arg("--silent").args(arguments).current_dir(root());
    command.output().await.expect("make runs")
}

/// Sends an event by the target of a function.
async fn invoke(watched: &Watched, function: &str, event: &str) -> String {
    let target = format!("invoke-{function}");
    let port = format!("port={}", watched.emulator.address().port());
    let data = format!("data={}", watched.app.data().display());
    let made = make(&[&target, &port, &data, &format!("EVENT={event}")]).await;
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
    String::from_utf8_lossy(&made.stdout).into_owned()
}

#[tokio::test]
async fn a_recorded_event_is_sent_to_each_function() {
    let watched = Watched::start(1).await;
    // Without one, the target sends the one that is named first.
    for (function, event, body) in [
        ("access", "", r#""name":"Main Org.""#),
        ("access", "grafana/org-create", r#""message":"Organization created""#),
        ("datasources", "grafana/create", r#""message":"Datasource added""#),
        ("datasources", "", r#""uid":"prom""#),
        ("datasources", "grafana/url-list", r#""uid":"prom""#),
        ("perses-api", "", "[]"),
    ] {
        let answer = invoke(&watched, function, event).await;
        assert!(answer.contains(body), "{event}: {answer}");
    }
    let upstream = FakeUpstream::start().await;
    watched.client.delete("/api/datasources/uid/prom").await;
    watched.source("prom", &upstream).await;
    assert!(invoke(&watched, "http-proxy", "").await.contains("ok"));
    assert!(upstream.only_request().target.starts_with("/api/v1/query?"));
}

#[tokio::test]
async fn what_cannot_be_sent_is_named() {
    let nowhere = "data=/nowhere";
    for (arguments, said) in [
        (&["invoke-nothing"][..], "no function is called nothing; they are: access datasources"),
        (&["invoke-access", "EVENT=grafana/none"], "there is no events/grafana/none.json"),
        (&["invoke-access", nowhere], "first: make lambda"),
    ] {
        let made = make(arguments).await;
        let text = String::from_utf8_lossy(&made.stderr);
        assert!(!made.status.success() && text.contains(said), "{text}");
    }
}
