//! `admin rotate` and `admin reseal`, beside a server that goes on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use harness::build::{plain, with};
use harness::process::built;
use harness::upstream::FakeUpstream;
use harness::{Client, TestApp};
use serde_json::{Value, json};

use super::binary::{PATIENCE, run, text};

async fn admin(app: &TestApp, arguments: &[&str]) -> (Option<i32>, Value) {
    let data = app.data().to_str().unwrap();
    let arguments = [&["admin", "--json", "--data", data][..], arguments].concat();
    let done = run(app.data(), &arguments, &[]).await;
    let said = serde_json::from_slice(&done.stdout);
    (done.status.code(), said.unwrap_or_else(|_| panic!("{}", text(&done.stderr))))
}

/// The numbers of the keys that the values of the first organisation are sealed to, one for each value.
async fn sealed_to(app: &TestApp) -> Vec<u32> {
    let query = app.dynamodb().query().table_name("sourcegate-registry");
    let query = query.key_condition_expression("pk = :pk").consistent_read(true);
    let pk = AttributeValue::S("SEC#1".to_owned());
    let found = query.expression_attribute_values(":pk", pk).send().await.unwrap();
    let values = found.items().iter().flat_map(|item| item["values"].as_m().unwrap().values());
    let number = |blob: &[u8]| u32::from_be_bytes(blob[1..5].try_into().unwrap());
    values.map(|value| number(value.as_b().unwrap().as_ref())).collect()
}

async fn keys(app: &TestApp) -> Vec<String> {
    let query = app.dynamodb().query().table_name("sourcegate-access");
    let query = query.key_condition_expression("pk = :pk").consistent_read(true);
    let pk = AttributeValue::S("KEY#1".to_owned());
    let found = query.expression_attribute_values(":pk", pk).send().await.unwrap();
    found.items().iter().map(|item| item["sk"].as_s().unwrap().clone()).collect()
}

async fn secretive(admin: &Client, upstream: &FakeUpstream, count: usize) -> Vec<String> {
    let mut proxies = Vec::new();
    for n in 0..count {
        let secrets = json!({
            "uid": format!("s{n}"), "basicAuth": true, "basicAuthUser": "u",
            "jsonData": { "httpHeaderName1": "X-Key" },
            "secureJsonData": { "basicAuthPassword": format!("p{n}"), "httpHeaderValue1": format!("k{n}") },
        });
        proxies.push(
            admin.create_proxied(&with(plain(&format!("s{n}"), &upstream.url()), secrets)).await,
        );
    }
    proxies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k19_a_rotation_fails_no_request_and_goes_on_after_kill_9() {
    const SOURCES: usize = 60;
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let client = app.as_admin();
    let proxies = secretive(&client, &upstream, SOURCES).await;
    let traffic = {
        let (client, proxies) = (app.as_admin(), proxies.clone());
        tokio::spawn(async move {
            for n in 0.. {
                let answer = client.get(&proxies[n % SOURCES]).await;
                assert_eq!(answer.status, 200, "request {n}: {}", answer.text());
            }
        })
    };
    let rotated = admin(&app, &["rotate", "--org", "1"]).await;
    assert_eq!(rotated, (Some(0), json!({ "rotated": [{ "org": 1, "key": 2 }] })));
    // What is saved from now on is sealed to the new key; what was is not touched.
    let one = with(
        plain("s0", &upstream.url()),
        json!({ "basicAuth": true, "basicAuthUser": "u",
        "jsonData": { "httpHeaderName1": "X-Key" }, "secureJsonData": { "httpHeaderValue1": "new" } }),
    );
    assert_eq!(client.put("/api/datasources/uid/s0", &one).await.status, 200);
    let of = |numbers: &[u32], wanted: u32| numbers.iter().filter(|n| **n == wanted).count();
    let numbers = sealed_to(&app).await;
    assert_eq!((of(&numbers, 1), of(&numbers, 2)), (2 * SOURCES - 1, 1));

    // Killed when some are done and some are not.
    let mut command = tokio::process::Command::new(built("sourcegate"));
    command.args(["admin", "reseal", "--pause", "1s", "--data"]).arg(app.data());
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut killed = command.kill_on_drop(true).spawn().unwrap();
    let started = Instant::now();
    while of(&sealed_to(&app).await, 2) < 5 {
        assert!(started.elapsed() < PATIENCE, "nothing is sealed anew");
    }
    killed.kill().await.unwrap();
    let left = of(&sealed_to(&app).await, 1);
    assert!(left > 0, "it was done before it was killed");
    assert_eq!(admin(&app, &["fsck"]).await.0, Some(0));

    let (code, done) = admin(&app, &["reseal", "--pause", "1s"]).await;
    assert_eq!(code, Some(0), "{done}");
    let done = &done["resealed"][0];
    assert_eq!((&done["resealed"], &done["removedKeys"]), (&json!(left), &json!([1])), "{done}");
    let numbers = sealed_to(&app).await;
    assert_eq!((of(&numbers, 2), numbers.len()), (2 * SOURCES, 2 * SOURCES));
    assert_eq!(keys(&app).await, ["2", "current"]);
    // A second time there is nothing to do.
    let again = admin(&app, &["reseal", "--pause", "1s"]).await.1;
    assert_eq!(
        (&again["resealed"][0]["resealed"], &again["resealed"][0]["removedKeys"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(admin(&app, &["fsck"]).await.0, Some(0));
    assert!(!traffic.is_finished(), "a request failed");
    traffic.abort();
    // What was read before is believed for five seconds; then nobody has the old values any more.
    tokio::time::sleep(Duration::from_secs(6)).await;
    for (n, proxy) in proxies.iter().enumerate() {
        assert_eq!(client.get(proxy).await.status, 200, "{n}");
    }
    let last = upstream.requests().pop().unwrap();
    assert_eq!(last.header("x-key"), Some(&*format!("k{}", SOURCES - 1)));
}

#[tokio::test]
async fn k19_of_rotations_at_once_each_makes_a_key_of_its_own() {
    let app = TestApp::start().await;
    let rotations = (0..4).map(|_| admin(&app, &["rotate"]));
    let done = futures_util::future::join_all(rotations).await;
    let mut numbers: Vec<_> = done
        .iter()
        .map(|(code, said)| {
            assert_eq!(*code, Some(0), "{said}");
            said["rotated"][0]["key"].as_u64().unwrap()
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4, 5]);
    assert_eq!(admin(&app, &["fsck"]).await.0, Some(0));
}

#[tokio::test]
async fn what_does_not_open_is_told_stays_and_keeps_its_key() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    secretive(&app.as_admin(), &upstream, 2).await;
    // One value of the first is put in the place of the other's.
    let key = |uid: &str| {
        [("pk", "SEC#1".to_owned()), ("sk", format!("DS#{uid}"))]
            .map(|(name, text)| (name.to_owned(), AttributeValue::S(text)))
    };
    let get =
        app.dynamodb().get_item().table_name("sourcegate-registry").set_key(Some(key("s0").into()));
    let mut item = get.send().await.unwrap().item.unwrap();
    let Some(AttributeValue::M(values)) = item.get_mut("values") else { panic!("{item:?}") };
    let other = values["httpHeaderValue1"].clone();
    values.insert("basicAuthPassword".to_owned(), other);
    app.dynamodb()
        .put_item()
        .table_name("sourcegate-registry")
        .set_item(Some(item))
        .send()
        .await
        .unwrap();

    admin(&app, &["rotate"]).await;
    let (code, said) = admin(&app, &["reseal", "--pause", "1s"]).await;
    assert_eq!(code, Some(1), "{said}");
    let one = &said["resealed"][0];
    assert_eq!((&one["resealed"], &one["removedKeys"]), (&json!(3), &json!([])), "{said}");
    assert_eq!(one["left"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&one["left"][0]["uid"], &one["left"][0]["secret"]),
        (&json!("s0"), &json!("basicAuthPassword"))
    );
    assert_eq!(keys(&app).await, ["1", "2", "current"]);
    // Sent again, it opens, and its key goes.
    let again = with(
        plain("s0", &upstream.url()),
        json!({ "basicAuth": true, "basicAuthUser": "u",
        "jsonData": { "httpHeaderName1": "X-Key" }, "secureJsonData": { "basicAuthPassword": "new" } }),
    );
    assert_eq!(app.as_admin().put("/api/datasources/uid/s0", &again).await.status, 200);
    let (code, said) = admin(&app, &["reseal", "--pause", "1s"]).await;
    assert_eq!((code, &said["resealed"][0]["removedKeys"]), (Some(0), &json!([1])), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k19_what_is_saved_meanwhile_is_neither_lost_nor_left() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let proxies = secretive(&app.as_admin(), &upstream, 10).await;
    admin(&app, &["rotate"]).await;
    let saving = {
        let (client, url) = (app.as_admin(), upstream.url());
        tokio::spawn(async move {
            let started = Instant::now();
            let mut round = 0;
            while started.elapsed() < Duration::from_secs(3) {
                round += 1;
                for n in 0..10 {
                    let change = with(
                        plain(&format!("s{n}"), &url),
                        json!({ "basicAuth": true, "basicAuthUser": "u",
                        "jsonData": { "httpHeaderName1": "X-Key" }, "secureJsonData": { "httpHeaderValue1": format!("r{round}") } }),
                    );
                    assert_eq!(
                        client.put(&format!("/api/datasources/uid/s{n}"), &change).await.status,
                        200
                    );
                }
            }
            round
        })
    };
    let (code, said) = admin(&app, &["reseal", "--pause", "4s"]).await;
    assert_eq!((code, &said["resealed"][0]["removedKeys"]), (Some(0), &json!([1])), "{said}");
    let round = saving.await.unwrap();
    for proxy in &proxies {
        assert_eq!(app.as_admin().get(proxy).await.status, 200);
        let arrived = upstream.requests().pop().unwrap();
        assert_eq!(arrived.header("x-key"), Some(&*format!("r{round}")));
    }
}

#[tokio::test]
async fn k20_without_its_keys_an_organisation_s_secrets_are_gone_and_its_registry_works() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let client = app.as_admin();
    let proxies = secretive(&client, &upstream, 1).await;
    for sk in keys(&app).await {
        let delete = app.dynamodb().delete_item().table_name("sourcegate-access");
        let delete = delete.key("pk", AttributeValue::S("KEY#1".to_owned()));
        delete.key("sk", AttributeValue::S(sk)).send().await.unwrap();
    }
    let answer = client.get(&proxies[0]).await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (500, "kms"), "{}", answer.text());
    assert!(upstream.requests().is_empty(), "nothing is sent half-authenticated");
    // Whatever needs no key goes on.
    let path = "/api/datasources/uid/s0";
    let mut read = client.get(path).await.json();
    assert_eq!(read["secureJsonFields"]["basicAuthPassword"], true);
    read["name"] = json!("renamed");
    assert_eq!(client.put(path, &read).await.status, 200);
    let public = client.create_proxied(&plain("public", &upstream.url())).await;
    assert_eq!(client.get(&public).await.status, 200);
    let secret =
        with(plain("x", &upstream.url()), json!({ "secureJsonData": { "password": "p" } }));
    let refused = client.post("/api/datasources", &secret).await;
    assert_eq!((refused.status.as_u16(), &*refused.cause()), (500, "kms"), "{}", refused.text());
    assert_eq!(client.delete(path).await.status, 200);
}

#[tokio::test]
async fn k19_secrets_of_perses_documents_are_sealed_anew_too() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let client = app.as_admin();
    let secret = json!({
        "kind": "GlobalSecret", "metadata": { "name": "s" },
        "spec": { "authorization": { "credentials": "canary" } },
    });
    assert_eq!(client.post("/api/v1/globalsecrets", &secret).await.status, 200);
    let proxy = json!({ "url": upstream.url(), "secret": "s" });
    let plugin = json!({ "proxy": { "kind": "HTTPProxy", "spec": proxy } });
    let source = json!({
        "kind": "GlobalDatasource", "metadata": { "name": "x" },
        "spec": { "plugin": { "kind": "PrometheusDatasource", "spec": plugin } },
    });
    assert_eq!(client.post("/api/v1/globaldatasources", &source).await.status, 200);
    admin(&app, &["rotate", "--org", "1"]).await;
    assert_eq!(sealed_to(&app).await, [1]);
    let (code, done) = admin(&app, &["reseal", "--pause", "1s"]).await;
    let done = &done["resealed"][0];
    assert_eq!((code, &done["resealed"], &done["removedKeys"]), (Some(0), &json!(1), &json!([1])));
    assert_eq!(sealed_to(&app).await, [2]);
    assert_eq!(client.get("/proxy/globaldatasources/x/api").await.text(), "ok");
    assert_eq!(upstream.only_request().header("authorization"), Some("Bearer canary"));
    assert_eq!(admin(&app, &["fsck"]).await.0, Some(0));
}
