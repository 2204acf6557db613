//! Many processes and one database: connections are counted among all of them.

use harness::fleet::everyone;
use harness::postgres::{PASSWORD, Postgres};
use serde_json::json;

use super::{Deployed, FEW, MANY};

/// A server with less room than there are processes; three of its places are the superuser's.
async fn a_burst_leaves_the_server_room(count: usize) {
    let postgres = Postgres::start(&["max_connections=8"]).await;
    let deployed = Deployed::start().await;
    let source = json!({
        "name": "shop", "type": "postgres", "access": "proxy", "user": "reader",
        "url": postgres.address().to_string(), "secureJsonData": { "password": PASSWORD },
        "jsonData": { "database": "shop", "sslmode": "disable", "maxOpenConns": 4 },
    });
    deployed.create(&source).await;
    let members = deployed.fleet.members("sql-proxy", count).await;
    let statement = json!({ "query": "SELECT count(*) AS n FROM goods" });
    let call = deployed.fleet.call("POST", "/proxy/globaldatasources/shop").json(&statement);
    let mut answered = 0;
    for answer in everyone(&members, &call).await {
        match answer.status {
            200 => {
                assert_eq!(answer.text(), "n\n3\n");
                answered += 1;
            }
            // Who waited too long is told why.
            503 => assert_eq!(answer.json()["cause"], "connections", "{}", answer.text()),
            _ => panic!("{}: {}", answer.status, answer.text()),
        }
    }
    assert!(answered >= FEW, "{answered} of {count}");
    let log = postgres.log();
    assert!(!log.contains("connection slots") && !log.contains("too many clients"), "{log}");
}

#[tokio::test]
async fn d_a_burst_of_processes_shares_the_connections_that_there_are() {
    a_burst_leaves_the_server_room(FEW).await;
}

#[tokio::test]
#[ignore = "fifty processes: make soak"]
async fn soak_50_processes_share_the_connections_that_there_are() {
    a_burst_leaves_the_server_room(MANY).await;
}
