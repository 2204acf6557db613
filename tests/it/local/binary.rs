//! The built binary as a process, in a folder of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use harness::Client;
use harness::process::{Process, built};

/// How long anything may take. Generous: two cores may be busy compiling.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub(crate) struct Binary {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Binary {
    /// Starts it in a folder on a free port, with the default data folder, and waits until it says that it listens.
    pub(crate) async fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::with(folder, arguments, &[]).await
    }

    /// The same with variables.
    pub(crate) async fn with(
        folder: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(built("sourcegate"));
        command.current_dir(folder).args(["--listen", "127.0.0.1:0"]).args(arguments);
        command.envs(variables.iter().copied());
        let mut process = Process::spawn("sourcegate", &command, None);
        let started = Instant::now();
        let address = loop {
            let log = process.log();
            let line = log.lines().find_map(|l| l.strip_prefix("sourcegate listens on http://"));
            // A line that is still being written has no comma yet.
            if let Some((address, _)) = line.and_then(|line| line.split_once(", ")) {
                break address.parse().expect("the address that it prints");
            }
            assert!(process.ended().is_none(), "it ended: {log}");
            assert!(started.elapsed() < PATIENCE, "it does not start: {log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        Self { process, address }
    }

    /// What it said at the start: all before the first log line of a request.
    pub(crate) fn greeting(&self) -> String {
        self.process.log()
    }

    /// A client with the token in the administrator's file.
    pub(crate) fn admin(&self, data: &Path) -> Client {
        let token = credential(data, "SOURCEGATE_ADMIN_TOKEN");
        Client::new(self.address, Some(format!("Bearer {token}")))
    }

    /// Ends it as `signal` does, and waits.
    pub(crate) async fn end(mut self, signal: &str) -> Option<i32> {
        self.process.signal(signal);
        self.process.wait(PATIENCE).await.code()
    }
}

/// One of the shell lines in the administrator's file.
pub(crate) fn credential(data: &Path, name: &str) -> String {
    let text = std::fs::read_to_string(data.join("admin")).expect("the administrator's file");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.expect("a line of that name").trim_matches('\'').to_owned()
}

/// Runs the binary until it ends by itself.
pub(crate) async fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = tokio::process::Command::new(built("sourcegate"));
    command.current_dir(folder).args(arguments);
    command.env_clear().envs(variables.iter().copied());
    output(command).await
}

/// Runs a line of shell as a person would who pastes it.
pub(crate) async fn shell(folder: &Path, line: &str) -> Output {
    let mut command = tokio::process::Command::new("/bin/sh");
    command.current_dir(folder).args(["-c", line]);
    output(command).await
}

async fn output(mut command: tokio::process::Command) -> Output {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    ended.expect("it ends by itself").expect("it starts")
}

/// What a program wrote to one of its outputs.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
