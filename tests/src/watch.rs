//! cargo-lambda's emulator, with our built functions behind it: routes as in the root manifest.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Process, root, venv};
use crate::runtime_api::function;

/// A running emulator. Dropping it kills it; functions are the caller's [`Process`]es.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    process: Process,
}

impl Emulator {
    /// Starts one without functions, in about two seconds. It sends each one event at a time.
    ///
    /// # Panics
    ///
    /// When cargo-lambda is not installed or does not come up.
    pub async fn start() -> Self {
        Self::with_concurrency(1).await
    }

    /// Starts one that sends each function up to so many events at once, as Lambda Managed Instances do.
    ///
    /// # Panics
    ///
    /// When cargo-lambda is not installed or does not come up.
    pub async fn with_concurrency(events: usize) -> Self {
        let program = venv("cargo-lambda");
        let start = |address: SocketAddr| {
            let mut command = Command::new(&program);
            command.args(["lambda", "watch", "-A", "127.0.0.1"]);
            command.args(["-P", &address.port().to_string()]);
            command.args(["--ignore-changes", "--disable-cors", "--only-lambda-apis"]);
            if events > 1 {
                command.args(["--concurrency", &events.to_string()]);
            }
            // It asks cargo for the root manifest, which has the routes.
            command.current_dir(root());
            command.env("CARGO", env!("CARGO")).env("PATH", search_path());
            command.env("HOME", std::env::home_dir().expect("a home, where cargo is"));
            (command, None)
        };
        // Every HTTP request waits for a function.
        let answers = async |address: SocketAddr| TcpStream::connect(address).is_ok();
        let (process, address) = Process::serve("cargo-lambda", start, answers).await;
        Self { address, process }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base url, without a slash at the end. The first request waits for its function.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a function of this name finds in `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> String {
        format!("http://{}/.rt/{name}", self.address)
    }

    /// Starts one of our built functions with these variables beside those that Lambda sets.
    ///
    /// # Panics
    ///
    /// When the function has not been built.
    #[must_use]
    pub fn function<'a>(
        &self,
        name: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Process {
        let mut command = function(name, &self.endpoint(name));
        command.envs(variables);
        Process::spawn(name, &command, None)
    }

    /// The running program.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}

fn search_path() -> String {
    let toolchain = Path::new(env!("CARGO")).parent().map(Path::to_owned);
    let folders = [toolchain.unwrap_or_default(), PathBuf::from("/usr/bin"), PathBuf::from("/bin")];
    std::env::join_paths(folders).expect("no colon in a folder").to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::process::plain_client;

    /// Takes one event as a function of this name; its path as the function sees it.
    async fn asked(emulator: &Emulator, name: &str, method: Method, path: &str) -> String {
        let request = plain_client().request(method, emulator.url() + path);
        let request = tokio::spawn(request.send());
        let next = emulator.endpoint(name) + "/2018-06-01/runtime/invocation/next";
        let event = plain_client().get(next).send().await.unwrap().json::<serde_json::Value>();
        request.abort();
        event.await.unwrap()["rawPath"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_request_reaches_the_function_that_its_path_names() {
        let emulator = Emulator::start().await;
        for (path, function) in [
            ("/api/datasources/proxy/uid/x/a%2Fb//c", "http-proxy"),
            ("/api/datasources/uid/x", "datasources"),
            ("/api/health", "datasources"),
            ("/proxy/globaldatasources/x/a%2Fb", "http-proxy"),
            ("/api/v1/projects/x", "perses-api"),
            ("/proxy/unsaved/globaldatasources/x", "sql-proxy"),
        ] {
            assert_eq!(asked(&emulator, function, Method::GET, path).await, path);
        }
        for path in [
            "/proxy/globaldatasources/x",
            "/proxy/projects/p/datasources/x",
            "/proxy/projects/p/dashboards/d/datasources/x",
        ] {
            assert_eq!(asked(&emulator, "sql-proxy", Method::POST, path).await, path);
            assert_eq!(asked(&emulator, "http-proxy", Method::GET, path).await, path);
        }
    }
}
