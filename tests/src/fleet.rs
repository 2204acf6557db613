//! Many processes of our functions on one set of tables and one KMS, as Lambda runs them: each has one request at a
//! time, from a Runtime API of its own, and reaches tables and KMS by doors of its own, so that each one's calls can
//! be told.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

mod door;
mod member;
mod policy;
mod redirected;
mod signed;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth::Role;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use local::engine::Engine;
use secrecy::{ExposeSecret as _, SecretString};
use sourcegate_core::OrgId;
use store::{Admin, Config, Endpoint, Keyring, Rights, Store};
use tempfile::TempDir;
use tokio::sync::{Semaphore, oneshot};

use crate::app::PASSWORD;
use crate::moto::{Kms, shared_moto};
use crate::runtime_api::Call;

pub use door::Door;
pub use member::{Member, everyone, spread};
pub use policy::Policy;
pub(crate) use signed::signed_at;

/// The user who administers the server.
const ADMIN: &str = "admin";

/// The tables, KMS with a key, and what processes need to know of them.
#[derive(Debug)]
pub struct Fleet {
    tables: SocketAddr,
    /// How many calls the tables take at once.
    turns: Arc<Semaphore>,
    key_id: String,
    settings: Vec<(String, String)>,
    token: String,
    /// The embedded engine's data; its end closes the engine's listener.
    _engine: Option<(oneshot::Sender<()>, TempDir)>,
}

impl Fleet {
    /// Sets up the embedded engine's tables with one organisation, whose keys KMS wraps, and starts no process.
    ///
    /// # Panics
    ///
    /// When something of it does not come up.
    pub async fn start() -> Self {
        let (_kms, key_id, keyring) = keyring().await;
        let data = tempfile::tempdir().expect("a folder for the data");
        let engine = Engine::open(data.path()).expect("the data folder opens");
        let token = found(Config::read(|_| None), engine.http_client(), &keyring).await;
        let (listening, stopped) = oneshot::channel::<()>();
        let port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = engine.listen(port, async { drop(stopped.await) }).await;
        let tables = listener.expect("the tables are offered").address();
        let settings = settings(data.path());
        let turns = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { tables, turns, key_id, settings, token, _engine: Some((listening, data)) }
    }

    /// The same with tables of moto's, under names of their own.
    ///
    /// # Panics
    ///
    /// When something of it does not come up.
    pub async fn on_moto() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (_kms, key_id, keyring) = keyring().await;
        let tables = shared_moto().await;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut settings = ["ACCESS", "REGISTRY", "SCRATCH"]
            .map(|table| (format!("SOURCEGATE_TABLE_{table}"), format!("fleet-{number}-{table}")))
            .to_vec();
        let named = |wanted: &str| {
            let mut named = settings.iter().filter(|(name, _)| name == wanted);
            named.next().map(|(_, value)| value.clone())
        };
        let token = found(Config::read(named), redirected::to(tables), &keyring).await;
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            settings.push((name.to_owned(), "TEST".to_owned()));
        }
        // A transaction that fails there puts whole tables back, and with them what others have written meanwhile.
        let turns = Arc::new(Semaphore::new(1));
        Self { tables, turns, key_id, settings, token, _engine: None }
    }

    /// Starts processes of a function, all at once, and waits until each asks for its first event.
    ///
    /// # Panics
    ///
    /// When one does not.
    pub async fn members(&self, function: &str, count: usize) -> Vec<Member> {
        let starting = (0..count).map(|_| Member::start(self, function, None, &[]));
        futures_util::future::join_all(starting).await
    }

    /// Starts one process of a function.
    ///
    /// # Panics
    ///
    /// When it does not ask for an event.
    pub async fn member(&self, function: &str) -> Member {
        Member::start(self, function, None, &[]).await
    }

    /// Starts one process of a function with further settings, which count more than the usual ones.
    ///
    /// # Panics
    ///
    /// When it does not ask for an event.
    pub async fn member_with(&self, function: &str, settings: &[(&str, &str)]) -> Member {
        Member::start(self, function, None, settings).await
    }

    /// Starts one process of a function that may do what a policy allows and nothing else.
    ///
    /// # Panics
    ///
    /// When it does not ask for an event.
    pub async fn member_of(&self, function: &str, policy: Policy) -> Member {
        Member::start(self, function, Some(policy), &[]).await
    }

    /// The id of the key that wraps the organisations' keys.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The access key id and the secret that the tables know.
    ///
    /// # Panics
    ///
    /// When the settings name none.
    #[must_use]
    pub fn credentials(&self) -> [String; 2] {
        let setting = |wanted: &str| {
            let mut found = self.settings.iter().filter(|(name, _)| name == wanted);
            found.next().map(|(_, value)| value.clone()).expect("a credential")
        };
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(setting)
    }

    /// What a process uses to reach the tables by its door: a client with the process's credentials.
    ///
    /// # Panics
    ///
    /// When the settings name no credentials.
    #[must_use]
    pub fn tables_by(&self, door: &Door) -> aws_sdk_dynamodb::Client {
        let [key, secret] = self.credentials();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(door.url())
            .credentials_provider(Credentials::new(key, secret, None, None, "fleet"))
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// The same for KMS.
    #[must_use]
    pub fn kms_by(&self, door: &Door) -> aws_sdk_kms::Client {
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(door.url())
            .credentials_provider(Credentials::new("test", "test", None, None, "fleet"))
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        aws_sdk_kms::Client::from_conf(config.build())
    }

    /// A request of an administrator of the first organisation.
    #[must_use]
    pub fn call(&self, method: &str, target: &str) -> Call {
        Call::new(method, target).header("Authorization", &format!("Bearer {}", self.token))
    }

    /// A request of the user who administers the server.
    #[must_use]
    pub fn server_call(&self, method: &str, target: &str) -> Call {
        let pair = BASE64_STANDARD.encode(format!("{ADMIN}:{PASSWORD}"));
        Call::new(method, target).header("Authorization", &format!("Basic {pair}"))
    }
}

/// Makes a key; gives it with its id and the way to it.
async fn keyring() -> (Kms, String, Keyring) {
    let kms = Kms::start().await;
    let key_id = kms.create_key().await;
    let keyring = Keyring::Kms { client: client(&kms).into(), key_id: key_id.clone() };
    (kms, key_id, keyring)
}

/// Makes the tables, the first organisation and its administrators; gives a token.
async fn found(config: Config, tables: SharedHttpClient, keyring: &Keyring) -> String {
    let admin = Admin::new(Store::connect(config, Endpoint::InProcess(tables)));
    admin.create_tables().await.expect("the tables");
    assert!(admin.bootstrap(keyring).await.expect("the first organisation"));
    let rights = Rights { role: Role::Admin, is_server_admin: true };
    let password = SecretString::from(PASSWORD);
    assert!(admin.create_user(OrgId::MAIN, ADMIN, &password, rights).await.expect("a user"));
    let token = admin.create_token(OrgId::MAIN, Role::Admin).await.expect("a token");
    token.text.expose_secret().to_owned()
}

/// What the listener says of itself to processes on this machine.
fn settings(data: &Path) -> Vec<(String, String)> {
    let lines = std::fs::read_to_string(data.join("dynamodb")).expect("the tables' settings");
    let pairs = lines.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn client(kms: &Kms) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("a", "b", None, None, "tests"))
        .region(Region::new("us-east-1"))
        .endpoint_url(kms.endpoint())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_kms::Client::from_conf(config.build())
}
