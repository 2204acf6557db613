//! How many calls to AWS a request makes, counted at the embedded tables of a gateway in this process.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use local::engine::{Calls, Engine};
use local::{Server, Setup};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::client::Client;
use crate::gateway;
use crate::nginx::{BODIES, Nginx};

/// The operations that there are.
const OPERATIONS: [&str; 7] = [
    "GetItem",
    "BatchGetItem",
    "Query",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "TransactWriteItems",
];

/// How long an entry holds, and a little more.
pub(crate) const HELD: Duration = Duration::from_millis(5_100);

/// Prints one row for each kind of request.
pub(crate) fn measure(upstream: &Nginx, out: &mut impl Write) -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = runtime.block_on(Server::start(setup(data.path())))?;
    let (address, engine) = (server.address(), Arc::clone(server.engine()));
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = runtime.spawn(server.serve(async { drop(stopped.await) }));
    let counted = count(&engine, address, data.path(), upstream, out);
    drop(stop);
    runtime.block_on(serving)??;
    counted
}

/// A gateway in this process, on a folder.
pub(crate) fn setup(data: &std::path::Path) -> Setup {
    Setup {
        data: data.to_owned(),
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        hosts: Vec::new(),
        egress_allow: None,
        grafana: Default::default(),
        perses: Default::default(),
        dynamodb_listen: None,
        provisioning: None,
        demo: false,
        jwt: None,
        spans: None,
        rds: None,
    }
}

fn count(
    engine: &Engine,
    address: SocketAddr,
    data: &std::path::Path,
    upstream: &Nginx,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let token = gateway::admin_token(data)?;
    let mut client = Client::connect(address, &gateway::authorization(&token))?;
    writeln!(out, "\ncalls to the tables a request")?;
    let mut before = engine.calls();
    let base = gateway::register(&mut client, upstream)?;
    let path = format!("{base}{}", BODIES[0].0);
    let own = base.replace("/proxy", "");
    let mut tell = |name: &str| -> anyhow::Result<()> {
        let now = engine.calls();
        writeln!(out, "{name:<16} {}", text(&now.since(&before)))?;
        before = now;
        Ok(())
    };
    tell("create")?;
    client.json("GET", &path, &Value::Null)?;
    tell("proxied, cold")?;
    client.json("GET", &path, &Value::Null)?;
    tell("proxied, warm")?;
    std::thread::sleep(HELD);
    client.json("GET", &path, &Value::Null)?;
    tell("… after 5 s")?;
    client.json("GET", &own, &Value::Null)?;
    tell("read")?;
    client.json("GET", "/api/datasources", &Value::Null)?;
    tell("list")?;
    Ok(())
}

fn text(calls: &Calls) -> String {
    let made = OPERATIONS.map(|name| (name, calls.of(name)));
    let made: Vec<_> = made.iter().filter(|(_, count)| *count > 0).collect();
    match made[..] {
        [] => "none".to_owned(),
        _ => Vec::from_iter(made.iter().map(|(name, count)| format!("{count} {name}"))).join(", "),
    }
}
