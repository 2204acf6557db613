//! What the platform's log and traces get of an event.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::build::plain;
use harness::process::Process;
use harness::upstream::FakeUpstream;
use serde_json::{Value, json};

use super::functions::Functions;

#[tokio::test]
async fn an_event_is_one_line_that_carries_the_caller_s_trace() {
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
    let log = written(&functions.http_proxy.process).await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [line] = &lines[..] else { panic!("{log}") };
    assert_eq!(line["trace_id"], "5759e988bd862e3fe1be46a994272793");
    assert_eq!(line["cold_start"], 1);
    assert_eq!((&line["datasource.uid"], &line["upstream.path"]), (&source["uid"], &json!("x")));
    // Where nothing failed there is nothing to count that the platform does not count itself.
    let absent =
        ["_aws", "Function", "timestamp", "target", "message", "path", "route", "upstream.status"];
    assert!(absent.iter().all(|name| line.get(name).is_none()), "{line}");
    assert!(line["upstream.ms"].is_f64() && line["duration_ms"].is_f64(), "{line}");
    // It is paid for by the byte; the cold start is said but once, and paths are longer as a rule.
    let bytes = log.len() - "x".len() + "api/v1/query_range".len() - ",\"cold_start\":1".len();
    assert!(bytes <= 275, "{bytes}: {log}");
}

#[tokio::test]
async fn the_line_of_a_failure_is_its_metrics_too() {
    let functions = Functions::start().await;
    let source = functions.create(&plain("down", "http://127.0.0.1:1")).await;
    let path = format!("/api/datasources/proxy/uid/{}/x", source["uid"].as_str().unwrap());
    let answer = functions.http_proxy.api.invoke(functions.call("GET", &path).rest()).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    let line: Value = serde_json::from_str(&written(&functions.http_proxy.process).await).unwrap();
    assert_eq!((&line["Function"], &line["Deployment"]), (&json!("http-proxy"), &json!("local")));
    let metrics = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
    let names: Vec<_> = metrics.as_array().unwrap().iter().map(|one| &one["Name"]).collect();
    assert_eq!(names, ["UpstreamFaults"]);
    assert_eq!(line["UpstreamFaults"], 1);
}

/// What a function has logged, once that is a whole line: it is written when the last byte of the answer has gone.
async fn written(function: &Process) -> String {
    for _ in 0..500 {
        let log = function.log();
        if log.ends_with('\n') {
            return log;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no line: {}", function.log())
}

/// What Logs Insights gives and does by itself, as far as the README asks for it.
const INSIGHTS: &[&str] = &[
    "@timestamp",
    "and",
    "as",
    "bin",
    "by",
    "count",
    "desc",
    "display",
    "filter",
    "ispresent",
    "latest",
    "max",
    "pct",
    "sort",
    "stats",
    "sum",
];

#[test]
fn the_readme_s_queries_ask_for_fields_that_the_line_has() {
    let read = |path: &str| std::fs::read_to_string(harness::process::root().join(path)).unwrap();
    let readme = read("README.md");
    let [line, metrics] =
        ["layers/line.rs", "telemetry/emf.rs"].map(|path| read(&format!("shared/web/src/{path}")));
    let section = readme.split("## Operating it").nth(1).unwrap();
    let queries = section.split("```").nth(1).unwrap().strip_prefix("text").unwrap();
    let queries =
        queries.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join(" ");
    // What stands between quotes is a value.
    let asked = queries.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@');
    let words: Vec<_> = asked.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
    let named: BTreeSet<_> =
        words.windows(2).filter(|pair| pair[0] == "as").map(|pair| pair[1]).collect();
    let fields: BTreeSet<_> = words
        .iter()
        .filter(|word| !INSIGHTS.contains(word) && !named.contains(**word))
        .filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()) && **word != "level")
        .collect();
    assert!(fields.len() > 12, "{fields:?}");
    for field in fields {
        let is_there =
            line.contains(&format!(" {field} = ")) || metrics.contains(&format!("\"{field}\\\":"));
        assert!(is_there, "{field}");
    }
}
