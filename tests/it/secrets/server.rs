//! The real binary, with everything that it says kept.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use harness::process::{Process, built, plain_client};
use harness::{Answer, Client};
use tempfile::TempDir;

use super::canaries::{Canaries, check_absent};

/// A running binary, its data folder and all its answers.
pub(super) struct Server {
    process: Process,
    address: SocketAddr,
    data: TempDir,
    answers: Mutex<Vec<Kept>>,
}

struct Kept {
    text: String,
    failed: bool,
}

impl Server {
    /// Starts it with a password for the administrator and the log in JSON.
    pub(super) async fn start(password: &str) -> Self {
        let data = tempfile::tempdir().expect("a folder for the data");
        let start = |address: SocketAddr| {
            let mut command = Command::new(built("sourcegate"));
            command.args(["--listen", &address.to_string(), "--log", "json", "--data"]);
            command.arg(data.path()).current_dir(data.path());
            command.env("SOURCEGATE_ADMIN_PASSWORD", password).env("SOURCEGATE_LOG", "debug");
            (command, None)
        };
        let answers = async |address: SocketAddr| {
            plain_client().get(format!("http://{address}/api/health")).send().await.is_ok()
        };
        let (process, address) = Process::serve("sourcegate-canary", start, answers).await;
        Self { process, address, data, answers: Mutex::default() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn admin(&self) -> Client {
        Client::new(self.address, Some(format!("Bearer {}", self.admin_token())))
    }

    fn admin_token(&self) -> String {
        let file = std::fs::read_to_string(self.data.path().join("admin")).expect("the file");
        let token = file.lines().find_map(|line| line.strip_prefix("SOURCEGATE_ADMIN_TOKEN="));
        token.expect("the token's line").trim_matches('\'').to_owned()
    }

    /// A client with a viewer's token, made beside the running server.
    pub(super) async fn viewer(&self) -> Client {
        let mut command = tokio::process::Command::new(built("sourcegate"));
        command.args(["admin", "token", "--role", "viewer", "--data"]).arg(self.data.path());
        let output = command.output().await.expect("a token");
        assert!(output.status.success(), "{output:?}");
        let token = String::from_utf8(output.stdout).expect("a token");
        Client::new(self.address, Some(format!("Bearer {}", token.trim())))
    }

    /// Keeps an answer, whole.
    pub(super) fn keep(&self, answer: Answer) -> Answer {
        let text = format!("{:?}\n{}", answer.headers, answer.text());
        let mut all = self.answers.lock().expect("no thread panics with the answers");
        all.push(Kept { text, failed: false });
        answer
    }

    /// Keeps the answer of a failure, or of a data source: no configuration belongs into it.
    pub(super) fn keep_failed(&self, answer: Answer) -> Answer {
        let answer = self.keep(answer);
        let mut all = self.answers.lock().expect("no thread panics with the answers");
        if let Some(last) = all.last_mut() {
            last.failed = true;
        }
        answer
    }

    /// Ends it as an operator does.
    pub(super) async fn stop(&mut self) {
        self.process.signal("TERM");
        let status = self.process.wait(Duration::from_secs(60)).await;
        assert!(status.success(), "{status}");
    }

    /// Looks for canaries in all that it answered.
    pub(super) fn search_answers(&self, canaries: &Canaries) {
        let all = self.answers.lock().expect("no thread panics with the answers");
        assert!(all.iter().filter(|kept| kept.failed).count() > 40, "too little was tried");
        for Kept { text, failed } in all.iter() {
            for never in [&canaries.sealed, &canaries.password, &canaries.typed] {
                check_absent("an answer", text.as_bytes(), never);
            }
            let configured = [&canaries.in_url, &canaries.in_json, &canaries.in_query];
            for canary in configured.into_iter().filter(|_| *failed) {
                check_absent("an error", text.as_bytes(), canary);
            }
        }
    }

    /// Looks for canaries in all that it logged.
    pub(super) fn search_log(&self, canaries: &Canaries) {
        let log = self.process.log();
        assert!(log.matches("\"duration_ms\":").count() > 40, "it logs requests: {log}");
        let Canaries { sealed, in_url, in_json, in_query, password, typed } = canaries;
        let token = self.admin_token();
        for canary in [sealed, in_url, in_json, in_query, password, typed, &token] {
            check_absent("the log", log.as_bytes(), canary);
        }
    }

    /// Tells whether a text is in a file of the data folder: that the search finds what is there.
    pub(super) fn is_in_a_file(&self, text: &str) -> bool {
        let is_in = |path: &PathBuf| {
            let content = std::fs::read(path).expect("a file");
            content.windows(text.len()).any(|some| some == text.as_bytes())
        };
        files(self.data.path()).iter().any(is_in)
    }

    /// Looks for canaries in all files of the data folder.
    pub(super) fn search_files(&self, canaries: &Canaries) {
        let files = files(self.data.path());
        assert!(files.len() >= 3, "{files:?}");
        let token = self.admin_token();
        for path in files {
            let content = std::fs::read(&path).expect("a file");
            let name = path.display().to_string();
            for canary in [&canaries.sealed, &canaries.in_query, &canaries.typed] {
                check_absent(&name, &content, canary);
            }
            if path.file_name().is_none_or(|name| name != "admin") {
                check_absent(&name, &content, &canaries.password);
                check_absent(&name, &content, &token);
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file"));
    let paths = entries.map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
