//! A real Prometheus behind basic authentication, which scrapes itself every second.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::process::{Process, installed, plain_client};

/// Who may read.
pub const USER: &str = "reader";
/// The password that goes with [`USER`]; no answer, log line or item may ever show it.
pub const PASSWORD: &str = "prometheus-password";
/// bcrypt of [`PASSWORD`] at the lowest cost.
const PASSWORD_HASH: &str = "$2b$04$3UByUGiUyy00cAc7H2AISe.ly7GkjLD6KD3Vo4GWzIb6wOtS/fFXO";

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    process: Process,
}

impl Prometheus {
    /// The one that all tests of this process share; it ends with the process.
    ///
    /// # Panics
    ///
    /// When Prometheus is not installed or does not come up.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Prometheus> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Starts one and waits until a query for `up` has an answer, a second or two.
    ///
    /// # Panics
    ///
    /// When Prometheus is not installed or does not come up.
    pub async fn start() -> Self {
        let program = installed("prometheus");
        let client = plain_client();
        let start = |address: SocketAddr| {
            let folder = TempDir::new().expect("a folder for Prometheus");
            let path = |name: &str| folder.path().join(name);
            std::fs::write(path("prometheus.yml"), configuration(address)).expect("write a file");
            let web = format!("basic_auth_users:\n  {USER}: '{PASSWORD_HASH}'\n");
            std::fs::write(path("web.yml"), web).expect("write a file");
            let mut command = Command::new(&program);
            command.arg(format!("--config.file={}", path("prometheus.yml").display()));
            command.arg(format!("--web.config.file={}", path("web.yml").display()));
            command.arg(format!("--storage.tsdb.path={}", path("data").display()));
            command.arg(format!("--web.listen-address={address}"));
            (command, Some(folder))
        };
        let has_data = async |address| {
            ask(&client, address, "up").await.is_some_and(|answer| {
                answer["data"]["result"].as_array().is_some_and(|series| !series.is_empty())
            })
        };
        let (process, address) = Process::serve("prometheus", start, has_data).await;
        Self { address, process }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base url, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks it directly, past every gateway.
    ///
    /// # Panics
    ///
    /// When it does not answer in JSON.
    pub async fn query(&self, expression: &str) -> Value {
        let answer = ask(&plain_client(), self.address, expression).await;
        answer.expect("Prometheus answers in JSON")
    }

    /// The running program.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}

fn configuration(address: SocketAddr) -> String {
    format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}
scrape_configs:
- job_name: itself
  basic_auth: {{username: {USER}, password: {PASSWORD}}}
  static_configs: [{{targets: ['{address}']}}]
"
    )
}

async fn ask(client: &reqwest::Client, address: SocketAddr, expression: &str) -> Option<Value> {
    let request = client.get(format!("http://{address}/api/v1/query?query={expression}"));
    request.basic_auth(USER, Some(PASSWORD)).send().await.ok()?.json().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_has_data_for_who_knows_the_password() {
        let prometheus = Prometheus::shared().await;
        let answer = prometheus.query("up").await;
        assert_eq!(answer["data"]["result"][0]["metric"]["job"], "itself", "{answer}");
        let stranger = plain_client().get(prometheus.url() + "/api/v1/query?query=up");
        assert_eq!(stranger.send().await.unwrap().status(), 401);
    }
}
