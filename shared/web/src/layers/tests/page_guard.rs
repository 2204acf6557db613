use super::*;

struct Page {
    target: &'static str,
    hosts: &'static [&'static str],
    headers: &'static [(&'static str, &'static str)],
}

#[track_caller]
fn check(page: &Page, expected: Option<Kind>) {
    let served = ["localhost", "127.0.0.1", "::1", "Gate.test"].map(str::to_owned);
    let mut request = Request::builder().uri(page.target);
    for host in page.hosts {
        request = request.header("host", *host);
    }
    for (name, value) in page.headers {
        request = request.header(*name, *value);
    }
    let found = LocalGuard::new(served).check(&request.body(()).unwrap()).map_err(|e| e.kind());
    assert_eq!(found.err(), expected, "{} {:?} {:?}", page.target, page.hosts, page.headers);
}

fn host(hosts: &'static [&'static str], expected: Option<Kind>) {
    check(&Page { target: "/", hosts, headers: &[] }, expected);
}

fn from(headers: &'static [(&'static str, &'static str)], expected: Option<Kind>) {
    check(&Page { target: "/", hosts: &["localhost:3000"], headers }, expected);
}

#[test]
fn unknown_hosts_are_421() {
    host(&["localhost:3000"], None);
    host(&["LOCALHOST"], None);
    host(&["127.0.0.1:1"], None);
    host(&["[::1]:3000"], None);
    host(&["[::1]"], None);
    host(&["gate.test"], None);
    host(&["rebound.example:3000"], Some(Kind::Misdirected));
    host(&["localhost.rebound.example"], Some(Kind::Misdirected));
    host(&["localhost."], Some(Kind::Misdirected));
    host(&["localhost:3000:80"], Some(Kind::Misdirected));
    host(&["user@localhost"], Some(Kind::Misdirected));
    host(&["localhost:"], Some(Kind::Misdirected));
    host(&[""], Some(Kind::Misdirected));
}

#[test]
fn h23_exactly_one_host_is_needed() {
    host(&[], Some(Kind::Invalid));
    host(&["localhost", "localhost"], Some(Kind::Invalid));
}

#[test]
fn p11_the_host_of_an_absolute_target_counts_too() {
    let absolute = |target, expected| {
        check(&Page { target, hosts: &["localhost:3000"], headers: &[] }, expected);
    };
    absolute("http://localhost:3000/x", None);
    absolute("http://other.example/x", Some(Kind::Misdirected));
}

#[test]
fn other_origins_are_403() {
    from(&[("origin", "http://localhost:3000")], None);
    from(&[("origin", "http://127.0.0.1:3000")], None);
    from(&[("origin", "http://localhost:8080")], Some(Kind::Forbidden));
    from(&[("origin", "http://localhost")], Some(Kind::Forbidden));
    from(&[("origin", "https://localhost:3000")], Some(Kind::Forbidden));
    from(&[("origin", "http://evil.example")], Some(Kind::Forbidden));
    from(&[("origin", "null")], Some(Kind::Forbidden));
    from(
        &[("origin", "http://localhost:3000"), ("origin", "http://evil.example")],
        Some(Kind::Forbidden),
    );
    from(&[("sec-fetch-site", "cross-site")], Some(Kind::Forbidden));
    from(&[("sec-fetch-site", "same-origin")], None);
    from(&[("sec-fetch-site", "none")], None);
}

#[test]
fn http_1_0_needs_no_host() {
    let guard = LocalGuard::new(["localhost".to_owned()]);
    let request = Request::builder().version(Version::HTTP_10).body(()).unwrap();
    assert!(guard.check(&request).is_ok());
}

#[tokio::test]
async fn the_guard_stands_before_every_route() {
    let guard = Some(LocalGuard::new(["localhost".to_owned()]));
    let request = Request::get("/logged").header("host", "evil.example");
    let router = stack(router(), Options { guard, ..Options::default() });
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["message"], "host `evil.example` is not served here");
    assert_eq!(body["cause"], "host_not_served");
}
