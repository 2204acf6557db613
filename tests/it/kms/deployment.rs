//! A gateway as it is deployed, but for the tables and KMS, which are stood in for.

use std::time::Duration;

use auth::Role;
use aws_sdk_dynamodb::primitives::Blob as Bytes;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeyPairSpec;
use axum::body::Body;
use egress::{Dns, Egress, Timeouts};
use gateway::Gateway;
use harness::build;
use harness::moto::Kms;
use harness::upstream::FakeUpstream;
use http::Request;
use http_body_util::BodyExt;
use local::engine::Engine;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sourcegate_core::{OrgId, Policy};
use store::{Admin, Config, Endpoint, Keyring, Store, Vault};
use tempfile::TempDir;
use tower::ServiceExt;
use upstream::{Limits, Upstream};

use crate::store::items::{ACCESS, Items, REGISTRY, number};

/// The tables, KMS with a key, and an upstream.
pub(super) struct Deployment {
    pub(super) kms: Kms,
    pub(super) client: Client,
    pub(super) key_id: String,
    pub(super) items: Items,
    pub(super) upstream: FakeUpstream,
    token: String,
    store: Store,
    engine: Engine,
    _data: TempDir,
}

/// One process of the function that opens secrets, with nothing in its memory yet.
pub(super) struct Process {
    stack: web::Stack,
    token: String,
}

impl Deployment {
    pub(super) async fn start() -> Self {
        let (kms, upstream) = (Kms::start().await, FakeUpstream::start().await);
        let (client, key_id) = (client(&kms), kms.create_key().await);
        let data = tempfile::tempdir().expect("a folder for the data");
        let engine = Engine::open(data.path()).expect("the data folder opens");
        let store = connect(&engine);
        let admin = Admin::new(store.clone());
        admin.create_tables().await.expect("the tables");
        let keyring = Keyring::Kms { client: client.clone().into(), key_id: key_id.clone() };
        assert!(admin.bootstrap(&keyring).await.expect("the first organisation"));
        let token = admin.create_token(OrgId::MAIN, Role::Admin).await.expect("a token");
        let token = token.text.expose_secret().to_owned();
        let items = Items::over(&engine);
        Self { kms, client, key_id, items, upstream, token, store, engine, _data: data }
    }

    /// Registers a data source with a password, as the function does that can seal and not open.
    pub(super) async fn create(&self, uid: &str) {
        let fields = json!({
            "uid": uid,
            "basicAuth": true,
            "basicAuthUser": "reader",
            "secureJsonData": { "basicAuthPassword": "hunter2" },
        });
        let source = build::with(build::plain(uid, &self.upstream.url()), fields);
        let router = grafana::datasources::router(
            self.store.clone(),
            Policy::local(None),
            grafana::Settings::default(),
        );
        let request = Request::post("/api/datasources").header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let request = request.body(Body::from(source.to_string())).expect("a request");
        let answer = web::stack(router, web::Options::default()).oneshot(request).await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }

    pub(super) async fn process(&self, deployment: &str) -> Process {
        self.process_with(&self.key_id, deployment).await
    }

    pub(super) async fn process_with(&self, key_id: &str, deployment: &str) -> Process {
        let keyring =
            Keyring::Kms { client: self.client.clone().into(), key_id: key_id.to_owned() };
        let vault = Vault::new(keyring, deployment.to_owned());
        let egress = Egress::new(Policy::local(None), Dns::System, Timeouts::default());
        let upstream = Upstream::new(egress, Limits::default());
        let gateway = Gateway::new(connect(&self.engine), vault, upstream);
        let stack = web::stack(grafana::proxy::router(gateway), web::Options::default());
        Process { stack, token: self.token.clone() }
    }

    pub(super) fn decrypts(&self) -> usize {
        self.kms.calls().get("Decrypt").copied().unwrap_or_default()
    }

    /// Checks that a process answers with this, and sends nothing.
    pub(super) async fn refuses(&self, process: &Process, status: u16, cause: &str) {
        assert_eq!(process.get("a").await, (status, cause.to_owned()));
        assert_eq!(self.upstream.seen().accepted, 0);
    }

    /// Gives the organisation's key another number, in its item and in the sealed values of `a`.
    pub(super) async fn renumber(&self, other: u8) {
        let renumber = |item: &mut crate::store::items::Item| {
            item.insert("number".to_owned(), number(other.into()));
        };
        self.items.change(ACCESS, ("KEY#1", "current"), renumber).await;
        let reseal = |item: &mut crate::store::items::Item| {
            let mut values = item["values"].as_m().expect("sealed values").clone();
            for value in values.values_mut() {
                let mut bytes = value.as_b().expect("a sealed value").clone().into_inner();
                bytes[4] = other;
                *value = AttributeValue::B(Bytes::new(bytes));
            }
            item.insert("values".to_owned(), AttributeValue::M(values));
        };
        self.items.change(REGISTRY, ("SEC#1", "DS#a"), reseal).await;
    }

    /// A private key of the right form that fits no public key here.
    pub(super) async fn encrypted_key(&self) -> Vec<u8> {
        let pair = self.client.generate_data_key_pair_without_plaintext().key_id(&self.key_id);
        let pair = pair.key_pair_spec(DataKeyPairSpec::EccNistP256).send().await.expect("a pair");
        let wrapped = pair.private_key_ciphertext_blob.expect("a wrapped key");
        let opened = self.client.decrypt().key_id(&self.key_id);
        let opened = opened.ciphertext_blob(Blob::new(wrapped.into_inner())).send().await;
        opened.expect("moto decrypts").plaintext.expect("a plaintext").into_inner()
    }
}

impl Process {
    /// Sends a request through a data source; gives the status and the cause of a failure.
    pub(super) async fn get(&self, uid: &str) -> (u16, String) {
        let request = Request::get(format!("/api/datasources/proxy/uid/{uid}/x"));
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.stack.clone().oneshot(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a whole body").to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        (status, body["cause"].as_str().unwrap_or_default().to_owned())
    }
}

fn connect(engine: &Engine) -> Store {
    let endpoint = Endpoint::InProcess(engine.http_client());
    Store::connect(Config::read(|_| None), endpoint)
}

/// A client that tries three times, with short pauses.
fn client(kms: &Kms) -> Client {
    let retries = RetryConfig::standard().with_max_attempts(3);
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(1));
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(kms.endpoint())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(retries.with_initial_backoff(Duration::from_millis(20)))
        .timeout_config(timeouts.build());
    Client::from_conf(config.build())
}
