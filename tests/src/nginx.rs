//! A real nginx: TLS with a certificate of its own authority, basic authentication, echoes and
//! redirects; or, beside the benches, a plain proxy.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::process::{Process, free_address, installed, plain_client};

/// Who may pass.
pub const USER: &str = "reader";
/// The password that goes with [`USER`]; no answer, log line or item may ever show it.
pub const PASSWORD: &str = "nginx-password";
/// The name in the certificate beside `127.0.0.1`.
pub const NAME: &str = "localhost";

/// Answers below `/` want basic authentication, those below `/open/` do not: the request as lines
/// of `name: value`, see [`Nginx::start`]. `/moved` redirects to another host. TLS is 1.2 alone, whatever
/// this nginx knows.
const ECHO: &str = r#"
    server {
        listen unix:echo.sock;
        default_type text/plain;
        client_max_body_size 0;
        location / { return 200 "$echo"; }
    }
    server {
        listen PLAIN;
        listen SECURE ssl;
        ssl_protocols TLSv1.2;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        client_max_body_size 0;
        proxy_set_header Host $http_host;
        location / {
            auth_basic "nginx";
            auth_basic_user_file users;
            proxy_pass http://unix:echo.sock;
        }
        location /open/ { proxy_pass http://unix:echo.sock; }
        location = /moved { return 302 http://elsewhere.test/landing?from=nginx; }
    }
    map "" $echo {
        default "method: $request_method
uri: $request_uri
host: $http_host
authorization: $http_authorization
cookie: $http_cookie
x-forwarded-for: $http_x_forwarded_for
via: $http_via
user-agent: $http_user_agent
x-scope-orgid: $http_x_scope_orgid
x-api-key: $http_x_api_key
content-type: $content_type
content-length: $content_length
";
    }
"#;

const PROXY: &str = r#"
    upstream peer {
        server UPSTREAM;
        keepalive 64;
        keepalive_requests 1000000;
    }
    server {
        listen PLAIN;
        keepalive_requests 1000000;
        client_max_body_size 0;
        location / {
            proxy_pass http://peer;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
"#;

/// A running nginx: one process, so that its CPU time is easily read.
#[derive(Debug)]
pub struct Nginx {
    plain: SocketAddr,
    secure: SocketAddr,
    authority: String,
    process: Process,
}

impl Nginx {
    /// The echoing one that all tests of this process share; it ends with the process.
    ///
    /// # Panics
    ///
    /// When nginx is not installed or does not come up.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Nginx> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Starts one that shows what it got, over plain HTTP and over TLS: method, uri as sent, host,
    /// authorization, cookie, x-forwarded-for, via, user-agent, x-scope-orgid, x-api-key,
    /// content-type and content-length, each on a line; empty if it did not come.
    ///
    /// # Panics
    ///
    /// When nginx is not installed or does not come up.
    pub async fn start() -> Self {
        Self::with(ECHO).await
    }

    /// Starts one that passes everything on to `upstream` over kept connections.
    ///
    /// # Panics
    ///
    /// When nginx is not installed or does not come up.
    pub async fn proxy_to(upstream: SocketAddr) -> Self {
        Self::with(&PROXY.replace("UPSTREAM", &upstream.to_string())).await
    }

    async fn with(servers: &str) -> Self {
        let program = installed("nginx");
        let client = plain_client();
        let secure = free_address();
        let certificates = Certificates::make();
        let start = |plain: SocketAddr| {
            let folder = TempDir::new().expect("a folder for nginx");
            let servers = servers.replace("PLAIN", &plain.to_string());
            let servers = servers.replace("SECURE", &secure.to_string());
            write_files(folder.path(), &servers, &certificates);
            let mut command = Command::new(&program);
            command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "stderr"]);
            command.current_dir(folder.path());
            (command, Some(folder))
        };
        let answers = async |address: SocketAddr| {
            client.get(format!("http://{address}/")).send().await.is_ok()
        };
        let (process, plain) = Process::serve("nginx", start, answers).await;
        Self { plain, secure, authority: certificates.authority, process }
    }

    /// The base url of the plain listener, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.plain)
    }

    /// The base url of the TLS listener by address, without a slash at the end.
    #[must_use]
    pub fn secure_url(&self) -> String {
        format!("https://{}", self.secure)
    }

    /// The base url of the TLS listener by [`NAME`].
    #[must_use]
    pub fn secure_url_by_name(&self) -> String {
        format!("https://{NAME}:{}", self.secure.port())
    }

    /// The plain listener's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.plain
    }

    /// The authority that signed its certificate, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The running program.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// The value of one line of an echo.
#[must_use]
pub fn echoed<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

struct Certificates {
    authority: String,
    certificate: String,
    key: String,
}

impl Certificates {
    fn make() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to be wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("sign an authority");
        let names = vec![NAME.to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).expect("names that certificates may have");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("sign a certificate");
        Self {
            authority: authority.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn write_files(folder: &Path, servers: &str, certificates: &Certificates) {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path temporary;\n"))
        .collect();
    // One process: killing it leaves no workers behind. It stays who it is: a worker that root
    // starts would become a user who cannot read this folder.
    let configuration = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\n\
         events {{ worker_connections 4096; }}\nhttp {{\n    access_log off;\n\
         {temporary}{servers}}}\n",
    );
    let configuration = configuration.replace("unix:", &format!("unix:{}/", folder.display()));
    let files = [
        ("nginx.conf", configuration.as_str()),
        ("certificate.pem", &certificates.certificate),
        ("key.pem", &certificates.key),
        ("users", &format!("{USER}:{{PLAIN}}{PASSWORD}\n")),
    ];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("write a file");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_echoes_to_who_knows_the_password_and_the_authority() {
        let nginx = Nginx::shared().await;
        let authority = reqwest::Certificate::from_pem(nginx.authority().as_bytes()).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]);
        let client = client.build().unwrap();
        for base in [nginx.url(), nginx.secure_url(), nginx.secure_url_by_name()] {
            let request = client.post(format!("{base}/a%2Fb//c?q=%20"));
            let request = request.basic_auth(USER, Some(PASSWORD)).body("body");
            let answer = request.send().await.unwrap().text().await.unwrap();
            assert_eq!(echoed(&answer, "uri"), Some("/a%2Fb//c?q=%20"), "{answer}");
            assert_eq!(echoed(&answer, "content-length"), Some("4"), "{answer}");
            assert!(echoed(&answer, "authorization").unwrap().starts_with("Basic "), "{answer}");
            assert_eq!(client.get(base.clone()).send().await.unwrap().status(), 401);
            assert_eq!(client.get(base + "/open/").send().await.unwrap().status(), 200);
        }
        assert!(plain_client().get(nginx.secure_url()).send().await.is_err());
        let moved = plain_client().get(nginx.url() + "/moved").send().await.unwrap();
        assert_eq!(
            (moved.status().as_u16(), moved.headers()["location"].to_str().unwrap()),
            (302, "http://elsewhere.test/landing?from=nginx")
        );
    }

    #[tokio::test]
    async fn it_passes_requests_on() {
        let upstream = crate::upstream::FakeUpstream::start().await;
        let proxy = Nginx::proxy_to(upstream.address()).await;
        let answer = plain_client().get(proxy.url() + "/x").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "ok");
        assert!(upstream.requests().iter().any(|request| request.target == "/x"));
    }
}
