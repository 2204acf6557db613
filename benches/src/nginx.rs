//! nginx twice: the upstream, and the proxy that the gateway is measured against.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use tempfile::TempDir;

use crate::program::{Program, free_address, installed};

/// Who may ask the upstream.
pub(crate) const USER: &str = "bench";
/// The password that goes with it.
pub(crate) const PASSWORD: &str = "bench-password";
/// Both as a header's value.
const BASIC: &str = "Basic YmVuY2g6YmVuY2gtcGFzc3dvcmQ=";

/// The bodies that the upstream serves: path and length in bytes.
pub(crate) const BODIES: [(&str, usize); 3] =
    [("/200b", 200), ("/100k", 100 << 10), ("/10m", 10 << 20)];

/// Static files behind basic authentication.
const UPSTREAM: &str = r#"
    access_log off;
    sendfile on;
    open_file_cache max=10;
    server {
        listen LISTEN;
        keepalive_requests 100000000;
        default_type application/json;
        root .;
        auth_basic "bench";
        auth_basic_user_file users;
    }
"#;

/// Kept connections, the upstream's password, an access log as it is by default. Nothing goes to a
/// file on its way, since that would be nginx's cost and not the proxy's.
const PROXY: &str = r#"
    access_log access.log;
    upstream peer {
        server UPSTREAM;
        keepalive 64;
        keepalive_requests 100000000;
    }
    server {
        listen LISTEN;
        keepalive_requests 100000000;
        location / {
            proxy_pass http://peer;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Authorization "BASIC";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_max_temp_file_size 0;
        }
    }
"#;

/// A running nginx of one process, whose CPU time is therefore the program's.
pub(crate) struct Nginx {
    pub(crate) program: Program,
    _folder: TempDir,
}

impl Nginx {
    /// Starts the upstream.
    pub(crate) fn upstream() -> anyhow::Result<Self> {
        Self::start(UPSTREAM)
    }

    /// Starts the proxy before it.
    pub(crate) fn proxy_to(upstream: &Self) -> anyhow::Result<Self> {
        let peer = upstream.program.address().to_string();
        Self::start(&PROXY.replace("UPSTREAM", &peer).replace("BASIC", BASIC))
    }

    /// The upstream's base url.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.program.address())
    }

    fn start(servers: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for nginx")?;
        let address = free_address()?;
        write_files(folder.path(), servers, address)?;
        let mut command = Command::new(installed("nginx")?);
        command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "stderr"]);
        command.current_dir(folder.path());
        Ok(Self { program: Program::start(command, address)?, _folder: folder })
    }
}

/// What the upstream wants, for asking it directly.
pub(crate) fn authorization() -> String {
    format!("authorization: {BASIC}\r\n")
}

fn write_files(folder: &Path, servers: &str, address: SocketAddr) -> anyhow::Result<()> {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path temporary;\n"))
        .collect();
    let servers = servers.replace("LISTEN", &address.to_string());
    let configuration = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\n\
         events {{ worker_connections 1024; }}\nhttp {{\n{temporary}{servers}}}\n",
    );
    fs::write(folder.join("nginx.conf"), configuration)?;
    fs::write(folder.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n"))?;
    for (path, bytes) in BODIES {
        let (start, end) = (r#"{"status":"success","data":""#, r#""}"#);
        let text = [start, &"x".repeat(bytes - start.len() - end.len()), end].concat();
        fs::write(folder.join(&path[1..]), text)?;
    }
    Ok(())
}
