//! Everything in one process: the embedded tables, every router, one port.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use egress::{Dns, Egress, Timeouts};
use gateway::{Engines, Gateway};
use grafana::provisioning::{Provisioning, Report};
use sourcegate_core::{Cidr, Policy};
use sql::Sql;
use store::{Admin, Config, Endpoint, Keyring, MarkKey, Provisioner, RdsTokens, Store, Vault};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use upstream::Upstream;
use web::{Jwt, LocalGuard, Options, Spans};

use crate::args::Args;
use crate::demo::Demo;
use crate::engine::{Engine, Listener};
use crate::first_start::{self, Administrator};
use crate::metrics::Metrics;
use crate::{demo, greeting};

/// How often it is seen whether something is to be swept; that asks the tables only when something is.
const SWEEPING: Duration = Duration::from_secs(5);

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Hosts that are served beside the local ones.
    pub hosts: Vec<String>,
    /// Networks that may be dialled instead of loopback and the private ones.
    pub egress_allow: Option<Vec<Cidr>>,
    /// How the Grafana dialect speaks.
    pub grafana: grafana::Settings,
    /// What the Perses dialect is told.
    pub perses: perses::Settings,
    /// Where to offer the tables.
    pub dynamodb_listen: Option<SocketAddr>,
    /// A folder of data sources in Grafana's provisioning files.
    pub provisioning: Option<PathBuf>,
    /// Whether to start the demo's upstream.
    pub demo: bool,
    /// What verifies JWTs; none refuses them.
    pub jwt: Option<Jwt>,
    /// Where spans of requests go; none for nowhere.
    pub spans: Option<Spans>,
    /// What databases of RDS are logged in to with; none for their passwords alone.
    pub rds: Option<RdsTokens>,
}

impl From<&Args> for Setup {
    fn from(args: &Args) -> Self {
        Self {
            data: args.data.clone(),
            listen: args.listen,
            hosts: args.host.clone(),
            egress_allow: args.egress_allow.clone(),
            grafana: grafana::Settings {
                compat: args.grafana_compat,
                datasource_limit: args.datasource_limit,
            },
            perses: perses::Settings { sql_format: args.sql_format, trailers: true },
            dynamodb_listen: args.dynamodb_listen,
            // A variable that is set to nothing is as one that is not set.
            provisioning: args.provisioning.clone().filter(|dir| !dir.as_os_str().is_empty()),
            demo: args.demo,
            jwt: None,
            spans: None,
            rds: None,
        }
    }
}

/// A server that is ready to serve.
pub struct Server {
    address: SocketAddr,
    setup: Setup,
    listener: TcpListener,
    engine: Arc<Engine>,
    administrator: Administrator,
    store: Store,
    gateway: Gateway,
    metrics: Metrics,
    keyring: Arc<Keyring>,
    policy: Policy,
    provisioning: Provisioning,
    provisioned: Report,
    tables: Option<Tables>,
    demo: Option<Demo>,
}

/// The embedded tables, offered to other processes until this is stopped or dropped.
struct Tables {
    listener: Listener,
    stop: oneshot::Sender<()>,
}

impl Server {
    /// Opens the data folder, sets up what is missing and binds the port.
    ///
    /// # Errors
    /// Another server holds the folder, a file is damaged, the port is taken.
    pub async fn start(setup: Setup) -> anyhow::Result<Self> {
        let engine = Engine::open(&setup.data)?;
        let tables = engine.http_client();
        Self::over(setup, engine, tables).await
    }

    /// The same over an engine that is open, reached through another client: what stands before the tables in tests.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn over(
        setup: Setup,
        engine: Engine,
        tables: SharedHttpClient,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(setup.listen).await.with_context(|| {
            format!("cannot listen on {}; give --listen another address", setup.listen)
        })?;
        let address = listener.local_addr()?;
        let store = connect(tables);
        let keyring = first_start::keyring(&setup.data)?;
        let chosen = web::env("SOURCEGATE_ADMIN_PASSWORD");
        let administrator =
            first_start::administrator(&Admin::new(store.clone()), &keyring, &setup.data, chosen)
                .await?;
        let tables = match setup.dynamodb_listen {
            Some(address) => Some(Tables::offer(&engine, address).await?),
            None => None,
        };
        let offered = tables.as_ref().map(|tables| tables.listener.address());
        let policy = policy(&setup, address, offered);
        let demo = match setup.demo {
            true => Some(demo::start(&store).await.context("cannot start the demo")?),
            false => None,
        };
        let provisioning = provisioning(&setup, &store, &keyring, &policy);
        let provisioned = provisioning.apply().await;
        let egress = Egress::new(policy.clone(), Dns::System, Timeouts::default());
        let door = egress.clone();
        let metrics = Metrics::new(move || door.stats())?;
        let vault = Vault::new(keyring, store.deployment().to_owned());
        let upstream = Upstream::new(egress.clone(), upstream::Limits::default());
        let sql = Some(Sql::new(egress, sql::Limits::default()));
        let engines = Engines { upstream, sql, rds: setup.rds.clone() };
        let gateway = Gateway::new(store.clone(), vault, engines);
        let engine = Arc::new(engine);
        // The vault keeps its own, which alone is used to unwrap.
        let keyring = Arc::new(first_start::keyring(&setup.data)?);
        // What an earlier process was stopped at.
        store.sweep_if_due().await;
        Ok(Self {
            address,
            setup,
            listener,
            engine,
            administrator,
            store,
            gateway,
            metrics,
            keyring,
            policy,
            provisioning,
            provisioned,
            tables,
            demo,
        })
    }

    /// Gives the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives the store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Gives the gateway, for what is measured without a socket.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Gives the embedded tables, for counting calls.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Gives the demo's upstream, if it was started.
    #[must_use]
    pub fn demo(&self) -> Option<SocketAddr> {
        self.demo.as_ref().map(|demo| demo.upstream)
    }

    /// Says what was done and what to try; new credentials are printed only to a terminal.
    ///
    /// # Errors
    /// The credentials' file cannot be read.
    pub fn greeting(&self) -> anyhow::Result<String> {
        let text = greeting::text(&greeting::Started {
            address: self.address,
            data: &self.setup.data,
            administrator: &self.administrator,
            demo: self.demo.as_ref(),
            provisioned: self.setup.provisioning.as_deref().zip(Some(&self.provisioned)),
            dynamodb: self.tables.as_ref().map(|tables| tables.listener.address()),
        });
        if self.administrator.is_new && std::io::stderr().is_terminal() {
            let credentials = std::fs::read_to_string(&self.administrator.file)?;
            return Ok(format!("{text}\n{credentials}"));
        }
        Ok(text)
    }

    /// Makes every route that AWS has too.
    pub fn router(&self) -> web::Router {
        grafana::datasources::router(self.store.clone(), self.policy.clone(), self.setup.grafana)
            .merge(grafana::permissions::router(self.store.clone()))
            .merge(grafana::correlations::router(self.store.clone()))
            .merge(grafana::basics::router(self.store.clone()))
            .merge(grafana::orgs::router(self.store.clone(), Arc::clone(&self.keyring)))
            .merge(grafana::users::router(self.store.clone()))
            .merge(grafana::accounts::router(self.store.clone()))
            .merge(grafana::provisioning::router(self.provisioning.clone()))
            .merge(grafana::proxy::router(self.gateway.clone()))
            .merge(grafana::docs::router())
            .merge(perses::documents::router(self.store.clone()))
            .merge(perses::roles::router(self.store.clone()))
            .merge(perses::login::router(self.store.clone()))
            .merge(perses::users::router(self.store.clone()))
            .merge(perses::basics::router(self.store.clone()))
            .merge(perses::proxy::router(self.gateway.clone()))
            .merge(perses::sql::router(self.gateway.clone(), self.setup.perses))
            .merge(perses::unsaved::router(self.gateway.clone(), self.setup.perses))
            .fallback(absent)
    }

    /// Serves until `stop` ends, then finishes what is in flight.
    ///
    /// # Errors
    /// The listener or the tables' listener fails.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) -> anyhow::Result<()> {
        let router = self.router().merge(self.metrics.router());
        let guard = Some(guard(&self.setup, self.address));
        let observers = vec![self.metrics.observer()];
        let Setup { jwt, spans, .. } = self.setup;
        let options = Options { guard, jwt, observers, spans };
        let serving = web::serve::tcp(router, options, self.listener, stop);
        tokio::select! {
            served = serving => served?,
            () = sweeping(&self.store) => {}
        }
        match self.tables {
            Some(Tables { listener, stop }) => {
                drop(stop);
                Ok(listener.stopped().await?)
            }
            None => Ok(()),
        }
    }
}

/// Answers what no route serves, in the words of the dialect whose path it is like.
async fn absent(uri: http::Uri, arrival: web::Arrival) -> web::Response {
    match perses::is_near(uri.path()) {
        true => perses::fallback(arrival).await,
        false => grafana::fallback(arrival).await,
    }
}

impl Tables {
    async fn offer(engine: &Engine, address: SocketAddr) -> anyhow::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let listener = engine.listen(address, async { drop(stopped.await) }).await?;
        Ok(Self { listener, stop })
    }
}

pub(crate) fn connect(tables: SharedHttpClient) -> Store {
    Store::connect(Config::read(web::env), Endpoint::InProcess(tables))
}

/// Sweeps what deleted organisations left behind when it is due, for ever.
async fn sweeping(store: &Store) {
    loop {
        tokio::time::sleep(SWEEPING).await;
        store.sweep_if_due().await;
    }
}

/// What may be dialled: never our own listeners, nor an endpoint that this process uses.
fn policy(setup: &Setup, address: SocketAddr, tables: Option<SocketAddr>) -> Policy {
    let policy = Policy::local(setup.egress_allow.clone()).refusing_socket(address);
    let policy = tables.into_iter().fold(policy, Policy::refusing_socket);
    policy.refusing_endpoints(web::env)
}

/// Files that are read now and when asked. Their secrets are marked under the key file.
fn provisioning(setup: &Setup, store: &Store, keyring: &Keyring, policy: &Policy) -> Provisioning {
    let provisioner = Provisioner::new(store.clone(), MarkKey::of(keyring));
    Provisioning::new(setup.provisioning.clone(), provisioner, policy.clone())
}

fn guard(setup: &Setup, address: SocketAddr) -> LocalGuard {
    let local = [
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "[::1]".to_owned(),
        address.ip().to_string(),
    ];
    // An empty variable is a list of one empty name, which an empty `Host` would match.
    let more = setup.hosts.iter().filter(|host| !host.is_empty()).cloned();
    LocalGuard::new(local.into_iter().chain(more))
}
