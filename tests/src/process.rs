//! Real programs as children of a test: started on a free port, waited for until they answer, their
//! output kept in `target/test-logs`, and gone when the test is, however it ends.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

mod resources;

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take until it answers. Generous: two cores may be busy compiling.
const START: Duration = Duration::from_secs(60);

/// A shell between the test and the program. Its standard input ends when the [`Process`] is
/// dropped, and also when the test process is killed or never drops its statics; then the shell
/// ends the program and removes its folder.
const GUARD: &str = r#"
log=$1 folder=$2; shift 2
exec 3<&0
"$@" </dev/null 3<&- >"$log" 2>&1 &
child=$!
echo "$child"
(read -r _ <&3; kill -KILL "$child") >/dev/null 2>&1 &
watch=$!
wait "$child"
status=$?
kill "$watch" 2>/dev/null
if [ -n "$folder" ]; then rm -rf "$folder"; fi
exit "$status"
"#;

/// A running program. Dropping it kills it by its own process id.
#[derive(Debug)]
pub struct Process {
    name: String,
    id: u32,
    guard: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with the environment that it names and nothing else. `folder` is the
    /// program's own and is removed when the program has ended.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    #[must_use]
    pub fn spawn(name: &str, command: &Command, folder: Option<TempDir>) -> Self {
        let log = log_file(name);
        File::create(&log).expect("create the log file");
        let mut guard = Command::new("/bin/sh");
        guard.arg("-c").arg(GUARD).arg("guard").arg(&log);
        guard.arg(folder.map(TempDir::keep).unwrap_or_default());
        guard.arg(command.get_program()).args(command.get_args());
        guard.env_clear().env("PATH", SEARCHED.join(":"));
        guard.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            guard.current_dir(folder);
        }
        // The shell reports signals of its children there.
        guard.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut guard = guard.spawn().expect("start a shell");
        let mut line = String::new();
        let output = guard.stdout.take().expect("the shell's output is a pipe");
        BufReader::new(output).read_line(&mut line).expect("read the program's process id");
        let id = line.trim().parse().expect("the shell prints the program's process id");
        Self { name: name.to_owned(), id, guard, log }
    }

    /// Starts a server on a free loopback port and waits until `answers` is true. Another program
    /// may take the port in between, so a server that ends at once is started again on another.
    ///
    /// # Panics
    ///
    /// When it does not answer within a minute, with the end of its log.
    pub async fn serve(
        name: &str,
        start: impl Fn(SocketAddr) -> (Command, Option<TempDir>),
        answers: impl AsyncFn(SocketAddr) -> bool,
    ) -> (Self, SocketAddr) {
        let mut log = String::new();
        for _ in 0..3 {
            let address = free_address();
            let (command, folder) = start(address);
            let mut process = Self::spawn(name, &command, folder);
            if process.wait_until(async || answers(address).await).await {
                return (process, address);
            }
            log = process.end_of_log();
        }
        panic!("`{name}` ended three times before it answered:\n{log}");
    }

    /// Waits until `answers` is true; false when the program has ended before.
    ///
    /// # Panics
    ///
    /// When neither happens within a minute, with the end of the program's log.
    pub async fn wait_until(&mut self, answers: impl AsyncFn() -> bool) -> bool {
        let started = Instant::now();
        while !answers().await {
            if self.ended().is_some() {
                return false;
            }
            let waited = started.elapsed();
            assert!(waited < START, "`{}` did not answer:\n{}", self.name, self.end_of_log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// The program's own process id, for instance to read its CPU time.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// How the program ended; `None` while it runs. A signal shows as code 128 and its number.
    ///
    /// # Panics
    ///
    /// When the operating system does not say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.guard.try_wait().expect("ask for the program's state")
    }

    /// Waits until the program has ended by itself.
    ///
    /// # Panics
    ///
    /// When it still runs after `limit`.
    pub async fn wait(&mut self, limit: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(started.elapsed() < limit, "`{}` still runs after {limit:?}", self.name);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`, `STOP`, `CONT`.
    ///
    /// # Panics
    ///
    /// When the program has ended already.
    pub fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.id);
        let status = Command::new("/bin/sh").args(["-c", &kill]).status().expect("start a shell");
        assert!(status.success(), "`{}` cannot get {signal}: it has ended", self.name);
    }

    /// Stops the program as a platform freezes it, and waits until it stands still.
    ///
    /// # Panics
    ///
    /// When it has ended, or does not stop within a minute.
    pub async fn freeze(&self) {
        self.signal("STOP");
        let started = Instant::now();
        // After the program's name, which is in parentheses: `T` for one that was stopped.
        let stat = format!("/proc/{}/stat", self.id);
        let state = || std::fs::read_to_string(&stat).expect("the program runs");
        while !state().rsplit(')').next().is_some_and(|rest| rest.starts_with(" T")) {
            assert!(started.elapsed() < START, "`{}` does not stop", self.name);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets a frozen program go on.
    ///
    /// # Panics
    ///
    /// When it has ended.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// What the program has printed so far, on both outputs.
    ///
    /// # Panics
    ///
    /// When the log file is gone.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).expect("read the log")).into_owned()
    }

    fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut input) = self.guard.stdin.take() {
            // Already gone if the program ended by itself.
            input.write_all(b"\n").ok();
        }
        self.guard.wait().ok();
    }
}

const SEARCHED: [&str; 5] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/bin"];

/// Finds a system program that `tests/setup` installs.
///
/// # Panics
///
/// When it is not there, naming the command that installs it.
#[must_use]
pub fn installed(program: &str) -> PathBuf {
    let found = SEARCHED.iter().map(|folder| Path::new(folder).join(program)).find(|p| p.exists());
    found.unwrap_or_else(|| panic!("`{program}` is not installed: run `make test` once"))
}

/// Tells whether tests run as root, as which some servers do not run.
pub(crate) fn is_root() -> bool {
    id(&["-u"]) == 0
}

/// A number of a user's or a group's.
pub(crate) fn id(args: &[&str]) -> u32 {
    let output = Command::new(installed("id")).args(args).output().expect("start id");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("id prints a number")
}

/// Finds a program of the Python environment that `tests/setup` makes in `target/venv`.
///
/// # Panics
///
/// When it is not there, naming the command that installs it.
#[must_use]
pub fn venv(program: &str) -> PathBuf {
    venv_of("venv", program)
}

/// Finds a program of another Python environment in `target`.
///
/// # Panics
///
/// When it is not there, naming the command that installs it.
#[must_use]
pub fn venv_of(environment: &str, program: &str) -> PathBuf {
    let path = root().join("target").join(environment).join("bin").join(program);
    assert!(path.exists(), "{} is missing: run `make test` once", path.display());
    path
}

/// Finds one of our own programs, built beside the running test.
///
/// # Panics
///
/// When it has not been built, naming the command that builds it.
#[must_use]
pub fn built(program: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("tests run from target/PROFILE/deps");
    let path = profile.join(program);
    assert!(path.exists(), "{} is missing: run `make test`, which builds it", path.display());
    path
}

/// The repository's root folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).map(Path::to_owned).unwrap_or_default()
}

/// Ports below those that Linux gives to whoever names none: hundreds of these come and go while a server starts.
const PORTS: std::ops::Range<u16> = 10_240..32_768;

/// A loopback address whose port was free a moment ago, drawn from [`PORTS`].
///
/// # Panics
///
/// When no port is free.
#[must_use]
pub fn free_address() -> SocketAddr {
    let drawn = || {
        let number = RandomState::new().hash_one(()) % u64::try_from(PORTS.len()).ok()?;
        let port = PORTS.start + u16::try_from(number).ok()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        listener.local_addr().ok()
    };
    (0..1_000).find_map(|_| drawn()).expect("a free loopback port")
}

/// A client for asking test servers: no proxy of the environment, no redirects, no system
/// certificates.
///
/// # Panics
///
/// Never: it reads nothing that could be missing.
#[must_use]
pub fn plain_client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    let builder = builder.redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_secs(30)).build().expect("a client without settings")
}

fn log_file(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let folder = root().join("target/test-logs");
    std::fs::create_dir_all(&folder).expect("create target/test-logs");
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{name}-{}-{number}.log", std::process::id()))
}

#[cfg(test)]
mod tests;
