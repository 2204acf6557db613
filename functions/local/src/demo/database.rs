//! A PostgreSQL of the demo's own, where its programs are installed: a new one at each start, gone with the process.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// The role that may read, and nothing else.
pub(super) const USER: &str = "demo";

/// How long the server may take to come up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where Debian, Homebrew and others put a PostgreSQL with all its programs, which need not be on the path.
const FOLDERS: [&str; 3] = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"];

/// What is there to read, a statement a line: single-user mode takes them so.
const CONTENT: &str = "\
create table cpu (at timestamptz primary key, host text not null, percent float8 not null)
insert into cpu select now() - g * interval '1 minute', 'web-' || g % 3, 50 + 40 * sin(g / 10.0) from generate_series(0, 179) g
grant select on cpu to demo
";

/// Runs a server until its own standard input ends, which it does with this process however that ends; then nothing is left
/// of it. Signals of a terminal are for this process alone.
const SUPERVISOR: &str = r#"
trap "" INT TERM
folder=$1; shift
"$@" >/dev/null 2>&1 &
server=$!
cat >/dev/null
kill -INT "$server"; wait "$server"
rm -rf "$folder"
"#;

/// A running server. Dropping it ends it and removes its folder.
pub struct Database {
    address: SocketAddr,
    programs: PathBuf,
    _alive: ChildStdin,
}

impl Database {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of the programs that are installed.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Starts one with a table `cpu`, which [`USER`] may read; none if PostgreSQL is not installed.
    ///
    /// # Errors
    /// It is installed and does not come up.
    pub async fn start(password: SecretString) -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        // Making a cluster takes a second or two.
        let made = tokio::task::spawn_blocking(move || {
            let owner = Owner::new()?;
            let folder = cluster(&programs, &owner, &password)?;
            anyhow::Ok((programs, owner, folder))
        });
        let (programs, owner, folder) = made.await??;
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = owner.command(Path::new("sh"));
        command.args(["-c", SUPERVISOR, "sh"]).arg(folder.path()).arg(programs.join("postgres"));
        command.arg("-D").arg(folder.path().join("data"));
        command.args(["-p", &free.port().to_string()]).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().context("cannot start a shell")?;
        let alive = process.stdin.take().context("a shell without input")?;
        // The shell removes it.
        let folder = folder.keep();
        let begun = Instant::now();
        // As `pg_ctl` waits.
        let state = folder.join("data/postmaster.pid");
        let is_ready = || std::fs::read_to_string(&state).is_ok_and(|text| text.contains("ready"));
        while !is_ready() {
            if begun.elapsed() > PATIENCE {
                bail!("PostgreSQL is installed and does not come up");
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(Some(Self { address: free, programs, _alive: alive }))
    }
}

/// Finds the folder with `initdb` and `postgres`, of the newest version that is installed.
fn programs() -> Option<PathBuf> {
    let has_both =
        |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file());
    let versions = FOLDERS.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let whole = versions.flatten().map(|version| version.path().join("bin")).filter(has_both);
    let number = |folder: &PathBuf| {
        let name = folder.parent()?.file_name()?.to_str()?.to_owned();
        name.trim_start_matches("postgresql@").parse::<u32>().ok()
    };
    let path = web::env("PATH").unwrap_or_default();
    let on_path = || std::env::split_paths(&path).find(has_both);
    whole.max_by_key(number).or_else(on_path)
}

/// Who runs it: PostgreSQL refuses to run as root.
struct Owner(Option<(u32, u32)>);

impl Owner {
    fn new() -> anyhow::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self(None));
        }
        let users = std::fs::read_to_string("/etc/passwd").context("cannot read the users")?;
        let line = users.lines().find_map(|line| line.strip_prefix("postgres:"));
        let mut ids = line.unwrap_or_default().split(':').skip(1).map_while(|id| id.parse().ok());
        let ids = ids.next().zip(ids.next());
        ids.map(|ids| Self(Some(ids))).context("there is no user postgres, and root may not run it")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Makes a folder with a cluster and its content in `data`.
fn cluster(programs: &Path, owner: &Owner, password: &SecretString) -> anyhow::Result<TempDir> {
    let folder = TempDir::with_prefix("sourcegate-demo-")?;
    if let Some((user, group)) = owner.0 {
        chown(folder.path(), Some(user), Some(group))?;
    }
    let data = folder.path().join("data");
    let mut initdb = owner.command(&programs.join("initdb"));
    // The superuser works in single-user mode alone.
    initdb.args(["--no-sync", "-U", "postgres", "-E", "UTF8", "-A", "reject"]);
    initdb.arg("-D").arg(&data).current_dir(folder.path());
    run(initdb, &SecretString::default())?;
    let access = format!("host postgres {USER} 127.0.0.1/32 scram-sha-256\n");
    std::fs::write(data.join("pg_hba.conf"), access)?;
    let settings = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n\
                    password_encryption = 'scram-sha-256'\ndynamic_shared_memory_type = mmap\n";
    std::fs::write(data.join("postgresql.auto.conf"), settings)?;
    let mut single = owner.command(&programs.join("postgres"));
    single.args(["--single", "-D"]).arg(&data).arg("postgres").current_dir(folder.path());
    let secret = password.expose_secret();
    let role = format!("create role {USER} login password '{secret}'\n{CONTENT}");
    run(single, &SecretString::from(role))?;
    Ok(folder)
}

/// Runs a program with this on its standard input.
fn run(mut command: Command, input: &SecretString) -> anyhow::Result<()> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let name = command.get_program().to_owned();
    let mut process = command.spawn().with_context(|| format!("cannot start {name:?}"))?;
    if let Some(mut stdin) = process.stdin.take() {
        stdin.write_all(input.expose_secret().as_bytes())?;
    }
    let output = process.wait_with_output()?;
    if !output.status.success() {
        bail!("{name:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}
