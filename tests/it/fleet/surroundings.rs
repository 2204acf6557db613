//! What AWS and the platform around a process may do: other clocks, credentials that end, silence, events that come twice.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use harness::fleet::Fleet;
use harness::process::Process;
use harness::runtime_api::{RuntimeApi, function};
use harness::upstream::{Answer, FakeUpstream};
use harness::wire::Wire;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::{Deployed, named, protected, through};

/// Of JWTs, so that there is an issuer to be asked.
const RULES: &str = r#"[{"claim":"groups","value":"ops","org":1,"role":"Admin"}]"#;

/// Of databases, so that there are credentials to be asked for.
const LOGINS: &str = r#"[{"org":1,"host":"db.test","user":"reader","region":"eu-west-1"}]"#;

/// Far more than AWS allows.
const HOUR_S: i64 = 3_600;

#[tokio::test]
async fn d21_a_clock_that_is_wrong_is_put_right_by_one_refusal() {
    let (deployed, upstream) = (Deployed::start().await, named("ok").await);
    deployed.create(&protected("a", &upstream)).await;
    let (token, _) = deployed.robot("robot").await;
    for ahead in [HOUR_S, -HOUR_S] {
        let member = deployed.fleet.member("http-proxy").await;
        member.tables.be_ahead(ahead);
        member.keys.be_ahead(ahead);
        let answer = member.invoke(&through("a", &token)).await;
        assert_eq!((answer.status, &*answer.text()), (200, "ok"));
        let made = || (member.tables.calls()["BatchGetItem"], member.kms.calls()["Decrypt"]);
        // The one that was refused for its time, and the one that was not; the refused `Decrypt` did not reach KMS.
        assert_eq!((made(), member.keys.refused_for_time()), ((2, 1), 1));
        sleep(super::BOUND + Duration::from_millis(100)).await;
        assert_eq!(member.invoke(&through("a", &token)).await.status, 200);
        assert_eq!(made(), (3, 1), "what was learned is kept");
        assert_eq!(member.tables.refused_for_time(), 1);
    }
}

/// The tables' credentials in a session that ends, as a container's agent gives them.
fn session(fleet: &Fleet, name: &str, end: SystemTime) -> Answer {
    let [key, secret] = fleet.credentials();
    let end = DateTime::from(end).fmt(Format::DateTime).expect("a time of this age");
    Answer::json(&json!({
        "AccessKeyId": key, "SecretAccessKey": secret, "Token": name, "Expiration": end,
    }))
}

#[tokio::test]
async fn d22_credentials_that_end_are_replaced_before_they_do_and_no_request_fails() {
    let fleet = Fleet::start().await;
    let agent = FakeUpstream::start().await;
    let end = SystemTime::now() + Duration::from_secs(15);
    agent.answer(session(&fleet, "first", end));
    let settings = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*agent.url()),
    ];
    let member = fleet.member_with("datasources", &settings).await;
    let list = fleet.call("GET", "/api/datasources");
    let answer = member.invoke(&list).await;
    assert_eq!(answer.status, 200, "{}", member.process.log());
    assert_eq!(member.tables.sessions().last().map(String::as_str), Some("first"));
    agent.answer(session(&fleet, "second", end + Duration::from_secs(3_600)));
    while member.tables.sessions().last().is_none_or(|last| last != "second") {
        let answer = member.invoke(&list).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(SystemTime::now() < end, "the first session is used beyond its end");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(agent.requests().len(), 2, "each is asked for once");
}

#[tokio::test]
async fn l09_a_start_waits_for_nobody() {
    // They take connections and never answer.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("a bound listener has an address");
    let wire = Wire::to(address).await;
    for name in ["access", "datasources", "http-proxy", "perses-api", "sql-proxy"] {
        let api = RuntimeApi::start().await;
        let mut command = function(name, &api.endpoint());
        for service in ["DYNAMODB", "KMS", "STS"] {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), wire.url());
        }
        for variable in ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
            command.env(variable, wire.url());
        }
        command.env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
        command.env("SOURCEGATE_KMS_KEY", "alias/key");
        command.env("SOURCEGATE_JWT_ISSUER", wire.url());
        command.env("SOURCEGATE_JWT_AUDIENCE", "sourcegate");
        command.env("SOURCEGATE_JWT_RULES", RULES);
        command.env("SOURCEGATE_RDS_IAM", LOGINS);
        let mut process = Process::spawn(name, &command, None);
        assert!(process.wait_until(async || api.polls() > 0).await, "{name}: {}", process.log());
        assert_eq!(wire.connections(), 0, "{name} asked somebody before its first event");
    }
    // The wire does take connections: the last one's first event needs the tables.
    let api = RuntimeApi::start().await;
    let mut command = function("datasources", &api.endpoint());
    command.env("AWS_ENDPOINT_URL_DYNAMODB", wire.url());
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let _process = Process::spawn("datasources", &command, None);
    let call = Fleet::start().await.call("GET", "/api/datasources");
    let _waiting = api.send(call.rest());
    let asked = async {
        while wire.connections() == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), asked).await.expect("it asks the tables");
}

#[tokio::test]
async fn l16_an_event_that_comes_twice_makes_one_thing() {
    let (deployed, upstream) = (Deployed::start().await, named("ok").await);
    let again = deployed.fleet.member("datasources").await;
    let source = deployed.fleet.call("POST", "/api/datasources").json(&protected("a", &upstream));
    let team = deployed.fleet.call("POST", "/api/serviceaccounts");
    let team = team.json(&json!({ "name": "robot", "role": "Viewer" }));
    let other = deployed.fleet.member("access").await;
    for (one, two, call, list, count) in [
        (&deployed.registry, &again, &source, "/api/datasources", "/"),
        (&deployed.access, &other, &team, "/api/serviceaccounts/search", "/serviceAccounts"),
    ] {
        let (first, second) = tokio::join!(one.invoke(call), two.invoke(call));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert!(statuses[0] < 300 && [400, 409].contains(&statuses[1]), "{statuses:?}");
        let third = one.invoke(call).await;
        assert_eq!(third.status, statuses[1], "{}", third.text());
        let listed = deployed.done(one, deployed.fleet.call("GET", list)).await;
        let listed = if count == "/" { listed } else { listed["serviceAccounts"].clone() };
        let named = listed.as_array().expect("a list").iter();
        let named = named.filter(|one| one["name"] == "a" || one["name"] == "robot");
        assert_eq!(named.count(), 1, "{listed}");
    }
}
