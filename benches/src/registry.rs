//! How much the registry does in a second, with few data sources and with many.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

use crate::client::Client;
use crate::gateway::Gateway;
use crate::table::{number, row};

/// How long each operation is repeated.
const TIME: Duration = Duration::from_millis(1_500);

/// Prints one row for each number of data sources: operations per second over one connection.
pub(crate) fn measure(gateway: &Gateway, out: &mut impl Write) -> anyhow::Result<()> {
    let mut client = gateway.client()?;
    writeln!(out, "\nregistry: operations per second over one connection")?;
    row(out, &["data sources", "", "", "create", "read", "list", "update"])?;
    // The proxied one is there already.
    let mut made = 1;
    for count in [10, 1_000, 5_000] {
        let started = Instant::now();
        for number in made..count {
            client.json("POST", "/api/datasources", &source(&format!("filling {number}")))?;
        }
        let filled = f64::from(count - made) / started.elapsed().as_secs_f64();
        made = count;
        let uid = uid(&mut client)?;
        let path = format!("/api/datasources/uid/{uid}");
        let read = client.request("GET", &path, "");
        let list = client.request("GET", "/api/datasources", "");
        let update = client.request("PUT", &path, &source("filling 1").to_string());
        let mut rate = |request: &[u8]| rate(&mut client, request);
        let rates = [rate(&read)?, rate(&list)?, rate(&update)?].map(number);
        let [read, list, update] = &rates;
        row(out, &[&count.to_string(), "", "", &number(filled), read, list, update])?;
    }
    Ok(())
}

pub(crate) fn source(name: &str) -> Value {
    json!({
        "name": name,
        "type": "prometheus",
        "access": "proxy",
        "url": "http://127.0.0.1:9090",
        "jsonData": { "httpMethod": "POST", "httpHeaderName1": "X-Scope-OrgID" },
        "secureJsonData": { "httpHeaderValue1": "tenant" },
    })
}

fn uid(client: &mut Client) -> anyhow::Result<String> {
    let found = client.json("GET", "/api/datasources/name/filling%201", &Value::Null)?;
    Ok(found["uid"].as_str().context("a data source named `filling 1`")?.to_owned())
}

fn rate(client: &mut Client, request: &[u8]) -> anyhow::Result<f64> {
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < TIME {
        client.exchange(request, |_| {})?;
        count += 1;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}
