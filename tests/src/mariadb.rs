//! A real MariaDB with TLS, accounts that may more and less, and tables to read.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::certificates::certificates;
use crate::process::{Process, installed, is_root};

/// The password of every account but the administrator's, who needs none.
pub const PASSWORD: &str = "mariadb-password-4711";

/// The name that the server's certificate has.
pub const SERVER_NAME: &str = "db.test";

/// What is there: a database `shop` with tables.
const CONTENT: &str = include_str!("mariadb/content.sql");

/// Who there is, also in MySQL: `reader` may read the tables, `writer` may write them, others may more or less.
pub(crate) const ACCOUNTS: &str = include_str!("mariadb/accounts.sql");

/// What MariaDB and MySQL say in other words.
const DEFAULT_ROLE: &str = "SET DEFAULT ROLE staff FOR staffed";

/// Small and forgetful: nothing here outlives its test.
const SMALL: [&str; 5] = [
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=16M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--skip-name-resolve",
];

/// A running MariaDB.
#[derive(Debug)]
pub struct Mariadb {
    address: SocketAddr,
    process: Process,
    authority: String,
}

impl Mariadb {
    /// The one that all tests of this process share; it ends with the process.
    ///
    /// # Panics
    ///
    /// When MariaDB is not installed or does not come up.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Mariadb> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(&[])).await
    }

    /// Starts one of its own, with settings such as `--max-connections=5`, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When MariaDB is not installed or does not come up.
    pub async fn start(settings: &[&str]) -> Self {
        let (authority, certificate, key) = certificates(SERVER_NAME);
        let start = |address: SocketAddr| {
            let folder = TempDir::new().expect("a folder for MariaDB");
            let path = folder.path();
            install(path);
            let mut command = command("mariadbd", path);
            command.args(SMALL).args(serving(path, address, (&certificate, &key))).args(settings);
            (command, Some(folder))
        };
        let (process, address) = Process::serve("mariadb", start, async |at| is_up(at)).await;
        let mariadb = Self { address, process, authority };
        mariadb.sql("mysql", &[CONTENT, ACCOUNTS, DEFAULT_ROLE].concat());
        mariadb
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that signed its certificate, in PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The process, for ending it.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Runs statements as the administrator; rows come as lines, values with tabs between them.
    ///
    /// # Panics
    ///
    /// When one of them fails.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        run(client("mariadb", self.address, "root"), database, statements)
    }
}

/// Where a server listens, of MariaDB or MySQL, what it keeps in its folder, and whose certificate it shows.
pub(crate) fn serving(
    folder: &Path,
    address: SocketAddr,
    (certificate, key): (&str, &str),
) -> [String; 7] {
    let file = |name: &str| folder.join(name).display().to_string();
    std::fs::write(file("server.crt"), certificate).expect("write a file");
    std::fs::write(file("server.key"), key).expect("write a file");
    [
        "--bind-address=127.0.0.1".to_owned(),
        "--skip-log-bin".to_owned(),
        format!("--port={}", address.port()),
        format!("--socket={}", file("socket")),
        format!("--pid-file={}", file("pid")),
        format!("--ssl-cert={}", file("server.crt")),
        format!("--ssl-key={}", file("server.key")),
    ]
}

/// Runs statements with a client, whose options say where and as whom.
pub(crate) fn run(mut client: Command, database: &str, statements: &str) -> String {
    client.args(["--batch", "--raw", "--skip-column-names", "--default-character-set=utf8mb4"]);
    client.arg(database).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = client.spawn().expect("start mariadb");
    let mut input = child.stdin.take().expect("its input");
    std::io::Write::write_all(&mut input, statements.as_bytes()).expect("write to it");
    drop(input);
    let output = child.wait_with_output().expect("wait for mariadb");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{statements}: {said}");
    String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
}

/// Makes an empty database in `data`.
fn install(folder: &Path) {
    let mut install = command("mariadb-install-db", folder);
    install.args(SMALL).args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    let output = install.output().expect("start mariadb-install-db");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(installed(program));
    command.arg("--no-defaults").arg(format!("--datadir={}", folder.join("data").display()));
    // One that starts removes the temporary tables that it finds, also those of others.
    command.arg(format!("--tmpdir={}", folder.display()));
    command.args(is_root().then_some("--user=root"));
    command
}

/// Tells whether a server answers there, of MariaDB or MySQL.
pub(crate) fn is_up(address: SocketAddr) -> bool {
    let mut ping = client("mariadb-admin", address, "root");
    let ping = ping.arg("ping").stdout(Stdio::null()).stderr(Stdio::null());
    ping.status().expect("start mariadb-admin").success()
}

pub(crate) fn client(program: &str, address: SocketAddr, user: &str) -> Command {
    let mut client = Command::new(installed(program));
    client.args(["--no-defaults", "--skip-ssl", "--host=127.0.0.1"]);
    client.arg(format!("--port={}", address.port())).arg(format!("--user={user}"));
    client
}
