//! Where secrets may go, and for how long: as long as a document leads there that somebody saved who may change the secret.

use aws_sdk_dynamodb::types::AttributeValue;
use harness::upstream::FakeUpstream;
use harness::{Client, TestApp};
use serde_json::{Value, json};

use super::{basic_auth, check, in_project, made, project, with_proxy};

const SECRETS: &str = "/api/v1/globalsecrets";
const SOURCES: &str = "/api/v1/globaldatasources";

/// Somebody who writes data sources and dashboards of projects, and sees secrets but may change none.
async fn writer(app: &TestApp) -> Client {
    let admin = app.as_admin();
    let kinds = json!(["GlobalDatasource", "Datasource", "Dashboard"]);
    let secrets = json!(["GlobalSecret", "Secret"]);
    let spec = json!({ "permissions": [
        { "actions": ["*"], "scopes": kinds },
        { "actions": ["read"], "scopes": secrets },
    ] });
    let role = json!({ "kind": "GlobalRole", "metadata": { "name": "writer" }, "spec": spec });
    made(&admin, "/api/v1/globalroles", &role).await;
    let writer = app.create_user("writer", sourcegate_core::OrgId::MAIN, "None").await;
    let subjects = json!([{ "kind": "User", "name": "writer" }]);
    let binding = json!({
        "kind": "GlobalRoleBinding",
        "metadata": { "name": "writer" },
        "spec": { "role": "writer", "subjects": subjects },
    });
    made(&admin, "/api/v1/globalrolebindings", &binding).await;
    writer
}

/// A data source that sends a secret somewhere.
fn named(name: &str, url: &str) -> Value {
    with_proxy(name, &json!({ "url": url, "secret": "s" }))
}

fn dashboard(sources: &[(&str, Value)]) -> Value {
    let sources: serde_json::Map<_, _> =
        sources.iter().map(|(name, source)| ((*name).to_owned(), source["spec"].clone())).collect();
    let spec = json!({ "duration": "1h", "datasources": sources });
    json!({ "kind": "Dashboard", "metadata": { "name": "d", "project": "p" }, "spec": spec })
}

/// What the table says of bindings: their sort keys.
pub(super) async fn bounds(app: &TestApp) -> Vec<String> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let asked = app.dynamodb().query().table_name("sourcegate-registry");
    let asked = asked.key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
    let asked = asked.expression_attribute_values(":pk", text("PERSES#1"));
    let found = asked.expression_attribute_values(":sk", text("BOUND#")).send().await;
    let found = found.expect("the table").items.unwrap_or_default();
    found.iter().map(|item| item["sk"].as_s().expect("a text").clone()).collect()
}

#[track_caller]
fn check_unbound(answer: &harness::Answer) {
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (403, "secret_not_bound"));
}

#[tokio::test]
async fn k04_a_destination_ends_with_the_last_data_source_that_leads_there() {
    let app = TestApp::start().await;
    let (admin, writer) = (app.as_admin(), writer(&app).await);
    let (upstream, elsewhere) = (FakeUpstream::start().await, FakeUpstream::start().await);
    made(&admin, SECRETS, &basic_auth("s")).await;
    let through = |name: &str| format!("/proxy/globaldatasources/{name}/api");
    made(&writer, SOURCES, &named("theirs", &upstream.url())).await;
    check_unbound(&writer.get(&through("theirs")).await);
    made(&admin, SOURCES, &named("one", &upstream.url())).await;
    made(&admin, SOURCES, &named("two", &upstream.url())).await;
    for name in ["one", "two", "theirs"] {
        assert_eq!(writer.get(&through(name)).await.text(), "ok", "{name}");
    }
    assert_eq!(bounds(&app).await.len(), 2);
    // Saved again by who may not, as it was: it stays bound.
    assert_eq!(
        writer.put(&format!("{SOURCES}/one"), &named("one", &upstream.url())).await.status,
        200
    );
    assert_eq!(admin.delete(&format!("{SOURCES}/two")).await.status, 204);
    assert_eq!(writer.get(&through("theirs")).await.text(), "ok");
    // Moved away and back by the same one.
    for url in [elsewhere.url(), upstream.url()] {
        assert_eq!(writer.put(&format!("{SOURCES}/one"), &named("one", &url)).await.status, 200);
        check_unbound(&writer.get(&through("one")).await);
        check_unbound(&writer.get(&through("theirs")).await);
    }
    assert_eq!(bounds(&app).await, Vec::<String>::new());
    assert!(elsewhere.requests().is_empty());
    // Once more by who may, and then away.
    assert_eq!(
        admin.put(&format!("{SOURCES}/one"), &named("one", &upstream.url())).await.status,
        200
    );
    assert_eq!(writer.get(&through("theirs")).await.text(), "ok");
    let without = with_proxy("one", &json!({ "url": upstream.url() }));
    assert_eq!(admin.put(&format!("{SOURCES}/one"), &without).await.status, 200);
    check_unbound(&writer.get(&through("theirs")).await);
}

#[tokio::test]
async fn what_binds_its_secret_itself_is_opened_without_a_query() {
    let app = TestApp::start().await;
    let (admin, writer, upstream) =
        (app.as_admin(), writer(&app).await, FakeUpstream::start().await);
    made(&admin, SECRETS, &basic_auth("s")).await;
    made(&admin, SOURCES, &named("own", &upstream.url())).await;
    made(&writer, SOURCES, &named("theirs", &upstream.url())).await;
    for (name, queries) in [("own", 0), ("theirs", 1)] {
        let before = app.calls();
        assert_eq!(admin.get(&format!("/proxy/globaldatasources/{name}/api")).await.text(), "ok");
        let cold = app.calls();
        let of = |name: &str| cold.of(name) - before.of(name);
        // The caller and the data source; the secret, its values and the key.
        assert_eq!((of("BatchGetItem"), of("Query"), of("GetItem")), (2, queries, 0), "{name}");
        assert_eq!(admin.get(&format!("/proxy/globaldatasources/{name}/api")).await.text(), "ok");
        assert_eq!(app.calls().reads(), cold.reads(), "{name}");
    }
}

#[tokio::test]
async fn k04_a_dashboard_s_own_data_sources_bind_as_long_as_it_has_them() {
    let app = TestApp::start().await;
    let (admin, writer, upstream) =
        (app.as_admin(), writer(&app).await, FakeUpstream::start().await);
    project(&admin, "p").await;
    made(&admin, "/api/v1/secrets", &in_project(basic_auth("s"), "p")).await;
    let theirs = in_project(named("theirs", &upstream.url()), "p");
    made(&writer, "/api/v1/datasources", &theirs).await;
    let own = |name: &str| format!("/proxy/projects/p/dashboards/d/datasources/{name}/api");
    let theirs = "/proxy/projects/p/datasources/theirs/api";
    let (path, one) = ("/api/v1/projects/p/dashboards/d", named("x", &upstream.url()));
    made(&admin, "/api/v1/dashboards", &dashboard(&[("a", one.clone()), ("b", one.clone())])).await;
    for through in [&own("a"), &own("b"), &theirs.to_owned()] {
        assert_eq!(writer.get(through).await.text(), "ok", "{through}");
    }
    assert_eq!(bounds(&app).await.len(), 1, "the dashboard binds once what two of its own name");
    // One of the two goes, saved by who may not change the secret; then the other.
    assert_eq!(writer.put(path, &dashboard(&[("b", one.clone())])).await.status, 200);
    assert_eq!(writer.get(&own("b")).await.text(), "ok");
    assert_eq!(writer.put(path, &dashboard(&[])).await.status, 200);
    check_unbound(&writer.get(theirs).await);
    assert_eq!(admin.put(path, &dashboard(&[("b", one)])).await.status, 200);
    assert_eq!(writer.get(theirs).await.text(), "ok");
    assert_eq!(admin.delete(path).await.status, 204);
    check_unbound(&writer.get(theirs).await);
    assert_eq!(bounds(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_dashboard_that_changes_more_than_a_transaction_holds_is_refused() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    project(&admin, "p").await;
    let all = |word: &str| {
        let one = |n: usize| named("x", &format!("http://{word}{n}.test"));
        let names: Vec<_> = (0..45).map(|n| format!("{word}{n}")).collect();
        let sources: Vec<_> = names.iter().enumerate().map(|(n, name)| (&**name, one(n))).collect();
        dashboard(&sources)
    };
    made(&admin, "/api/v1/dashboards", &all("a")).await;
    assert_eq!(bounds(&app).await.len(), 45);
    let path = "/api/v1/projects/p/dashboards/d";
    let refused = admin.put(path, &all("b")).await;
    check(
        &refused,
        400,
        "bad request: this changes more than 100 records at once; make the change in two saves",
    );
    assert_eq!(refused.cause(), "limit_count");
    assert_eq!(admin.put(path, &all("a")).await.status, 200);
    for sent in [dashboard(&[]), all("b")] {
        assert_eq!(admin.put(path, &sent).await.status, 200);
    }
    assert_eq!(bounds(&app).await.len(), 45);
    assert_eq!(admin.delete("/api/v1/projects/p").await.status, 204);
    assert_eq!(bounds(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_binding_of_the_older_form_holds_until_its_secret_goes() {
    let app = TestApp::start().await;
    let (admin, writer, upstream) =
        (app.as_admin(), writer(&app).await, FakeUpstream::start().await);
    made(&admin, SECRETS, &basic_auth("s")).await;
    made(&admin, SOURCES, &named("one", &upstream.url())).await;
    made(&writer, SOURCES, &named("theirs", &upstream.url())).await;
    // As it was written before: without the document that binds.
    let held = bounds(&app).await.remove(0);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let table = "sourcegate-registry";
    let get = app.dynamodb().get_item().table_name(table).key("pk", text("PERSES#1"));
    let found = get.key("sk", text(&held)).send().await.expect("the table");
    let mut older = found.item.expect("the binding");
    let (without, _) = held.rsplit_once('#').expect("a holder");
    older.insert("sk".to_owned(), text(without));
    let put = app.dynamodb().put_item().table_name(table).set_item(Some(older));
    put.send().await.expect("the table");
    assert_eq!(admin.delete(&format!("{SOURCES}/one")).await.status, 204);
    let through = "/proxy/globaldatasources/theirs/api";
    assert_eq!(writer.get(through).await.text(), "ok");
    // Another value of the secret changes nothing; another secret does.
    assert_eq!(admin.put(&format!("{SECRETS}/s"), &basic_auth("s")).await.status, 200);
    assert_eq!(writer.get(through).await.text(), "ok");
    assert_eq!(admin.delete(&format!("{SECRETS}/s")).await.status, 204);
    made(&admin, SECRETS, &basic_auth("s")).await;
    check_unbound(&writer.get(through).await);
    assert_eq!(bounds(&app).await, Vec::<String>::new());
}
