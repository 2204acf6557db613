//! A web server before the gateway and another before its upstream, that break one promise between them.
#![expect(
    clippy::disallowed_methods,
    reason = "it stands in for a web server, which dials whom it is told"
)]

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leak {
    Nothing,
    /// Whoever has no credential gets the administrator's.
    LetsIn,
    /// Reading shows what was written.
    ShowsSecrets,
    /// Errors quote a secret.
    QuotesSecrets,
    /// Secrets are filled in again when they are left out.
    KeepsSecrets,
    /// One forbidden address is as good as another.
    Dials(&'static str),
    /// So is the gateway's own.
    DialsItself,
    /// TRACE is answered with what came.
    Traces,
    /// One organisation's token reads as another's.
    MixesTenants,
    /// The caller's credential goes upstream beside the data source's.
    AddsCredential,
    /// The caller's cookie goes upstream.
    PassesCookie,
    /// The upstream's cookie comes back.
    SetsCookie,
    /// Dot segments are followed.
    Climbs,
    /// Escapes are undone.
    Unescapes,
    /// Redirects are followed.
    Follows,
    /// A request is sent twice.
    Doubles,
}

/// Both servers; they end with the test's runtime.
pub(super) struct Leaky {
    /// Where the gateway seems to be.
    pub(super) front: SocketAddr,
    /// Where the upstream seems to be.
    pub(super) back: SocketAddr,
}

/// What the two know.
struct Shared {
    leak: Leak,
    front: SocketAddr,
    gateway: SocketAddr,
    upstream: SocketAddr,
    admin: HeaderValue,
    other: HeaderValue,
    secrets: Mutex<Value>,
    came: Mutex<HeaderMap>,
}

impl Leaky {
    pub(super) async fn start(
        leak: Leak,
        (gateway, upstream): (SocketAddr, SocketAddr),
        (admin, other): (&str, &str),
    ) -> Self {
        let [front, back] = [bind().await, bind().await];
        let addresses =
            Self { front: front.local_addr().unwrap(), back: back.local_addr().unwrap() };
        let bearer = |token: &str| HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let shared = Arc::new(Shared {
            leak,
            front: addresses.front,
            gateway,
            upstream,
            admin: bearer(admin),
            other: bearer(other),
            secrets: Mutex::default(),
            came: Mutex::default(),
        });
        serve(front, Arc::clone(&shared), true);
        serve(back, shared, false);
        addresses
    }
}

async fn bind() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

fn serve(listener: TcpListener, shared: Arc<Shared>, is_front: bool) {
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            let service = service_fn(move |request: Request<Incoming>| {
                let shared = Arc::clone(&shared);
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let request = Request::from_parts(head, body);
                    Ok::<_, Infallible>(
                        match is_front {
                            true => shared.front(request).await,
                            false => shared.back(request).await,
                        }
                        .map(Full::new),
                    )
                }
            });
            let serving = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            // Whoever is tested may go away.
            tokio::spawn(async move { serving.await.ok() });
        }
    });
}

impl Shared {
    async fn front(&self, mut request: Request<Bytes>) -> Response<Bytes> {
        *self.came.lock().unwrap() = request.headers().clone();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        self.lend_credential(&path, request.headers_mut());
        if matches!(method, Method::POST | Method::PUT) {
            self.rewrite(&mut request);
        }
        match self.leak {
            Leak::Traces if method == Method::TRACE => {
                return Response::new(Bytes::from(format!("{:?}", request.headers())));
            }
            Leak::Climbs if path.ends_with("%2e%2e/climbed") => {
                let run = path.split('-').nth(1).unwrap().to_owned();
                *request.uri_mut() = format!("/{run}/climbed").parse().unwrap();
                return send(self.upstream, request).await;
            }
            Leak::Unescapes => *request.uri_mut() = path.replace("%2F", "/").parse().unwrap(),
            _ => {}
        }
        let mut response = send(self.gateway, request).await;
        self.spoil(&method, &path, &mut response);
        response
    }

    fn lend_credential(&self, path: &str, headers: &mut HeaderMap) {
        let sent = headers.get(AUTHORIZATION);
        let lends = match self.leak {
            Leak::LetsIn => sent.is_none(),
            Leak::MixesTenants => path != "/api/org" && sent == Some(&self.other),
            _ => false,
        };
        if lends {
            headers.insert(AUTHORIZATION, self.admin.clone());
        }
    }

    /// Changes a data source on the way in.
    fn rewrite(&self, request: &mut Request<Bytes>) {
        let Ok(mut body) = serde_json::from_slice::<Value>(request.body()) else { return };
        let secrets = body["secureJsonData"].clone();
        let has_secrets = secrets.as_object().is_some_and(|secrets| !secrets.is_empty());
        match self.leak {
            _ if has_secrets => *self.secrets.lock().unwrap() = secrets,
            Leak::KeepsSecrets => body["secureJsonData"] = self.secrets.lock().unwrap().clone(),
            Leak::Dials(url) if body["url"] == url => body["url"] = self.harmless(),
            Leak::DialsItself => {
                let url = body["url"].as_str().unwrap_or_default();
                if url.starts_with(&format!("http://{}", self.front)) {
                    body["url"] = self.harmless();
                }
            }
            _ => return,
        }
        *request.body_mut() = body.to_string().into();
    }

    fn harmless(&self) -> Value {
        json!(format!("http://{}/elsewhere", self.upstream))
    }

    /// Changes an answer on the way out.
    fn spoil(&self, method: &Method, path: &str, response: &mut Response<Bytes>) {
        let shown = match self.leak {
            Leak::ShowsSecrets => {
                method == Method::GET && path.starts_with("/api/datasources/uid/")
            }
            Leak::QuotesSecrets => !response.status().is_success(),
            _ => false,
        };
        if let (true, Ok(Value::Object(mut body))) =
            (shown, serde_json::from_slice(response.body()))
        {
            body.insert("password".to_owned(), self.secrets.lock().unwrap().clone());
            *response.body_mut() = Value::Object(body).to_string().into();
        }
        match self.leak {
            Leak::SetsCookie if path.ends_with("/answers") => {
                let cookie = HeaderValue::from_static("sourcegate-verify=1; Path=/");
                response.headers_mut().insert("set-cookie", cookie);
            }
            Leak::Follows if response.status().is_redirection() => {
                *response.status_mut() = StatusCode::OK;
            }
            _ => {}
        }
    }

    async fn back(&self, mut request: Request<Bytes>) -> Response<Bytes> {
        let came = self.came.lock().unwrap().clone();
        let mut pass = |name: HeaderName| {
            if let Some(value) = came.get(&name) {
                request.headers_mut().append(name, value.clone());
            }
        };
        match self.leak {
            Leak::AddsCredential => pass(AUTHORIZATION),
            Leak::PassesCookie => pass(http::header::COOKIE),
            Leak::Doubles => drop(send(self.upstream, request.clone()).await),
            _ => {}
        }
        send(self.upstream, request).await
    }
}

/// Sends a request on, its path as it came.
async fn send(to: SocketAddr, mut request: Request<Bytes>) -> Response<Bytes> {
    let host = HeaderValue::try_from(to.to_string()).unwrap();
    request.headers_mut().insert(HOST, host);
    request.headers_mut().remove(CONTENT_LENGTH);
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    let (mut head, body) = sender.send_request(request.map(Full::new)).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(http::header::TRANSFER_ENCODING);
    Response::from_parts(head, body)
}
