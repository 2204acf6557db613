//! The services of AWS that a function asks, each with a set time to its answer: the embedded tables, and a KMS that opens
//! what it closed itself.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use local::engine::{Calls, Engine};
use serde_json::{Value, json};
use store::{Admin, Config, Endpoint, Store};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::double::{Answer, Asked, read, serve};
use super::function::{Function, beside, event};
use crate::nginx::{Nginx, PASSWORD, USER};

/// What DynamoDB takes for a read by key, as seen from Lambda.
pub(crate) const TABLES: Duration = Duration::from_millis(5);
/// What KMS takes for a `Decrypt`.
pub(crate) const KMS: Duration = Duration::from_millis(8);

/// Tables with an organisation whose key the KMS wraps, an administrator and a data source.
pub(crate) struct Aws {
    engine: Engine,
    settings: Vec<(String, String)>,
    authorization: String,
    /// Where its data source is proxied.
    proxy: String,
    /// How many items were read by key.
    items: Arc<AtomicU64>,
    /// Dropping these ends the tables.
    _listening: (oneshot::Sender<()>, tokio::runtime::Runtime),
    _data: TempDir,
}

impl Aws {
    /// Sets all up, with a data source `bench` that leads to `upstream`.
    pub(crate) fn start(upstream: &Nginx) -> anyhow::Result<Self> {
        let data = tempfile::tempdir().context("cannot make a data folder")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let engine = Engine::open(data.path())?;
        let port = (Ipv4Addr::LOCALHOST, 0).into();
        let listening = engine.listen(port, async { drop(stopped.await) });
        let tables = runtime.block_on(listening)?.address();
        let store =
            Store::connect(Config::read(|_| None), Endpoint::InProcess(engine.http_client()));
        runtime.block_on(Admin::new(store).create_tables())?;
        let key = PrivateKey::generate(&ECDH_P256)?;
        let kms = serve(move |asked| keys(asked, &key).ok())?;
        let items = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&items);
        let relay = serve(move |asked| {
            counted.fetch_add(keys_of(asked), Ordering::Relaxed);
            relayed(asked, tables).ok()
        })?;
        let mut settings = written(data.path())?;
        settings.retain(|(name, _)| !name.starts_with("AWS_ENDPOINT_URL"));
        for (name, value) in [
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{relay}")),
            ("AWS_ENDPOINT_URL_KMS", format!("http://{kms}")),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("SOURCEGATE_KMS_KEY", "alias/bench".to_owned()),
            ("SOURCEGATE_EGRESS_ALLOW", "127.0.0.0/8".to_owned()),
        ] {
            settings.push((name.to_owned(), value));
        }
        let authorization = format!("Bearer {}", bootstrap(&settings)?);
        let listening = (stop, runtime);
        let proxy = create(upstream, &settings, &authorization)?;
        Ok(Self {
            engine,
            settings,
            authorization,
            proxy,
            items,
            _listening: listening,
            _data: data,
        })
    }

    /// What a function is started with.
    pub(crate) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// A proxied request of the administrator's, for the upstream's `path`.
    pub(crate) fn proxied(&self, path: &str) -> String {
        event("GET", &format!("{}{path}", self.proxy), &self.authorization, "")
    }

    /// How many items were read by key so far.
    pub(crate) fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    /// The calls that the tables answered so far.
    pub(crate) fn calls(&self) -> Calls {
        self.engine.calls()
    }
}

/// Registers a data source that leads to `upstream`; gives the path below which it is proxied.
fn create(
    upstream: &Nginx,
    settings: &[(String, String)],
    authorization: &str,
) -> anyhow::Result<String> {
    let source = json!({
        "name": "bench", "type": "prometheus", "access": "proxy", "url": upstream.url(),
        "basicAuth": true, "basicAuthUser": USER,
        "secureJsonData": { "basicAuthPassword": PASSWORD },
    });
    let registry = Function::start("datasources", settings)?;
    let call = event("POST", "/api/datasources", authorization, &source.to_string());
    let answer = String::from_utf8_lossy(&registry.invoke(&call)?.body).into_owned();
    let uid = answer.split("\"uid\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let uid = uid.with_context(|| format!("no data source: {answer}"))?;
    Ok(format!("/api/datasources/proxy/uid/{uid}"))
}

/// The lines by which processes of this machine find the tables.
fn written(data: &std::path::Path) -> anyhow::Result<Vec<(String, String)>> {
    let lines = std::fs::read_to_string(data.join("dynamodb"))?;
    let pairs = lines.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Makes the administrator as an operator does; gives his token.
fn bootstrap(settings: &[(String, String)]) -> anyhow::Result<String> {
    let mut command = Command::new(beside("sourcegate")?);
    command.args(["admin", "bootstrap", "--aws", "--json"]).env_clear();
    let output = command.envs(settings.iter().cloned()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let made: Value = serde_json::from_str(&said).with_context(|| {
        format!("no administrator: {said}{}", String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(made["token"].as_str().context("no token")?.to_owned())
}

/// How many items a call reads by their keys.
fn keys_of(asked: &Asked) -> u64 {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let tables = body["RequestItems"].as_object();
    let keys = tables.into_iter().flatten().filter_map(|(_, table)| table["Keys"].as_array());
    let is_get = asked.header("x-amz-target").is_some_and(|target| target.ends_with(".GetItem"));
    keys.map(|keys| keys.len() as u64).sum::<u64>() + u64::from(is_get)
}

/// Passes a call on, and keeps the answer back until its time has come.
fn relayed(asked: &Asked, tables: SocketAddr) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(tables)?;
    stream.set_nodelay(true)?;
    stream.write_all(&asked.bytes())?;
    let answer = read(&mut stream, &mut Vec::new())?.context("the tables do not answer")?;
    let status = answer.head.get(9..12).context("no status")?.parse()?;
    wait(asked.at + TABLES);
    Ok(Answer { status, ..Answer::json(answer.body) })
}

/// Every pair is the same, and what closes its private half is nothing: what is measured is a time.
fn keys(asked: &Asked, key: &PrivateKey) -> anyhow::Result<Answer> {
    let operation = asked.header("x-amz-target").and_then(|target| target.rsplit('.').next());
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let answer = match operation {
        Some("Decrypt") => {
            wait(asked.at + KMS);
            json!({ "KeyId": "bench", "Plaintext": body["CiphertextBlob"] })
        }
        Some("GenerateDataKeyPairWithoutPlaintext") => {
            let private: Pkcs8V1Der<'_> = key.as_der()?;
            let public: PublicKeyX509Der<'_> = key.compute_public_key()?.as_der()?;
            json!({
                "KeyId": "bench",
                "KeyPairSpec": body["KeyPairSpec"],
                "PrivateKeyCiphertextBlob": BASE64_STANDARD.encode(private.as_ref()),
                "PublicKey": BASE64_STANDARD.encode(public.as_ref()),
            })
        }
        // What opens the way ahead of a call.
        _ => json!("healthy"),
    };
    Ok(Answer::json(answer.to_string()))
}

fn wait(until: Instant) {
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
}
