//! TLS against real servers, and hyper-util's client on top.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion};
use sourcegate_core::{Classify, Kind, TlsVersions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{door, listen};
use crate::{Dns, Egress, Error, Names, Tls, TlsOptions};

/// An authority and what it has signed, in PEM.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for the names, and its key.
    fn sign(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let signed = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        (signed.pem(), key.serialize_pem())
    }
}

/// Serves one name; answers each request with what it knows of the client: ALPN, and whether a certificate came.
async fn serve(authority: &Authority, name: &str, ask_client: bool) -> SocketAddr {
    serve_versions(authority, name, ask_client, ALL_VERSIONS).await
}

async fn serve_versions(
    authority: &Authority,
    name: &str,
    ask_client: bool,
    versions: &[&'static SupportedProtocolVersion],
) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match ask_client {
        false => builder.with_no_client_auth(),
        true => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let (chain, key) = authority.sign(&[name]);
    let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (listener, address) = listen("127.0.0.1").await;
    tokio::spawn(answer(listener, TlsAcceptor::from(Arc::new(config))));
    address
}

async fn answer(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let mut stream = acceptor.accept(stream).await?;
            read_head(&mut stream).await?;
            let session = stream.get_ref().1;
            let alpn = String::from_utf8_lossy(session.alpn_protocol().unwrap_or_default());
            let body = format!("{alpn} {}", session.peer_certificates().is_some());
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await
        });
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

fn egress() -> Egress {
    door(&["127.0.0.1"], Dns::Servers(Vec::new()), Duration::from_millis(500))
}

/// Sends a request through hyper-util's client and gives the body, or our error found beneath the client's.
async fn get(uri: &str, tls: Option<Tls>) -> Result<String, (Kind, Option<&'static str>)> {
    let client: Client<_, Empty<&[u8]>> =
        Client::builder(TokioExecutor::new()).build(egress().connector(tls));
    let request = Request::get(uri).body(Empty::new()).unwrap();
    let answer: Response<_> = client.request(request).await.map_err(|error| {
        let ours = Error::find(&error).expect("an error of the door");
        (ours.kind(), ours.cause())
    })?;
    Ok(String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

fn tls(options: TlsOptions<'_>) -> Option<Tls> {
    Some(Tls::new(&options).unwrap())
}

const FAILED: Result<String, (Kind, Option<&str>)> = Err((Kind::Upstream, Some("tls")));

#[tokio::test]
async fn a_configured_authority_replaces_the_usual_ones() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (ours_pem, other_pem) = (ours.pem(), other.pem());
    let uri = format!("https://localhost:{}/", serve(&ours, "localhost", false).await.port());
    let trusting = |pem: &'static str| {
        tls(TlsOptions { ca_pem: Some(pem.as_bytes()), ..TlsOptions::default() })
    };
    let both: &'static str = format!("{other_pem}{ours_pem}").replace('\n', "\r\n").leak();
    assert_eq!(get(&uri, trusting(ours_pem.leak())).await, Ok("http/1.1 false".to_owned()));
    assert_eq!(get(&uri, trusting(both)).await, Ok("http/1.1 false".to_owned()));
    assert_eq!(get(&uri, trusting(other_pem.leak())).await, FAILED);
    assert_eq!(get(&uri, tls(TlsOptions::default())).await, FAILED);
    assert_eq!(get(&uri, None).await, FAILED);
}

#[tokio::test]
async fn the_name_is_verified_and_may_be_configured() {
    let authority = Authority::new();
    let pem = authority.pem();
    let port = serve(&authority, "db.test", false).await.port();
    let as_name = |name| {
        tls(TlsOptions { server_name: name, ca_pem: Some(pem.as_bytes()), ..TlsOptions::default() })
    };
    for uri in [format!("https://localhost:{port}/"), format!("https://127.0.0.1:{port}/")] {
        assert_eq!(get(&uri, as_name(None)).await, FAILED);
        assert_eq!(get(&uri, as_name(Some(""))).await, FAILED);
        assert_eq!(get(&uri, as_name(Some("other.test"))).await, FAILED);
        assert_eq!(get(&uri, as_name(Some("db.test"))).await, Ok("http/1.1 false".to_owned()));
    }
    let port = serve(&authority, "127.0.0.1", false).await.port();
    let uri = format!("https://127.0.0.1:{port}/");
    assert_eq!(get(&uri, as_name(None)).await, Ok("http/1.1 false".to_owned()));
}

#[tokio::test]
async fn without_verification_any_certificate_will_do() {
    let port = serve(&Authority::new(), "other.test", false).await.port();
    let unverified = tls(TlsOptions { verify: false, ..TlsOptions::default() });
    let uri = format!("https://localhost:{port}/");
    assert_eq!(get(&uri, unverified).await, Ok("http/1.1 false".to_owned()));
}

#[tokio::test]
async fn only_the_configured_versions_are_spoken() {
    let authority = Authority::new();
    let (old, new) = (
        serve_versions(&authority, "localhost", false, &[&TLS12]).await.port(),
        serve_versions(&authority, "localhost", false, &[&TLS13]).await.port(),
    );
    let passed = || Ok("http/1.1 false".to_owned());
    for (min, max, of_old, of_new) in [
        ("", "", passed(), passed()),
        ("TLS10", "TLS12", passed(), FAILED),
        ("TLS13", "", FAILED, passed()),
    ] {
        let versions = TlsVersions::read(min, max).unwrap();
        let pem = authority.pem();
        let options =
            TlsOptions { versions, ca_pem: Some(pem.as_bytes()), ..TlsOptions::default() };
        for (port, expected) in [(old, of_old), (new, of_new)] {
            let uri = format!("https://localhost:{port}/");
            assert_eq!(get(&uri, tls(options)).await, expected, "{min} {max} {port}");
        }
    }
}

#[tokio::test]
async fn a_client_certificate_is_presented() {
    let authority = Authority::new();
    let pem = authority.pem();
    let (chain, key) = authority.sign(&["client.test"]);
    let uri = format!("https://localhost:{}/", serve(&authority, "localhost", true).await.port());
    let client = Some((chain.as_bytes(), key.as_bytes()));
    let options = TlsOptions { ca_pem: Some(pem.as_bytes()), client, ..TlsOptions::default() };
    assert_eq!(get(&uri, tls(options)).await, Ok("http/1.1 true".to_owned()));
}

#[tokio::test]
async fn a_server_without_tls_and_a_silent_one_are_told_apart() {
    let (listener, plain) = listen("127.0.0.1").await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    assert_eq!(get(&format!("https://localhost:{}/", plain.port()), None).await, FAILED);
    let (_listener, silent) = listen("127.0.0.1").await;
    let timed_out = Err((Kind::UpstreamTimeout, Some("tls_timeout")));
    assert_eq!(get(&format!("https://localhost:{}/", silent.port()), None).await, timed_out);
}

#[tokio::test]
async fn a_refusal_is_found_beneath_the_clients_error() {
    let denied = Err((Kind::Upstream, Some("denied_egress")));
    for uri in
        ["http://169.254.169.254/", "https://[::1]/", "http://2130706433/", "http://127.0.0.1:22/"]
    {
        assert_eq!(get(uri, None).await, denied, "{uri}");
    }
}

#[tokio::test]
async fn plain_http_speaks_no_tls() {
    let (listener, address) = listen("127.0.0.1").await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    });
    assert_eq!(get(&format!("http://{address}/"), None).await, Ok("ok".to_owned()));
}

/// Dials and then speaks TLS, as a database's client does; tells the protocol that was agreed on.
async fn secured(port: u16, options: TlsOptions<'_>, names: Names) -> Result<String, Error> {
    let tls = Tls::for_database(&options, names).unwrap();
    let egress = egress();
    let plain = egress.dial("127.0.0.1", port).await.unwrap();
    let mut stream = egress.secure(plain, tls, "127.0.0.1").await?;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_head(&mut stream).await.unwrap();
    let mut body = [0; " false".len()];
    stream.read_exact(&mut body).await.unwrap();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn q42_a_databases_certificate_is_verified_with_or_without_its_name() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (ours_pem, other_pem) = (ours.pem(), other.pem());
    let port = serve(&ours, "db.test", false).await.port();
    let of = |pem| TlsOptions { ca_pem: Some(pem), ..TlsOptions::default() };
    let (ours, other) = (of(ours_pem.as_bytes()), of(other_pem.as_bytes()));
    let named = TlsOptions { server_name: Some("db.test"), ..ours };
    let lenient = TlsOptions { verify: false, ..other };
    // No protocol of HTTP's is offered: PostgreSQL 17 refuses those that it does not know.
    assert_eq!(secured(port, ours, Names::Any).await.unwrap(), " false");
    assert_eq!(secured(port, named, Names::Verified).await.unwrap(), " false");
    assert_eq!(secured(port, lenient, Names::Verified).await.unwrap(), " false");
    assert!(matches!(secured(port, ours, Names::Verified).await, Err(Error::Tls(_))));
    assert!(matches!(secured(port, other, Names::Any).await, Err(Error::Tls(_))));
    assert!(matches!(secured(port, TlsOptions::default(), Names::Any).await, Err(Error::Tls(_))));
}
