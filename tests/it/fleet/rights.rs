//! Least privilege: each function gets by with what the template gives it, and with that nobody who runs within it gets
//! further. Each has a door of its own to tables and keys, which enforces its policies.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kms::primitives::Blob;
use harness::fleet::{Door, Fleet, Member, Policy};
use harness::oauth::Oauth;
use harness::runtime_api::Call;
use harness::upstream::FakeUpstream;
use serde_json::{Value, json};

use super::{named, protected, through};
use crate::template::rights::statements;

/// The functions with their own rights.
struct Stack {
    fleet: Fleet,
    access: Member,
    registry: Member,
    proxy: Member,
    documents: Member,
}

type Item = HashMap<String, AttributeValue>;

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

impl Stack {
    async fn start() -> Self {
        let fleet = Fleet::start().await;
        let names = [
            ("Access", "sourcegate-access"),
            ("Registry", "sourcegate-registry"),
            ("Scratch", "sourcegate-scratch"),
            ("Key", fleet.key_id()),
        ];
        let names: BTreeMap<_, _> =
            names.into_iter().map(|(id, name)| (id.to_owned(), name.to_owned())).collect();
        let policy = |function: &str| Policy::new(statements(function), names.clone(), "local");
        let access = fleet.member_of("access", policy("AccessFunction")).await;
        let registry = fleet.member_of("datasources", policy("Datasources")).await;
        let proxy = fleet.member_of("http-proxy", policy("HttpProxy")).await;
        let documents = fleet.member_of("perses-api", policy("PersesApi")).await;
        Self { fleet, access, registry, proxy, documents }
    }

    async fn done(&self, member: &Member, call: Call) -> Value {
        let answer = member.invoke(&call).await;
        assert!([200, 201].contains(&answer.status), "{}: {}", answer.status, answer.text());
        answer.json()
    }

    async fn create(&self, source: &Value) {
        let call = self.fleet.call("POST", "/api/datasources").json(source);
        self.done(&self.registry, call).await;
    }

    async fn read(&self, door: &Door, table: &str, pk: &str, sk: &str) -> Item {
        let get = self.fleet.tables_by(door).get_item().table_name(format!("sourcegate-{table}"));
        let got = get.key("pk", text(pk)).key("sk", text(sk)).consistent_read(true).send().await;
        got.expect("it may read").item.expect("it is there")
    }

    /// Writes an item by a function's own credentials; tells what that is answered.
    async fn put(&self, door: &Door, table: &str, item: Item) -> Result<(), String> {
        let put = self.fleet.tables_by(door).put_item().table_name(format!("sourcegate-{table}"));
        let put = put.set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| format!("{:?}", error.into_service_error()))
    }

    async fn is_refused(&self, door: &Door, table: &str, item: Item) {
        let refused = self.put(door, table, item).await.expect_err("it is not allowed");
        assert!(refused.contains("AccessDenied"), "{refused}");
    }

    fn refused(&self) -> Vec<String> {
        let members = [&self.access, &self.registry, &self.proxy, &self.documents];
        members.iter().flat_map(|one| [one.tables.refused(), one.keys.refused()].concat()).collect()
    }
}

#[tokio::test]
async fn each_function_gets_by_with_its_own_rights() {
    let (stack, upstream) = (Stack::start().await, named("there").await);
    let (fleet, access, registry) = (&stack.fleet, &stack.access, &stack.registry);
    let made = fleet.server_call("POST", "/api/orgs").json(&json!({ "name": "other" }));
    let org = stack.done(access, made).await["orgId"].to_string();
    let user = json!({ "name": "bob", "login": "bob", "password": "bob's own" });
    stack.done(access, fleet.server_call("POST", "/api/admin/users").json(&user)).await;
    stack.done(access, fleet.call("GET", "/api/org/users")).await;
    let account = json!({ "name": "robot", "role": "Viewer" });
    let account =
        stack.done(access, fleet.call("POST", "/api/serviceaccounts").json(&account)).await;
    let tokens = format!("/api/serviceaccounts/{}/tokens", account["id"]);
    let token = fleet.call("POST", &tokens).json(&json!({ "name": "robot" }));
    let token = stack.done(access, token).await;
    let text = token["key"].as_str().expect("a token");

    stack.create(&protected("a", &upstream)).await;
    stack.create(&protected("b", &upstream)).await;
    stack.done(registry, fleet.call("GET", "/api/datasources")).await;
    let mut read = stack.done(registry, fleet.call("GET", "/api/datasources/uid/a")).await;
    read["name"] = json!("renamed");
    stack.done(registry, fleet.call("PUT", "/api/datasources/uid/a").json(&read)).await;
    let permission = json!({ "permission": "Query" });
    let path = "/api/access-control/datasources/a/builtInRoles/Viewer";
    stack.done(registry, fleet.call("POST", path).json(&permission)).await;
    let link = json!({ "targetUID": "b", "label": "l", "type": "query",
        "config": { "field": "f", "target": {} } });
    let path = "/api/datasources/uid/a/correlations";
    stack.done(registry, fleet.call("POST", path).json(&link)).await;
    let answer = stack.proxy.invoke(&through("a", text)).await;
    assert_eq!((answer.status, &*answer.text()), (200, "there"));
    assert!(upstream.only_request().header("authorization").is_some());

    stack.done(access, fleet.call("GET", &tokens)).await;
    stack.done(access, fleet.call("DELETE", &format!("{tokens}/{}", token["id"]))).await;
    stack.done(registry, fleet.call("DELETE", "/api/datasources/uid/b")).await;
    stack.done(access, fleet.server_call("DELETE", &format!("/api/orgs/{org}"))).await;
    assert_eq!(stack.refused(), [""; 0]);
}

#[tokio::test]
async fn who_opens_secrets_gets_upstream_tokens_and_keeps_them_by_its_own_rights() {
    let (stack, server) = (Stack::start().await, Oauth::start().await);
    let secret = json!({ "kind": "GlobalSecret", "metadata": { "name": "s" },
        "spec": { "oauth": server.spec() } });
    let proxy = json!({ "kind": "HTTPProxy", "spec": { "url": server.url(), "secret": "s" } });
    let source = json!({ "kind": "GlobalDatasource", "metadata": { "name": "x" },
        "spec": { "plugin": { "kind": "PrometheusDatasource", "spec": { "proxy": proxy } } } });
    for (path, document) in
        [("/api/v1/globalsecrets", secret), ("/api/v1/globaldatasources", source)]
    {
        let made = stack.fleet.call("POST", path).json(&document);
        stack.done(&stack.documents, made).await;
    }
    let asked = || stack.fleet.call("GET", "/proxy/globaldatasources/x/api/x");
    for expected in ["1", "2"] {
        let answer = stack.proxy.invoke(&asked()).await;
        assert_eq!((answer.status, &*answer.text()), (200, expected));
        server.revoke();
    }
    assert_eq!(stack.refused(), [""; 0]);
}

#[tokio::test]
async fn who_writes_data_sources_opens_no_secret_mints_no_token_and_swaps_no_key() {
    let (stack, upstream) = (Stack::start().await, FakeUpstream::start().await);
    stack.create(&protected("a", &upstream)).await;
    let own = &stack.registry;
    let key = stack.read(&own.tables, "access", "KEY#1", "current").await;
    let wrapped = key["wrapped"].as_b().expect("bytes").clone();
    let context = [("deployment", "local"), ("org", "1"), ("number", "1")];
    let decrypt = |door: &Door| {
        let call = stack.fleet.kms_by(door).decrypt().key_id(stack.fleet.key_id());
        let call = call.ciphertext_blob(Blob::new(wrapped.clone().into_inner()));
        context.iter().fold(call, |call, (name, value)| call.encryption_context(*name, *value))
    };
    for member in [own, &stack.access] {
        let refused = decrypt(&member.keys).send().await.expect_err("it may open nothing");
        assert!(format!("{refused:?}").contains("AccessDenied"), "{refused:?}");
    }
    // The one that may, may.
    decrypt(&stack.proxy.keys).send().await.expect("the proxy opens");

    stack.is_refused(&own.tables, "access", key).await;
    let token = HashMap::from([
        ("pk".to_owned(), text(&format!("TOKEN#{}", "0".repeat(64)))),
        ("sk".to_owned(), text("-")),
    ]);
    stack.is_refused(&own.tables, "access", token).await;
}

#[tokio::test]
async fn a_source_that_is_moved_behind_its_secret_s_back_or_given_another_s_opens_nothing() {
    let (stack, upstream) = (Stack::start().await, FakeUpstream::start().await);
    let elsewhere = FakeUpstream::start().await;
    for uid in ["a", "b", "c"] {
        stack.create(&protected(uid, &upstream)).await;
    }
    let robot = json!({ "name": "robot", "role": "Viewer" });
    let robot = stack.fleet.call("POST", "/api/serviceaccounts").json(&robot);
    let robot = stack.done(&stack.access, robot).await;
    let path = format!("/api/serviceaccounts/{}/tokens", robot["id"]);
    let token = stack.fleet.call("POST", &path).json(&json!({ "name": "robot" }));
    let token = stack.done(&stack.access, token).await["key"].as_str().expect("a token").to_owned();
    let door = &stack.registry.tables;

    // The url is another's, the sealed values are as they were: the table takes it, and the vault does not.
    let mut moved = stack.read(door, "registry", "DS#1", "a").await;
    let (from, to) = (upstream.url(), elsewhere.url());
    let mut replaced = 0;
    for value in moved.values_mut() {
        if let AttributeValue::S(text) = value
            && text.contains(&from)
        {
            *text = text.replace(&from, &to);
            replaced += 1;
        }
    }
    assert!(replaced > 0, "{moved:?}");
    stack.put(door, "registry", moved).await.expect("it may write there");
    // The values of another data source, under the revision that is named.
    let own = stack.read(door, "registry", "SEC#1", "DS#b").await;
    let mut others = stack.read(door, "registry", "SEC#1", "DS#c").await;
    others.insert("sk".to_owned(), text("DS#b"));
    others.insert("rev".to_owned(), own["rev"].clone());
    stack.put(door, "registry", others).await.expect("it may write there");

    for uid in ["a", "b"] {
        let answer = stack.proxy.invoke(&through(uid, &token)).await;
        let told = (answer.status, answer.json()["cause"].clone());
        assert_eq!(told, (500, json!("secret")), "{uid}: {}", answer.text());
    }
    assert!(upstream.requests().is_empty() && elsewhere.requests().is_empty());
    assert_eq!(stack.proxy.invoke(&through("c", &token)).await.status, 200);
}

#[tokio::test]
async fn who_opens_secrets_and_who_says_who_may_do_what_write_no_data_source() {
    let (stack, upstream) = (Stack::start().await, FakeUpstream::start().await);
    stack.create(&protected("a", &upstream)).await;
    for member in [&stack.proxy, &stack.access] {
        let source = stack.read(&member.tables, "registry", "DS#1", "a").await;
        stack.is_refused(&member.tables, "registry", source).await;
    }
    let key = stack.read(&stack.proxy.tables, "access", "KEY#1", "current").await;
    stack.is_refused(&stack.proxy.tables, "access", key).await;
}
