use std::{
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, mpsc, oneshot},
};

use super::*;
use crate::Arrival;

/// A server on a free port, stopped by dropping or sending on `stop`.
struct Served {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    done: tokio::task::JoinHandle<Result<(), Error>>,
}

async fn serve(router: Router) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move { drop(stopped.await) };
    let done = tokio::spawn(tcp(router, Options::default(), listener, stopped));
    Served { address, stop: Some(stop), done }
}

impl Served {
    #[expect(clippy::disallowed_methods, reason = "the test is a caller, not the gateway")]
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the server closes or has nothing more to say for a moment.
    async fn exchange(&self, sent: impl AsRef<[u8]>) -> (String, Ending) {
        let mut stream = self.connect().await;
        // The server may refuse before it has read all.
        let _refused = stream.write_all(sent.as_ref()).await;
        let mut received = Vec::new();
        let read = stream.read_to_end(&mut received);
        let ending = match tokio::time::timeout(Duration::from_millis(300), read).await {
            Ok(_) => Ending::Closed,
            Err(_) => Ending::Kept,
        };
        (String::from_utf8(received).unwrap(), ending)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Closed,
    Kept,
}

fn router() -> Router {
    Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/peer", get(|arrival: Arrival| async move { format!("{:?}", arrival.peer) }))
        .route("/echo", post(|body: Bytes| async move { body }))
}

async fn check(sent: impl AsRef<[u8]>, starts: &str, ending: Ending) {
    let served = serve(router()).await;
    let (received, found) = served.exchange(sent.as_ref()).await;
    let shown =
        String::from_utf8_lossy(&sent.as_ref()[..sent.as_ref().len().min(120)]).into_owned();
    assert!(received.starts_with(starts), "{shown:?} got {received:?}");
    assert_eq!(found, ending, "{shown:?} got {received:?}");
    assert!(received.matches("HTTP/1.1 ").count() <= 1, "{shown:?} got {received:?}");
}

#[tokio::test]
async fn requests_are_answered_and_the_connection_is_kept() {
    check("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", Ending::Kept).await;
}

#[tokio::test]
async fn the_peer_is_the_socket_and_no_header() {
    let sent = "GET /peer HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n";
    let (received, _) = serve(router()).await.exchange(sent).await;
    assert!(received.ends_with("Some(127.0.0.1)"), "{received}");
}

#[tokio::test]
async fn h14_length_beside_chunks_counts_nothing_and_ends_the_connection() {
    let smuggled = "5\r\nhello\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    for lengths in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    ] {
        let sent = format!("POST /echo HTTP/1.1\r\nHost: x\r\n{lengths}\r\n{smuggled}");
        check(&sent, "HTTP/1.1 200", Ending::Closed).await;
        let (received, _) = serve(router()).await.exchange(&sent).await;
        assert!(received.ends_with("\r\n\r\nhello"), "{received}");
    }
    let gzip = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n";
    check(gzip, "HTTP/1.1 400", Ending::Closed).await;
}

#[tokio::test]
async fn h15_unclear_lengths_are_400() {
    for length in ["5, 6", "+5", "0x5", "5\r\nContent-Length: 6", "-1", "99999999999999999999"] {
        let sent =
            format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\nhello");
        check(&sent, "HTTP/1.1 400", Ending::Closed).await;
    }
}

#[tokio::test]
async fn h17_folded_headers_and_broken_lines_are_400() {
    let check = async |head: &str| {
        let sent = format!("GET /hello HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n");
        check(&sent, "HTTP/1.1 400", Ending::Closed).await;
    };
    check("X-A: 1\r\n folded").await;
    check("X-A: 1\r\n\tfolded").await;
    check("X-A: 1\rX-B: 2").await;
    check("X-A : 1").await;
    check("X-A: \0").await;
    check("X-A").await;
}

#[tokio::test]
async fn h17_a_bare_line_feed_ends_a_line_and_no_more() {
    check("GET /hello HTTP/1.1\nHost: x\n\n", "HTTP/1.1 200", Ending::Kept).await;
}

#[tokio::test]
async fn h18_absurd_chunks_are_refused() {
    let chunk = |head: &str| {
        format!("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{head}")
    };
    check(chunk("ffffffffffffffff1\r\n"), "HTTP/1.1 400", Ending::Closed).await;
    let extension = "x".repeat(1 << 20);
    check(chunk(&format!("5;{extension}\r\nhello\r\n0\r\n\r\n")), "", Ending::Closed).await;
}

#[tokio::test]
async fn h13_a_head_that_fits_no_buffer_is_431() {
    let sent = |header: String| format!("GET /hello HTTP/1.1\r\nHost: x\r\n{header}\r\n");
    let huge = format!("X-A: {}\r\n", "v".repeat(256 << 10));
    let many: String = (0..500).map(|at| format!("X-{at}: v\r\n")).collect();
    let some = format!("X-A: {}\r\n", "v".repeat(20 << 10));
    check(sent(huge), "HTTP/1.1 431", Ending::Closed).await;
    check(sent(many), "HTTP/1.1 431", Ending::Closed).await;
    check(sent(some), "HTTP/1.1 431", Ending::Kept).await;
}

#[tokio::test]
async fn p14_p15_long_targets_are_414() {
    let target = |path: String| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    check(target(format!("/{}", "a".repeat(16 << 10))), "HTTP/1.1 414", Ending::Kept).await;
    check(target("/a".repeat(10_000)), "HTTP/1.1 414", Ending::Kept).await;
}

/// Tells when it is dropped.
struct Dropped(mpsc::UnboundedSender<Instant>);

impl Drop for Dropped {
    fn drop(&mut self) {
        // Nobody may be waiting any more.
        let _unheard = self.0.send(Instant::now());
    }
}

#[tokio::test]
async fn a_caller_who_leaves_ends_its_request() {
    let (tell, mut dropped) = mpsc::unbounded_channel();
    let started = Arc::new(Notify::new());
    let entered = started.clone();
    let handler = async move || {
        let _guard = Dropped(tell.clone());
        entered.notify_one();
        pending::<()>().await;
    };
    let served = serve(Router::new().route("/", get(handler))).await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    started.notified().await;
    let left = Instant::now();
    drop(stream);
    let dropped = dropped.recv().await.unwrap();
    assert!(dropped - left < Duration::from_secs(1));
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_stream() {
    let (tell, mut dropped) = mpsc::unbounded_channel();
    let handler = async move || {
        let guard = Dropped(tell.clone());
        Body::from_stream(futures_util::stream::unfold(guard, |guard| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok::<_, io::Error>(Bytes::from_static(b"more")), guard))
        }))
    };
    let served = serve(Router::new().route("/", get(handler))).await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    stream.read_exact(&mut [0; 20]).await.unwrap();
    drop(stream);
    assert!(dropped.recv().await.is_some());
}

#[tokio::test]
async fn the_first_byte_does_not_wait_for_the_last() {
    let (send, receive) = mpsc::unbounded_channel::<&'static str>();
    let receive = Arc::new(std::sync::Mutex::new(Some(receive)));
    let handler = async move || {
        let receive = receive.lock().unwrap().take().unwrap();
        Body::from_stream(futures_util::stream::unfold(receive, |mut receive| async move {
            receive.recv().await.map(|piece| (Ok::<_, io::Error>(Bytes::from(piece)), receive))
        }))
    };
    let served = serve(Router::new().route("/", get(handler))).await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut received = String::new();
    for piece in ["first", "second"] {
        send.send(piece).unwrap();
        while !received.contains(piece) {
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer).await.unwrap();
            received.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
    }
}

#[tokio::test]
async fn a_body_that_fails_breaks_the_transfer() {
    let handler = async || {
        let pieces = [Ok(Bytes::from("half")), Err(io::Error::other("cut off"))];
        Body::from_stream(futures_util::stream::iter(pieces))
    };
    let served = serve(Router::new().route("/", get(handler))).await;
    let (received, ending) = served.exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(ending, Ending::Closed);
    assert!(received.starts_with("HTTP/1.1 200") && received.ends_with("half\r\n"), "{received}");
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_closes_what_idles() {
    let started = Arc::new(Notify::new());
    let go_on = Arc::new(Notify::new());
    let (entered, released) = (started.clone(), go_on.clone());
    let handler = async move || {
        entered.notify_one();
        released.notified().await;
        "finished"
    };
    let mut served = serve(Router::new().route("/", get(handler))).await;
    let mut idle = served.connect().await;
    let mut busy = served.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    started.notified().await;
    drop(served.stop.take());
    assert_eq!(idle.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(!served.done.is_finished());
    go_on.notify_one();
    let mut received = String::new();
    busy.read_to_string(&mut received).await.unwrap();
    assert!(received.ends_with("finished"), "{received}");
    served.done.await.unwrap().unwrap();
}
