//! The local binary as a process of its own, as an operator runs it: every layer on, JSON log into a
//! file.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use tempfile::TempDir;

use crate::client::Client;
use crate::nginx::{Nginx, PASSWORD, USER};
use crate::program::{Program, free_address};

/// A running gateway with a data folder of its own.
pub(crate) struct Gateway {
    pub(crate) program: Program,
    token: String,
    _data: TempDir,
}

impl Gateway {
    /// Starts the binary that lies beside the bench.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let data = tempfile::tempdir().context("cannot make a data folder")?;
        let address = free_address()?;
        let binary = std::env::current_exe()?.with_file_name("sourcegate");
        let mut command = Command::new(binary);
        command.arg("--data").arg(data.path().join("data"));
        command.args(["--listen", &address.to_string(), "--log", "json"]);
        command.stdout(File::create(data.path().join("log"))?).stderr(Stdio::null());
        let program = Program::start(command, address)?;
        // It listens before it has made its administrator, and answers after.
        Client::connect(address, "")?.json("GET", "/api/health", &serde_json::Value::Null)?;
        let token = admin_token(&data.path().join("data"))?;
        Ok(Self { program, token, _data: data })
    }

    /// The administrator's credential, as a header's line.
    pub(crate) fn authorization(&self) -> String {
        authorization(&self.token)
    }

    /// A connection to it.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.program.address(), &self.authorization())
    }

    /// A connection without a credential.
    pub(crate) fn anonymous(&self) -> anyhow::Result<Client> {
        Client::connect(self.program.address(), "")
    }
}

/// A token as a header's line.
pub(crate) fn authorization(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// The token that the first start on a data folder made.
pub(crate) fn admin_token(data: &Path) -> anyhow::Result<String> {
    let file = fs::read_to_string(data.join("admin"))?;
    let line = file.lines().find_map(|line| line.strip_prefix("SOURCEGATE_ADMIN_TOKEN="));
    Ok(line.context("the first start made no token")?.trim_matches('\'').to_owned())
}

/// Registers the upstream with its password; gives the path below which requests reach it.
pub(crate) fn register(client: &mut Client, upstream: &Nginx) -> anyhow::Result<String> {
    let source = serde_json::json!({
        "name": "bench",
        "type": "prometheus",
        "access": "proxy",
        "url": upstream.url(),
        "basicAuth": true,
        "basicAuthUser": USER,
        "secureJsonData": { "basicAuthPassword": PASSWORD },
    });
    let created = client.json("POST", "/api/datasources", &source)?;
    let uid = created["datasource"]["uid"].as_str().context("a created data source has a uid")?;
    Ok(format!("/api/datasources/proxy/uid/{uid}"))
}
