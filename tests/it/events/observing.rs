//! What the platform's log and traces get of an event.

use std::time::Duration;

use harness::build::plain;
use harness::upstream::FakeUpstream;
use serde_json::{Value, json};

use super::functions::Functions;

#[tokio::test]
async fn an_event_is_one_line_that_is_its_metrics_too() {
    let functions = Functions::start().await;
    let upstream = FakeUpstream::start().await;
    let source = functions.create(&plain("up", &upstream.url())).await;
    let path = format!("/api/datasources/proxy/uid/{}/x", source["uid"].as_str().unwrap());
    let root = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";
    let call = functions.call("GET", &path).header("X-Amzn-Trace-Id", root);
    let answer = functions.http_proxy.api.invoke(call.rest()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let arrived = upstream.only_request();
    let w3c = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00";
    assert_eq!(arrived.all("traceparent"), [w3c]);
    assert_eq!(arrived.all("x-amzn-trace-id"), [root]);
    // It is written when the last byte of the answer has gone.
    let mut log = functions.http_proxy.process.log();
    for _ in 0..500 {
        if log.ends_with('\n') {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        log = functions.http_proxy.process.log();
    }
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [line] = &lines[..] else { panic!("{log}") };
    assert_eq!(line["trace_id"], "5759e988bd862e3fe1be46a994272793");
    assert_eq!((&line["Function"], &line["Deployment"]), (&json!("http-proxy"), &json!("local")));
    assert_eq!(line["cold_start"], 1);
    let metrics = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
    let names = |metric: &Value| metric["Name"].as_str().unwrap().to_owned();
    let names: Vec<_> = metrics.as_array().unwrap().iter().map(names).collect();
    assert_eq!(names, ["duration_ms", "upstream.duration_ms"]);
    assert!(names.iter().all(|name| line[name].is_f64()), "{line}");
}

#[test]
fn the_readme_s_queries_ask_for_fields_that_the_line_has() {
    let read = |path: &str| std::fs::read_to_string(harness::process::root().join(path)).unwrap();
    let (readme, line) = (read("README.md"), read("shared/web/src/layers/line.rs"));
    let section = readme.split("## Operating it").nth(1).unwrap();
    let queries = section.split("```").nth(1).unwrap();
    let words = queries.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'));
    let fields: std::collections::BTreeSet<_> =
        words.filter(|word| word.contains('.') && word.len() > 1).collect();
    assert!(fields.len() > 8, "{fields:?}");
    for field in fields {
        let is_there = [format!(" {field} = "), format!("\"{field}\" = ")];
        assert!(is_there.iter().any(|form| line.contains(form)), "{field}");
    }
}
