//! The page: where it takes its parts from, and that nothing else may run in it.

use std::io::Write;
use std::process::{Command, Stdio};

use harness::TestApp;

/// What the page loads, as it is written there.
fn links(page: &str) -> Vec<&str> {
    let starts = page.match_indices("href=\"").chain(page.match_indices("src=\""));
    starts.map(|(at, name)| page[at + name.len()..].split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn the_page_and_its_parts_name_each_other_relatively() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    let page = caller.get("/docs").await;
    assert_eq!(
        (page.status.as_u16(), page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    let text = page.text();
    let links = links(&text);
    assert!(links.len() > 3, "{links:?}");
    for link in links.into_iter().filter(|link| *link != "data:,") {
        assert!(!link.starts_with('/') && !link.contains(':'), "{link} loses a stage's prefix");
        let answer = caller.get(&format!("/{link}")).await;
        assert_eq!(answer.status.as_u16(), 200, "{link}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{link}");
    }
    let start = caller.get("/docs/start.js").await.text();
    assert!(start.contains("new URL(\"api/openapi.json\", base)"), "{start}");
    for text in [text.as_str(), &start] {
        assert!(!text.contains("://"), "it names another origin: {text}");
    }
    // Below a slash the relative names would lead elsewhere.
    let moved = caller.get("/docs/").await;
    assert_eq!((moved.status.as_u16(), moved.header("location")), (308, "../docs"));
}

#[tokio::test]
async fn nothing_but_the_pages_own_files_runs_in_it() {
    let app = TestApp::start().await;
    let page = app.anonymous().get("/docs").await;
    insta::assert_snapshot!(page.header("content-security-policy").replace("; ", "\n"), @r"
    default-src 'none'
    script-src 'self'
    style-src 'self'
    img-src 'self' data:
    connect-src 'self'
    base-uri 'none'
    form-action 'none'
    frame-ancestors 'none'
    ");
    // Which forbids what stands in the page itself.
    let text = page.text();
    assert_eq!(text.matches("<script").count(), text.matches("<script defer src=").count());
    assert!(!text.contains("<style") && !text.contains("style=") && !text.contains("onload="));
}

/// Browsers get Swagger UI as its archive had it: gzip checks length and checksum.
#[tokio::test]
async fn compressed_files_are_whole() {
    let app = TestApp::start().await;
    for (name, kind, begins) in [
        ("swagger-ui-bundle.js", "text/javascript", "/*!"),
        ("swagger-ui.css", "text/css", ".swagger-ui"),
    ] {
        let answer = app.anonymous().get(&format!("/docs/{name}")).await;
        let said = (answer.header("content-encoding"), answer.header("content-type"));
        assert_eq!(said, ("gzip", kind), "{name}");
        let mut command = Command::new("gzip");
        command.arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut gzip = command.spawn().expect("gzip");
        let mut input = gzip.stdin.take().unwrap();
        let bytes = answer.body.clone();
        let feeding = std::thread::spawn(move || input.write_all(&bytes));
        let output = gzip.wait_with_output().unwrap();
        feeding.join().unwrap().unwrap();
        assert!(output.status.success(), "{name}");
        assert!(String::from_utf8(output.stdout).unwrap().starts_with(begins), "{name}");
    }
    let absent = app.anonymous().get("/docs/index.html").await;
    assert_eq!((absent.status.as_u16(), absent.message()), (404, "Not found".to_owned()));
}

#[tokio::test]
async fn what_the_page_tries_passes_the_page_guard_and_other_pages_do_not() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let own = format!("http://{}", app.address());
    for (origin, site, expected) in
        [(own.as_str(), "same-origin", 400), ("http://elsewhere.test", "cross-site", 403)]
    {
        let request = admin.request(http::Method::POST, "/api/datasources");
        let request = request.header("origin", origin).header("sec-fetch-site", site);
        assert_eq!(admin.send(request).await.status.as_u16(), expected, "{origin}");
    }
}
