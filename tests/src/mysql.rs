//! A real MySQL with TLS, accounts that may more and less, and tables to read: 8.0.15, or what `SOURCEGATE_TEST_MYSQL` names.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::certificates::certificates;
use crate::mariadb::{ACCOUNTS, client, is_up, run, serving};
use crate::process::{Process, is_root, root};

pub use crate::mariadb::{PASSWORD, SERVER_NAME};

/// What is there: a database `shop` with tables.
const CONTENT: &str = include_str!("mysql/content.sql");

/// What MariaDB says in other words, and a privilege of the kind that MySQL alone has.
const MORE_ACCOUNTS: &str = "SET DEFAULT ROLE staff TO staffed;
CREATE USER sets IDENTIFIED BY 'mariadb-password-4711';
GRANT SYSTEM_VARIABLES_ADMIN ON *.* TO sets;
GRANT SELECT ON shop.* TO sets;";

/// The administrator comes over TCP, as everybody does. A statement has a line.
const ADMINISTRATOR: &str =
    "CREATE USER root@'127.0.0.1';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n";

/// Small and forgetful: nothing here outlives its test.
const SMALL: [&str; 6] = [
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=16M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--performance-schema-max-table-instances=200",
    "--skip-name-resolve",
];

/// A running MySQL.
#[derive(Debug)]
pub struct Mysql {
    address: SocketAddr,
    process: Process,
    authority: String,
}

impl Mysql {
    /// The one that all tests of this process share; it ends with the process.
    ///
    /// # Panics
    ///
    /// When MySQL is not there, which `tests/setup` puts into target/mysql, or does not come up.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Mysql> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(&[])).await
    }

    /// Starts one of its own, with settings such as `--max-connections=5`, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When MySQL is not there, which `tests/setup` puts into target/mysql, or does not come up.
    pub async fn start(settings: &[&str]) -> Self {
        let (authority, certificate, key) = certificates(SERVER_NAME);
        // This takes seconds, in which another may take a port that is free now.
        let empty = TempDir::new().expect("a folder for MySQL");
        install(empty.path());
        let start = |address: SocketAddr| {
            let folder = TempDir::new().expect("a folder for MySQL");
            let path = folder.path();
            let copied =
                Command::new("cp").arg("-r").arg(empty.path().join("data")).arg(path).status();
            assert!(copied.expect("start cp").success(), "cannot copy an empty database");
            std::fs::write(path.join("first.sql"), ADMINISTRATOR).expect("write a file");
            let mut command = command(path);
            command.args(["--mysqlx=OFF", "--log-bin-trust-function-creators"]);
            command.arg(format!("--init-file={}", path.join("first.sql").display()));
            command.args(serving(path, address, (&certificate, &key)));
            command.args(settings);
            (command, Some(folder))
        };
        let (process, address) = Process::serve("mysql", start, async |at| is_up(at)).await;
        let mysql = Self { address, process, authority };
        mysql.sql("mysql", &[CONTENT, ACCOUNTS, MORE_ACCOUNTS].concat());
        mysql
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

/// Makes an empty database in `data`.
fn install(folder: &Path) {
    let output = command(folder).arg("--initialize-insecure").output().expect("start mysqld");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn command(folder: &Path) -> Command {
    let home = web::env("SOURCEGATE_TEST_MYSQL").map(PathBuf::from);
    let home = home.unwrap_or_else(|| root().join("target/mysql"));
    let library = home.join("lib/ecdhe.so");
    let mut command = Command::new(home.join("bin/mysqld"));
    command.env("LD_LIBRARY_PATH", home.join("lib"));
    command.envs(library.exists().then_some(("LD_PRELOAD", library)));
    command.arg("--no-defaults").arg(format!("--basedir={}", home.display()));
    command.arg(format!("--datadir={}", folder.join("data").display()));
    command.arg(format!("--tmpdir={}", folder.display())).arg("--secure-file-priv=");
    command.args(is_root().then_some("--user=root")).args(SMALL);
    command
}
