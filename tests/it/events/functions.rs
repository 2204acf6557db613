//! The functions as processes, on the tables of a gateway that runs beside them.

use std::net::SocketAddr;
use std::path::Path;

use harness::TestApp;
use harness::process::Process;
use harness::runtime_api::{Answered, Call, RuntimeApi, function};
use serde_json::Value;

/// A function and what sends it events.
pub(crate) struct Function {
    pub(crate) api: RuntimeApi,
    pub(crate) process: Process,
}

/// All functions.
pub(crate) struct Functions {
    pub(crate) app: TestApp,
    pub(crate) access: Function,
    pub(crate) datasources: Function,
    pub(crate) http_proxy: Function,
    pub(crate) perses_api: Function,
    pub(crate) sql_proxy: Function,
}

/// The settings with which a process on this machine uses the tables of a running gateway.
pub(crate) fn settings(data: &Path) -> Vec<(String, String)> {
    let lines = std::fs::read_to_string(data.join("dynamodb")).expect("the tables' settings");
    let pairs = lines.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A gateway that offers its tables.
pub(crate) async fn offering() -> TestApp {
    TestApp::with(|setup| setup.dynamodb_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)))).await
}

/// What sends requests to data sources opens secrets; the registry holds neither key nor right to.
pub(crate) fn proxy_settings(data: &Path) -> Vec<(String, String)> {
    let key = data.join("key").to_string_lossy().into_owned();
    let mut settings = settings(data);
    settings.push(("SOURCEGATE_KEY_FILE".to_owned(), key));
    settings.push(("SOURCEGATE_EGRESS_ALLOW".to_owned(), "127.0.0.0/8".to_owned()));
    settings
}

/// The registry dials nobody, but it refuses at the save what may not be dialled.
pub(crate) fn registry_settings(data: &Path) -> Vec<(String, String)> {
    let mut settings = settings(data);
    settings.push(("SOURCEGATE_EGRESS_ALLOW".to_owned(), "127.0.0.0/8".to_owned()));
    settings
}

impl Function {
    /// Starts a built function behind a Runtime API of its own.
    pub(crate) async fn start(name: &str, settings: Vec<(String, String)>) -> Self {
        let api = RuntimeApi::start().await;
        let mut command = function(name, &api.endpoint());
        command.envs(settings);
        let process = Process::spawn(name, &command, None);
        Self { api, process }
    }
}

impl Functions {
    pub(crate) async fn start() -> Self {
        let app = offering().await;
        // It makes key pairs, and so has the key.
        let access = Function::start("access", proxy_settings(app.data())).await;
        let datasources = Function::start("datasources", registry_settings(app.data())).await;
        let http_proxy = Function::start("http-proxy", proxy_settings(app.data())).await;
        // It seals secrets and opens none.
        let perses_api = Function::start("perses-api", settings(app.data())).await;
        let sql_proxy = Function::start("sql-proxy", proxy_settings(app.data())).await;
        Self { app, access, datasources, http_proxy, perses_api, sql_proxy }
    }

    /// A request of the administrator's.
    pub(crate) fn call(&self, method: &str, target: &str) -> Call {
        Call::new(method, target).header("Authorization", self.app.as_admin().authorization())
    }

    /// Registers a data source by the function that does.
    pub(crate) async fn create(&self, source: &Value) -> Value {
        let call = self.call("POST", "/api/datasources").json(source);
        let answer = self.datasources.api.invoke(call.rest()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["datasource"].clone()
    }

    /// Sends a request through the data source `uid`.
    pub(crate) async fn proxied(&self, method: &str, target: &str) -> Answered {
        let target = format!("/api/datasources/proxy/uid/{target}");
        self.http_proxy.api.invoke(self.call(method, &target).rest()).await
    }
}
