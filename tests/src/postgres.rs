//! A real PostgreSQL with TLS, roles that may more and less, and tables to read.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::certificates::certificates;
use crate::process::{Process, id, installed, is_root, root};

/// The password of every role but the superuser's, who needs none.
pub const PASSWORD: &str = "postgres-password-4711";

/// The name that the server's certificate has.
pub const SERVER_NAME: &str = "db.test";

/// Who may connect, and how they prove who they are.
const ACCESS: &str = "\
host all postgres 127.0.0.1/32 trust
host all clear 127.0.0.1/32 password
host all weak 127.0.0.1/32 md5
hostnossl all tls_only 127.0.0.1/32 reject
hostssl all no_tls 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
";

/// What is there: roles, and a database `shop` with tables that `reader` may read and `writer` may write.
const CONTENT: &str = include_str!("postgres/content.sql");

/// Names the folder of another version's `initdb` and `postgres`, for a process whose tests shall run on that.
pub const PROGRAMS: &str = "SOURCEGATE_TEST_POSTGRES";

/// A running PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    address: SocketAddr,
    process: Process,
    authority: String,
}

impl Postgres {
    /// The one that all tests of this process share; it ends with the process.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed or does not come up.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(&[])).await
    }

    /// Starts one of its own, with settings such as `max_connections=5`, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed or does not come up.
    pub async fn start(settings: &[&str]) -> Self {
        Self::with(SERVER_NAME, ACCESS, settings).await
    }

    /// The same with another name on its certificate and other rules for who may connect.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed or does not come up.
    pub async fn with(name: &str, access: &str, settings: &[&str]) -> Self {
        let (authority, certificate, key) = certificates(name);
        let start = |address: SocketAddr| {
            let folder = cluster(&certificate, &key, access);
            let mut command = as_postgres("postgres");
            command.arg("-D").arg(folder.path().join("data"));
            command.args(["-p", &address.port().to_string()]);
            for setting in settings {
                command.args(["-c", setting]);
            }
            (command, Some(folder))
        };
        let answers = async |address: SocketAddr| {
            let mut ready = Command::new(program("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &address.port().to_string()]);
            ready.status().expect("start pg_isready").success()
        };
        let (process, address) = Process::serve("postgres", start, answers).await;
        let postgres = Self { address, process, authority };
        postgres.fill();
        postgres
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

    /// Its `\connect` is psql's own, which is read from a file alone.
    fn fill(&self) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(CONTENT.as_bytes()).expect("write it");
        let mut psql = self.psql("postgres", "postgres");
        psql.args(["-v", "ON_ERROR_STOP=1", "-f"]).arg(file.path());
        let output = psql.output().expect("start psql");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs statements as the superuser; rows come as lines, values with `|` between them.
    ///
    /// # Panics
    ///
    /// When one of them fails.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let mut psql = self.psql("postgres", database);
        psql.args(["-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statements]);
        let output = psql.output().expect("start psql");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statements}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// What `psql` writes as CSV, byte for byte.
    ///
    /// # Panics
    ///
    /// When it fails.
    #[must_use]
    pub fn csv(&self, user: &str, database: &str, query: &str) -> Vec<u8> {
        let mut psql = self.psql(user, database);
        psql.args(["-c", &format!("\\copy ({query}) to stdout csv header")]);
        let output = psql.env("PGTZ", "UTC").output().expect("start psql");
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn psql(&self, user: &str, database: &str) -> Command {
        let mut psql = Command::new(program("psql"));
        let port = self.address.port().to_string();
        psql.env_clear().env("PGPASSWORD", PASSWORD).env("LC_ALL", "C.UTF-8");
        psql.args(["-X", "-q", "-h", "127.0.0.1", "-p", &port, "-U", user, "-d", database]);
        psql
    }
}

/// Finds a program of the newest PostgreSQL that is installed.
///
/// # Panics
///
/// When there is none.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|version| version.path()).max_by_key(|path| number(path));
    let found = newest.map(|version| version.join("bin").join(name)).filter(|path| path.exists());
    found.unwrap_or_else(|| panic!("`{name}` of PostgreSQL is not installed: run `make test` once"))
}

/// Brings a later version of PostgreSQL than the machine's own to where all may run it, until the folder is dropped; its
/// programs are in `bin`.
///
/// # Panics
///
/// When `tests/setup` has not installed it.
#[must_use]
pub fn later(version: u32) -> TempDir {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let package = format!("target/postgres/node_modules/{architecture}-{version}/native/.");
    let package = root().join(package);
    let folder = TempDir::new().expect("a folder for PostgreSQL");
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), all).expect("set its mode");
    let copied = Command::new("cp").arg("-a").arg(package).arg(folder.path()).output();
    let copied = copied.expect("start cp");
    let said = String::from_utf8_lossy(&copied.stderr);
    assert!(copied.status.success(), "PostgreSQL {version}: {said}: run `make test` once");
    folder
}

/// PostgreSQL does not run as root. Its shared memory goes with it, since it gets one of its own.
fn as_postgres(name: &str) -> Command {
    let program = match web::env(PROGRAMS) {
        Some(programs) => Path::new(&programs).join(name),
        None => program(name),
    };
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new(installed("unshare"));
    command.arg("--ipc").arg(installed("setpriv"));
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

/// Makes a folder with an empty cluster in `data`.
fn cluster(certificate: &str, key: &str, access: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder for PostgreSQL");
    let own = |path: &Path| {
        if is_root() {
            let (user, group) = (id(&["-u", "postgres"]), id(&["-g", "postgres"]));
            chown(path, Some(user), Some(group)).expect("give it to postgres");
        }
    };
    own(folder.path());
    let data = folder.path().join("data");
    let mut initdb = as_postgres("initdb");
    initdb.args([
        "--no-sync",
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "-A",
        "trust",
        "-D",
    ]);
    let output = initdb.arg(&data).env("LC_ALL", "C.UTF-8").output().expect("start initdb");
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    let settings = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\nssl = on\n\
                    ssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\npassword_encryption = 'scram-sha-256'\n\
                    dynamic_shared_memory_type = mmap\n";
    let files = [
        ("server.crt", certificate),
        ("server.key", key),
        ("pg_hba.conf", access),
        ("postgresql.auto.conf", settings),
    ];
    for (name, text) in files {
        let path = data.join(name);
        std::fs::write(&path, text).expect("write a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).expect("set its mode");
        own(&path);
    }
    folder
}
