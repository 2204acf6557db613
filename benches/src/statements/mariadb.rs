//! A MariaDB of the bench's own, and its client as the peer.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tempfile::TempDir;

use super::{Took, run_to_end};
use crate::client::Client;
use crate::program::{Program, free_address, installed};

/// What both are asked: the rows of PostgreSQL's statement.
pub(super) const QUERY: &str = "SELECT seq AS id, CONCAT('name ', seq) AS name, seq * 1.5 AS price, seq % 7 = 0 AS odd, \
                                TIMESTAMP'2026-01-01 00:00:00' + INTERVAL seq SECOND AS at FROM seq_1_to_1000000";
const PASSWORD: &str = "bench-password";
/// How long it may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server with a database `bench` and an account of the same name.
pub(super) struct Mariadb {
    program: Program,
    _folder: TempDir,
}

impl Mariadb {
    pub(super) fn start() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let mut install = server("mariadb-install-db", folder.path())?;
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        let installed = install.output().context("cannot start mariadb-install-db")?;
        let said = String::from_utf8_lossy(&installed.stderr);
        ensure!(installed.status.success(), "mariadb-install-db: {said}");
        let address = free_address()?;
        let mut command = server("mariadbd", folder.path())?;
        command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin"]);
        command.arg(format!("--port={}", address.port()));
        command.arg(format!("--socket={}", folder.path().join("socket").display()));
        command.arg(format!("--pid-file={}", folder.path().join("pid").display()));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let program = Program::start(command, address)?;
        let content = format!(
            "CREATE DATABASE bench; CREATE USER bench IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON bench.* TO bench"
        );
        let begun = Instant::now();
        loop {
            let mut client = client(address, "root");
            let client = client.args(["-e", &content]).stderr(Stdio::piped()).output()?;
            if client.status.success() {
                return Ok(Self { program, _folder: folder });
            }
            let said = String::from_utf8_lossy(&client.stderr);
            ensure!(begun.elapsed() < PATIENCE, "mariadb: {said}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Registers it under a name.
    pub(super) fn register(&self, client: &mut Client, name: &str) -> anyhow::Result<()> {
        let source = json!({
            "name": name, "type": "mysql", "access": "proxy", "user": "bench",
            "url": self.program.address().to_string(),
            "secureJsonData": { "password": PASSWORD },
            "jsonData": { "database": "bench" },
        });
        client.json("POST", "/api/datasources", &source).map(drop)
    }

    /// Has its own client write the rows.
    pub(super) fn copied(&self) -> anyhow::Result<Took> {
        let mut peer = client(self.program.address(), "bench");
        peer.env("MYSQL_PWD", PASSWORD).args(["--batch", "--quick", "bench", "-e", QUERY]);
        run_to_end(peer)
    }
}

fn server(program: &str, folder: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(installed(program)?);
    command.arg("--no-defaults").arg(format!("--datadir={}", folder.join("data").display()));
    command.arg(format!("--tmpdir={}", folder.display()));
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
    Ok(command)
}

fn client(address: SocketAddr, user: &str) -> Command {
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "--skip-ssl", "--host=127.0.0.1"]);
    client.arg(format!("--port={}", address.port())).arg(format!("--user={user}"));
    client
}
