//! How long it takes to know a caller and what he may do, once what the tables say is remembered.

use std::hint::black_box;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::Context;
use auth::{Action, Credential};
use gateway::{Entry, Gateway};
use http::{HeaderMap, HeaderValue, header};
use local::Server;
use serde_json::{Value, json};
use sourcegate_core::{Reference, Uid};
use tokio::sync::oneshot;

use crate::calls;
use crate::client::Client;
use crate::gateway as running;
use crate::load::median;
use crate::table::{number, row};

/// How many decisions a round has, and how many rounds.
const DECISIONS: u32 = 50_000;
const ROUNDS: usize = 21;

/// How many permissions the limited token has; the one that is asked for is the last.
const GRANTS: usize = 20;

/// What is measured of one caller.
struct Asked {
    headers: HeaderMap,
    wanted: Reference,
}

/// Prints one row for each kind of token: from the header to the proof that its caller may query.
pub(crate) fn measure(out: &mut impl Write) -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = runtime.block_on(Server::start(calls::setup(data.path())))?;
    let (address, gateway) = (server.address(), server.gateway().clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = runtime.spawn(server.serve(async { drop(stopped.await) }));
    let admin = running::authorization(&running::admin_token(data.path())?);
    let mut client = Client::connect(address, &admin)?;
    writeln!(out, "\ntoken check and permission decision, warm: medians of rounds, in µs")?;
    row(out, &["token", "", "", "each"])?;
    for (name, limits) in [("plain", Value::Null), ("20 permissions", limits(&mut client)?)] {
        let asked = asked(&mut client, name, &limits)?;
        let own = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let rounds: Vec<_> =
            (0..ROUNDS).map(|_| own.block_on(round(&gateway, &asked))).collect::<Result<_, _>>()?;
        let each = rounds.iter().map(|time| time.as_secs_f64() * 1e6 / f64::from(DECISIONS));
        row(out, &[name, "", "", &number(median(each))])?;
    }
    drop(stop);
    runtime.block_on(serving)??;
    Ok(())
}

/// Registers a source and gives limits that end in the permission to query it.
fn limits(client: &mut Client) -> anyhow::Result<Value> {
    let source = json!({
        "name": "bench", "uid": "bench", "type": "prometheus", "access": "proxy", "url": "http://127.0.0.1:9",
    });
    client.json("POST", "/api/datasources", &source)?;
    let mut all =
        vec![json!({ "action": "datasources:read", "scope": "datasources:uid:bench" }); GRANTS - 1];
    all.push(json!({ "action": "datasources:query", "scope": "datasources:uid:bench" }));
    Ok(json!({ "permissions": all, "networks": ["10.0.0.0/8", "192.168.0.0/16", "127.0.0.0/8"] }))
}

/// Makes a token with limits; gives what a request with it says.
fn asked(client: &mut Client, name: &str, limits: &Value) -> anyhow::Result<Asked> {
    let accounts = client.json("GET", "/api/serviceaccounts/search", &Value::Null)?;
    let account = accounts["serviceAccounts"][0]["id"].as_u64().context("a service account")?;
    let path = format!("/api/serviceaccounts/{account}/tokens");
    let made = client.json("POST", &path, &json!({ "name": name, "limits": limits }))?;
    let key = made["key"].as_str().context("a token")?;
    let value = HeaderValue::try_from(format!("Bearer {key}"))?;
    let headers = [(header::AUTHORIZATION, value)].into_iter().collect();
    Ok(Asked { headers, wanted: Reference::Uid(Uid::parse("bench")?) })
}

async fn round(gateway: &Gateway, asked: &Asked) -> anyhow::Result<Duration> {
    // What is remembered must not end within a round.
    decide(gateway, asked).await?;
    let started = Instant::now();
    for _ in 0..DECISIONS {
        decide(gateway, asked).await?;
    }
    Ok(started.elapsed())
}

async fn decide(gateway: &Gateway, asked: &Asked) -> anyhow::Result<()> {
    let credential = Credential::of(black_box(&asked.headers))?;
    let peer = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let entry = Entry { credential, org: None, wanted: asked.wanted.clone(), peer };
    black_box(gateway.enter(&entry, Action::Query).await?);
    Ok(())
}
