//! The whole gateway in this process, on a port and a data folder of its own.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auth::Role;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use local::engine::{Calls, Engine};
use local::{Server, Setup};
use secrecy::ExposeSecret;
use serde_json::json;
use sourcegate_core::OrgId;
use store::{Admin, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::client::Client;
use crate::hostile::{Faults, Hostile};

/// What users log in with whom [`TestApp::create_user`] makes.
pub const PASSWORD: &str = "correct horse";

/// A running gateway; stopped when dropped.
pub struct TestApp {
    address: SocketAddr,
    engine: Arc<Engine>,
    store: Store,
    hostile: Hostile,
    data: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<anyhow::Result<()>>>,
}

impl TestApp {
    /// Starts a gateway that may dial loopback and private addresses, as `cargo run` does.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a gateway whose tables behave as AWS at its worst, once it is set up.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn hostile(faults: Faults) -> Self {
        let app = Self::start().await;
        app.hostile.set(faults);
        app
    }

    /// Starts a gateway with other settings.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let data = tempfile::tempdir().expect("a folder for the data");
        let mut setup = Setup {
            data: data.path().to_owned(),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            hosts: Vec::new(),
            egress_allow: None,
            grafana: grafana::Settings::default(),
            perses: Default::default(),
            dynamodb_listen: None,
            provisioning: None,
            demo: false,
            jwt: None,
            spans: None,
            rds: None,
        };
        change(&mut setup);
        let engine = opened(&setup.data).await;
        let hostile = Hostile::around(engine.http_client());
        let server =
            Server::over(setup, engine, hostile.http_client()).await.expect("the gateway starts");
        let (address, engine, store) =
            (server.address(), Arc::clone(server.engine()), server.store().clone());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
        Self { address, engine, store, hostile, data, stop: Some(stop), serving: Some(serving) }
    }

    /// Gives the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives the data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Gives the store, for what has no route.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Counts the calls to the tables so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.engine.calls()
    }

    /// Gives what stands before the tables.
    #[must_use]
    pub fn tables(&self) -> &Hostile {
        &self.hostile
    }

    /// Gives a client of the tables themselves, for what no route writes.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        dynamodb(self.engine.http_client())
    }

    /// A client without credentials.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        Client::new(self.address, None)
    }

    /// A client with the token that the first start made.
    #[must_use]
    pub fn as_admin(&self) -> Client {
        Client::new(
            self.address,
            Some(format!("Bearer {}", self.admin_line("SOURCEGATE_ADMIN_TOKEN"))),
        )
    }

    /// A client that logs in with the password that the first start made.
    #[must_use]
    pub fn as_admin_user(&self) -> Client {
        Client::basic(self.address, "admin", &self.admin_line("SOURCEGATE_ADMIN_PASSWORD"))
    }

    /// A client with a new token of a role.
    ///
    /// # Panics
    /// If no token can be made.
    pub async fn as_role(&self, role: Role) -> Client {
        Client::new(self.address, Some(format!("Bearer {}", self.token(role).await)))
    }

    /// A client that may read and query.
    pub async fn as_viewer(&self) -> Client {
        self.as_role(Role::Viewer).await
    }

    /// Makes a token of a role.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn token(&self, role: Role) -> String {
        self.token_in(OrgId::MAIN, role).await
    }

    /// Makes a token of a role in an organisation.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn token_in(&self, org: OrgId, role: Role) -> String {
        let made = Admin::new(self.store.clone()).create_token(org, role).await;
        made.expect("a token").text.expose_secret().to_owned()
    }

    /// A client with a new token of a role in an organisation.
    ///
    /// # Panics
    /// If no token can be made.
    pub async fn as_role_in(&self, org: OrgId, role: Role) -> Client {
        Client::new(self.address, Some(format!("Bearer {}", self.token_in(org, role).await)))
    }

    /// Makes an organisation over the API; the administrator becomes its administrator too.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn create_org(&self, name: &str) -> OrgId {
        let made = self.as_admin_user().post("/api/orgs", &json!({ "name": name })).await;
        let id = made.json()["orgId"].as_i64();
        id.and_then(|id| OrgId::new(id).ok()).unwrap_or_else(|| panic!("{}", made.text()))
    }

    /// Makes a user over the API, in one organisation with one role. He logs in with [`PASSWORD`].
    ///
    /// # Panics
    /// If he is refused.
    pub async fn create_user(&self, login: &str, org: OrgId, role: &str) -> Client {
        let admin = self.as_admin_user();
        let user = json!({ "login": login, "password": PASSWORD, "OrgId": org.get() });
        let made = admin.post("/api/admin/users", &user).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let path = format!("/api/orgs/{org}/users/{}", made.json()["id"]);
        let changed = admin.patch(&path, &json!({ "role": role })).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        Client::basic(self.address, login, PASSWORD)
    }

    /// Reads one of the shell lines in the administrator's file.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn admin_line(&self, name: &str) -> String {
        let file = std::fs::read_to_string(self.data.path().join("admin"))
            .expect("the administrator's file");
        let line = file.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.expect("a line of that name").trim_matches('\'').to_owned()
    }

    /// Sends bytes as they are and reads until the gateway closes: for what no client library would send. The request
    /// should say `Connection: close`.
    ///
    /// # Panics
    /// If there is no connection.
    pub async fn raw(&self, request: impl AsRef<[u8]>) -> Vec<u8> {
        exchange(self.address, request.as_ref()).await
    }

    /// Opens a connection, for requests that are sent and answers that are read bit by bit.
    ///
    /// # Panics
    /// If the gateway does not listen.
    pub async fn connect(&self) -> TcpStream {
        connect(self.address).await
    }

    /// Stops as SIGTERM does and waits until what is in flight is done.
    ///
    /// # Panics
    /// If serving failed.
    pub async fn stop(mut self) -> TempDir {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            serving.await.expect("serving did not panic").expect("serving ended well");
        }
        std::mem::replace(&mut self.data, tempfile::tempdir().expect("another folder"))
    }
}

/// Opens a data folder. One whose gateway has just stopped in this process is in use until its last task has ended.
async fn opened(data: &Path) -> Engine {
    for _ in 0..200 {
        match Engine::open(data) {
            Err(local::engine::Error::InUse { .. }) => sleep(Duration::from_millis(25)).await,
            engine => return engine.expect("the data folder opens"),
        }
    }
    panic!("{} is in use for 5 s after its gateway has stopped", data.display());
}

/// Makes a client of tables that are reached in this process.
#[must_use]
pub fn dynamodb(tables: SharedHttpClient) -> aws_sdk_dynamodb::Client {
    let nobody = Credentials::new("tests", "tests", None, None, "tests");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .endpoint_url("http://in-process.invalid")
        .credentials_provider(nobody)
        .http_client(tables);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Sends bytes as they are and reads until the gateway closes.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(address).await;
    // A gateway that refuses a request need not read all of it.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    // A reset after an answer is an answer too.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// Connects without the egress guard, which judges what the gateway dials, not what tests do.
#[expect(clippy::disallowed_methods, reason = "a test's own connection to the gateway")]
async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("the gateway listens")
}
