//! Writers at once, over sound tables and over such that behave as AWS at its worst.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use harness::{Answer, Client, Faults, TestApp};
use serde_json::json;

use super::bounds::bounds;
use super::{basic_auth, in_project, made, project, source, with_proxy};

const SOURCES: &str = "/api/v1/globaldatasources";

/// How many answers had each status; over the worst tables some may be told to come again.
fn tally(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry(answer.status.as_u16()).or_default() += 1;
    }
    if let Some(busy) = tally.remove(&503) {
        assert!(busy <= (answers.len() / 10).max(2), "{busy} of {}", answers.len());
    }
    tally
}

async fn creates(admin: &Client, all: Vec<serde_json::Value>) -> Vec<Answer> {
    join_all(all.iter().map(|sent| admin.post(SOURCES, sent))).await
}

async fn one_name(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let admin = app.as_admin();
    let answers = creates(&admin, vec![source("x", "http://h.test"); 50]).await;
    let tally = tally(&answers);
    assert_eq!((tally.get(&200), tally.len()), (Some(&1), 2), "{tally:?}");
    assert!(tally.contains_key(&409), "{tally:?}");
}

async fn one_default(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let admin = app.as_admin();
    let default = |n: usize| {
        let mut sent = source(&format!("x{n}"), "http://h.test");
        sent["spec"]["default"] = true.into();
        sent
    };
    let answers = creates(&admin, (0..50).map(default).collect()).await;
    let tally = tally(&answers);
    assert_eq!((tally.get(&200), tally.len()), (Some(&1), 2), "{tally:?}");
    let defaults = admin.get(&format!("{SOURCES}?default=true")).await.json();
    assert_eq!(defaults.as_array().map(Vec::len), Some(1));
}

async fn updates(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let admin = app.as_admin();
    let sent = source("x", "http://h.test");
    made(&admin, SOURCES, &sent).await;
    let path = format!("{SOURCES}/x");
    let answers = join_all((0..30).map(|_| admin.put(&path, &sent))).await;
    let written = tally(&answers)[&200] as u64;
    let version = admin.get(&path).await.json()["metadata"]["version"].as_u64();
    let version = version.unwrap_or_default();
    // One whose answer said 503 may have been written.
    let busy = answers.iter().filter(|answer| answer.status == 503).count() as u64;
    assert!((written..=written + busy).contains(&version), "{version} of {written}");
}

/// Whatever is made while a project goes is refused, or goes with it.
async fn project_s_end(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let admin = app.as_admin();
    project(&admin, "p").await;
    let sent = |n: usize| in_project(source(&format!("x{n}"), "http://h.test"), "p");
    let documents: Vec<_> = (0..30).map(sent).collect();
    let create = join_all(documents.iter().map(|sent| admin.post("/api/v1/datasources", sent)));
    let delete = async {
        loop {
            let answer = admin.delete("/api/v1/projects/p").await;
            if answer.status != 503 {
                return answer;
            }
        }
    };
    let (created, deleted) = futures_util::join!(create, delete);
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    assert!(tally(&created).keys().all(|status| [200, 400].contains(status)));
    project(&admin, "p").await;
    let left = admin.get("/api/v1/projects/p/datasources").await;
    assert_eq!(left.json(), json!([]));
}

/// What is given in a project while it goes is nobody's in the next one of its name.
async fn roles_end(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let admin = app.as_admin();
    project(&admin, "p").await;
    let spec = json!({ "permissions": [{ "actions": ["*"], "scopes": ["*"] }] });
    let role = |n: usize| {
        let metadata = json!({ "name": format!("r{n}"), "project": "p" });
        json!({ "kind": "Role", "metadata": metadata, "spec": spec })
    };
    let documents: Vec<_> = (0..20).map(role).collect();
    let create = join_all(documents.iter().map(|sent| admin.post("/api/v1/roles", sent)));
    let again = async {
        while admin.delete("/api/v1/projects/p").await.status == 503 {}
        project(&admin, "p").await;
        admin.get("/api/v1/projects/p").await.json()["metadata"]["createdAt"].clone()
    };
    let (created, second) = futures_util::join!(create, again);
    assert!(tally(&created).keys().all(|status| [200, 400].contains(status)));
    // Only those are left that were made in the second one.
    let left = admin.get("/api/v1/projects/p/roles").await.json();
    for role in left.as_array().expect("a list") {
        let [made, project] = [&role["metadata"]["createdAt"], &second].map(|at| at.as_str());
        assert!(made >= project, "{role} is older than {second}");
    }
}

/// A secret goes where the data source leads that is there in the end, and nowhere else.
async fn destinations(faults: Faults) {
    let app = TestApp::hostile(faults).await;
    let admin = app.as_admin();
    made(&admin, "/api/v1/globalsecrets", &basic_auth("s")).await;
    let sent = |n: usize| {
        let url = format!("http://h{}.test", n % 3);
        with_proxy("x", &json!({ "url": url, "secret": "s" }))
    };
    made(&admin, SOURCES, &sent(0)).await;
    let path = format!("{SOURCES}/x");
    let all: Vec<_> = (0..30).map(sent).collect();
    let save = join_all(all.iter().map(|sent| admin.put(&path, sent)));
    tally(&save.await);
    let url = |source: &serde_json::Value| {
        source["spec"]["plugin"]["spec"]["proxy"]["spec"]["url"].as_str().map(str::to_owned)
    };
    let last = url(&admin.get(&path).await.json()).expect("a url");
    let held = bounds(&app).await;
    assert_eq!(held.len(), 1, "{held:?}");
    assert!(held[0].contains(&format!("{last}:80#")), "{last}: {held:?}");
    // The same beside its end.
    let save = join_all(all.iter().map(|sent| admin.put(&path, sent)));
    let delete = async { while admin.delete(&path).await.status == 503 {} };
    let (saved, ()) = futures_util::join!(save, delete);
    assert!(tally(&saved).keys().all(|status| [200, 404].contains(status)));
    assert_eq!(admin.get(&path).await.status, 404);
    assert_eq!(bounds(&app).await, Vec::<String>::new());
}

macro_rules! both {
    ($($name:ident, $hostile:ident: $race:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $race(Faults::default()).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $hostile() {
            $race(Faults::worst()).await;
        }
    )*};
}

both! {
    d04_of_creates_of_one_name_one_succeeds, hostile_d04_of_creates_of_one_name_one_succeeds: one_name;
    d13_of_many_defaults_at_once_one_is_left, hostile_d13_of_many_defaults_at_once_one_is_left: one_default;
    d09_no_update_is_lost, hostile_d09_no_update_is_lost: updates;
    d10_no_role_outlives_its_project, hostile_d10_no_role_outlives_its_project: roles_end;
    k04_no_destination_outlives_its_data_source, hostile_k04_no_destination_outlives_its_data_source: destinations;
    d10_nothing_outlives_its_project, hostile_d10_nothing_outlives_its_project: project_s_end;
}
