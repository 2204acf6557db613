//! `/metrics`, read as Prometheus and its own tool read it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::TestApp;
use harness::build::plain;
use harness::process::installed;
use harness::upstream::FakeUpstream;

/// Waits until it says a line: requests are counted when their last byte has gone.
async fn until(app: &TestApp, line: &str) -> String {
    for _ in 0..500 {
        let text = app.anonymous().get("/metrics").await.text();
        if text.lines().any(|found| found == line) {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{line} is not in\n{}", app.anonymous().get("/metrics").await.text())
}

#[tokio::test]
async fn what_was_answered_is_counted_by_route_and_cause() {
    let app = TestApp::start().await;
    let upstream = FakeUpstream::start().await;
    let admin = app.as_admin();
    let up = admin.create_proxied(&plain("up", &upstream.url())).await;
    let down = admin.create_proxied(&plain("down", "http://127.0.0.1:1")).await;
    assert_eq!(admin.get(&format!("{up}/x?query=secret")).await.status, 200);
    assert_eq!(admin.get(&format!("{down}/x")).await.status, 502);
    assert_eq!(app.anonymous().get("/nowhere").await.status, 404);
    let requests = |labels: &str| format!("sourcegate_requests_total{{{labels}}} 1");
    let proxy = "method=\"GET\",route=\"/api/datasources/proxy/{*rest}\"";
    until(&app, &requests(&format!("{proxy},status=\"200\""))).await;
    until(&app, &requests(&format!("{proxy},status=\"502\""))).await;
    until(&app, &requests("method=\"GET\",route=\"none\",status=\"404\"")).await;
    let failed = "sourcegate_failures_total{cause=\"connect\",fault=\"upstream\"} 1";
    let text = until(&app, failed).await;
    for line in
        ["sourcegate_upstream_duration_seconds_count 1", "sourcegate_egress_connects_total 2"]
    {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    for told in ["secret", up.rsplit('/').next().unwrap(), "127.0.0.1"] {
        assert!(!text.contains(told), "{told} is in\n{text}");
    }
}

#[tokio::test]
async fn promtool_finds_nothing_to_complain_of() {
    let app = TestApp::start().await;
    let source = app.as_admin().create_proxied(&plain("down", "http://127.0.0.1:1")).await;
    assert_eq!(app.as_admin().get(&source).await.status, 502);
    let failed = "sourcegate_failures_total{cause=\"connect\",fault=\"upstream\"} 1";
    let text = until(&app, failed).await;
    let answer = app.anonymous().get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
    let mut command = Command::new(installed("promtool"));
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = command.stdout(Stdio::piped()).spawn().unwrap();
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}
