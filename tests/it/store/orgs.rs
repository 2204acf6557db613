//! Organisations and users in the tables: what races, lost answers and lost counters leave. Each race is run a second time
//! over tables at their worst.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::app::PASSWORD;
use harness::{Answer, Client, Faults, TestApp};
use serde_json::{Value, json};

use super::items::{ACCESS, Items, number, string};

fn org_id(answer: &Answer) -> i64 {
    answer.json()["orgId"].as_i64().unwrap_or_else(|| panic!("{}", answer.text()))
}

fn named(name: &str) -> Value {
    json!({ "name": name })
}

fn role(role: &str) -> Value {
    json!({ "role": role })
}

/// The number of a user.
async fn id(admin: &Client, login: &str) -> Value {
    admin.get(&format!("/api/users/lookup?loginOrEmail={login}")).await.json()["id"].clone()
}

/// Checks that the items of organisations and users contradict each other nowhere.
async fn check_whole(items: &Items) {
    let mut memberships = BTreeSet::new();
    for listed in items.partition(ACCESS, "USERS").await {
        let login = string(&listed, "login");
        let key = format!("USER#{}", login.to_lowercase());
        let user = items.get(ACCESS, (&key, "-")).await;
        for name in ["login", "name", "email"] {
            assert_eq!(string(&user, name), string(&listed, name));
        }
        for name in ["disabled", "serverAdmin"] {
            assert_eq!(user[name], listed[name], "{login}");
        }
        let email = string(&user, "email").to_lowercase();
        if !email.is_empty() {
            let pointer = items.get(ACCESS, (&format!("EMAIL#{email}"), "-")).await;
            assert_eq!(string(&pointer, "login"), login.to_lowercase());
        }
        for (org, role) in user["orgs"].as_m().expect("roles") {
            let role = role.as_s().expect("a role").clone();
            memberships.insert((org.clone(), login.to_lowercase(), role));
        }
    }
    let mut listed = BTreeSet::new();
    for org in items.partition(ACCESS, "ORGS").await {
        let id: u32 = string(&org, "sk").parse().expect("a number");
        let meta = items.get(ACCESS, (&format!("ORG#{id}"), "META")).await;
        let name = string(&meta, "name");
        assert_eq!(name, string(&org, "name"));
        let pointer = items.get(ACCESS, ("ORGNAME", &name)).await;
        assert_eq!(pointer["id"], number(i64::from(id)), "{name}");
        assert_eq!(items.partition(ACCESS, &format!("KEY#{id}")).await.len(), 2, "{name}");
        for member in items.partition(ACCESS, &format!("MEMBER#{id}")).await {
            listed.insert((id.to_string(), string(&member, "sk"), string(&member, "role")));
        }
    }
    assert_eq!(listed, memberships);
    let orgs = items.partition(ACCESS, "ORGS").await.len();
    assert_eq!(items.partition(ACCESS, "ORGNAME").await.len(), orgs);
}

async fn settled(app: &TestApp) -> Items {
    app.tables().set(Faults::default());
    assert_eq!(app.tables().stale_reads(), 0, "a read was not consistent");
    let items = Items::of(app);
    check_whole(&items).await;
    items
}

/// Counts answers of a status; those that said to come again are few, and none without faults.
#[track_caller]
fn count(answers: &[Answer], status: u16, faults: Faults) -> usize {
    let busy = answers.iter().filter(|answer| answer.status == 503).count();
    let most = if faults == Faults::default() { 0 } else { (answers.len() / 5).max(2) };
    assert!(busy <= most, "{answers:?}");
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn makers_of_different_organisations(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    assert_eq!(admin.get("/api/user").await.status, 200);
    app.tables().set(faults);
    let bodies: Vec<_> = (0..20).map(|n| named(&format!("n{n}"))).collect();
    let answers = join_all(bodies.iter().map(|body| admin.post("/api/orgs", body))).await;
    let made = count(&answers, 200, faults);
    assert!(made >= 16, "{answers:?}");
    let ids: BTreeSet<_> =
        answers.iter().filter(|answer| answer.status == 200).map(org_id).collect();
    assert_eq!(ids.len(), made, "a number was given twice");
    settled(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d06_one_maker_of_20_organisations_at_once_belongs_to_all() {
    makers_of_different_organisations(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d06_the_same_over_tables_at_their_worst() {
    makers_of_different_organisations(Faults::worst()).await;
}

async fn everything_at_once(faults: Faults) {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let second = app.create_org("Second").await;
    app.create_user("bob", second, "Editor").await;
    let bob = id(&admin, "bob").await;
    app.tables().set(faults);
    let (user, member) = (format!("/api/users/{bob}"), format!("/api/orgs/2/users/{bob}"));
    let joining = json!({ "loginOrEmail": "admin", "role": "Viewer" });
    let (user, member, joining, admin) = (&user, &member, &joining, &admin);
    let one = async |n: usize| match n % 8 {
        0 => {
            admin
                .put(user, &json!({ "login": format!("bob{n}"), "email": format!("b{n}@x") }))
                .await
        }
        1 => admin.patch(member, &role(["Viewer", "Admin"][n / 8 % 2])).await,
        2 => admin.put("/api/orgs/2", &named(&format!("Second {n}"))).await,
        3 => admin.post("/api/orgs/2/users", joining).await,
        4 => admin.put(user, &json!({ "login": "bob", "name": format!("Bob {n}") })).await,
        5 => admin.post("/api/orgs", &named("Third")).await,
        6 => {
            admin
                .put(
                    &format!("/api/admin{}/permissions", &user[4..]),
                    &json!({ "isGrafanaAdmin": n.is_multiple_of(3) }),
                )
                .await
        }
        _ => {
            admin
                .post("/api/orgs/1/users", &json!({ "loginOrEmail": "bob", "role": "Viewer" }))
                .await
        }
    };
    let answers = join_all((0..48).map(one)).await;
    let expected = [200, 400, 404, 409];
    let odd: Vec<_> = answers
        .iter()
        .filter(|a| !expected.contains(&a.status.as_u16()) && a.status != 503)
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(count(&answers, 200, faults) >= 20, "{answers:?}");
    settled(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_d12_changes_at_once_leave_items_that_agree() {
    everything_at_once(Faults::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_d12_the_same_over_tables_at_their_worst() {
    everything_at_once(Faults::worst()).await;
}

#[tokio::test]
async fn d03_a_change_whose_answer_was_lost_is_done_once() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    assert_eq!(admin.get("/api/user").await.status, 200);
    app.tables().set(Faults { lost: 30, ..Faults::default() });
    for n in 0..10 {
        let made = admin.post("/api/orgs", &named(&format!("n{n}"))).await;
        let id = org_id(&made);
        let renamed = admin.put(&format!("/api/orgs/{id}"), &named(&format!("m{n}"))).await;
        assert_eq!(renamed.status, 200, "{}", renamed.text());
    }
    settled(&app).await;
}

#[tokio::test]
async fn d07_lost_counters_give_no_number_again() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let items = Items::of(&app);
    for n in 2..6 {
        assert_eq!(org_id(&admin.post("/api/orgs", &named(&format!("n{n}"))).await), n);
    }
    for n in [3, 5] {
        assert_eq!(admin.delete(&format!("/api/orgs/{n}")).await.status, 200);
    }
    let user = |login: &str| json!({ "login": login, "password": PASSWORD });
    let bob = admin.post("/api/admin/users", &user("bob")).await.json()["id"].as_i64();
    assert_eq!(
        admin.delete(&format!("/api/admin/users/{}", bob.expect("a number"))).await.status,
        200
    );
    for lost in [None, Some(0), Some(1), Some(-7), Some(i64::from(u32::MAX))] {
        for what in ["org", "account"] {
            items.delete(ACCESS, ("COUNTER", what)).await;
            if let Some(next) = lost {
                let key = [("pk", "COUNTER"), ("sk", what)]
                    .map(|(name, text)| (name.to_owned(), super::items::text(text)));
                let next = [("next".to_owned(), number(next))];
                items.put(ACCESS, key.into_iter().chain(next).collect()).await;
            }
        }
        if lost == Some(i64::from(u32::MAX)) {
            // Beyond what can be given it stays broken until somebody sets it right, and gives nothing twice.
            assert_eq!(admin.post("/api/orgs", &named("x")).await.status, 503);
            continue;
        }
        let made = org_id(&admin.post("/api/orgs", &named(&format!("again {lost:?}"))).await);
        assert!(made > 5, "{lost:?}: {made}");
        let login = format!("u{}", made);
        let account = admin.post("/api/admin/users", &user(&login)).await.json()["id"].as_i64();
        assert!(account > bob, "{lost:?}: {account:?}");
    }
}

#[tokio::test]
async fn a_user_of_many_organisations_is_deleted_though_not_at_once() {
    let app = TestApp::start().await;
    let admin = app.as_admin_user();
    let user = json!({ "login": "bob", "password": PASSWORD });
    let bob = admin.post("/api/admin/users", &user).await.json()["id"].clone();
    assert_eq!(
        admin
            .put(&format!("/api/admin/users/{bob}/permissions"), &json!({ "isGrafanaAdmin": true }))
            .await
            .status,
        200
    );
    let himself = Client::basic(app.address(), "bob", PASSWORD);
    for n in 0..95 {
        org_id(&himself.post("/api/orgs", &named(&format!("n{n}"))).await);
    }
    let renamed = himself.put("/api/user", &json!({ "login": "rob" })).await;
    assert_eq!(
        (renamed.status.as_u16(), &*renamed.message()),
        (400, "a user of more than 45 organisations cannot change his login")
    );
    assert_eq!(
        himself.put("/api/user", &json!({ "login": "BOB" })).await.status,
        200,
        "another case is the same"
    );
    let path = format!("/api/admin/users/{bob}");
    // Killed after the first of two transactions: he is shut out, and goes when he is deleted again.
    let before = app.tables().met();
    app.tables().kill_after(6);
    assert_eq!(admin.delete(&path).await.status, 503);
    app.tables().revive();
    assert!(app.tables().met() > before);
    assert_eq!(himself.get("/api/user").await.status, 401);
    assert_eq!(admin.delete(&path).await.status, 200);
    let items = settled(&app).await;
    assert!(items.find(ACCESS, ("USER#bob", "-")).await.is_none());
    assert_eq!(admin.get("/api/orgs/50/users").await.text(), "[]");
}
