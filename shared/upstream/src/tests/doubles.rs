//! A data source that does what a test says, byte by byte.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A data source on a port of its own.
pub(crate) struct Double {
    /// Where it is, without a slash at the end.
    pub(crate) url: String,
    heads: Heads,
    connections: Arc<AtomicUsize>,
}

type Heads = Arc<Mutex<Vec<String>>>;

/// One connection to a double.
pub(crate) struct Peer {
    /// Counts connections from 0.
    pub(crate) number: usize,
    stream: TcpStream,
    buffer: Vec<u8>,
    heads: Heads,
}

impl Double {
    /// Serves each connection as a test says.
    pub(crate) async fn serving<F, Fut>(serve: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Heads::default();
        let connections = Arc::new(AtomicUsize::new(0));
        let double = Self { url, heads: Arc::clone(&heads), connections: Arc::clone(&connections) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = connections.fetch_add(1, Ordering::Relaxed);
                let heads = Arc::clone(&heads);
                tokio::spawn(serve(Peer { number, stream, buffer: Vec::new(), heads }));
            }
        });
        double
    }

    /// Answers every request with these bytes and keeps connections open.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::serving(move |mut peer| {
            let answer = answer.clone();
            async move {
                while peer.head().await.is_some() {
                    peer.write(&answer).await;
                }
            }
        })
        .await
    }

    /// Answers every request with these bytes and closes.
    pub(crate) async fn closing(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::serving(move |mut peer| {
            let answer = answer.clone();
            async move {
                if peer.head().await.is_some() {
                    peer.write(&answer).await;
                }
            }
        })
        .await
    }

    /// The heads of the requests that came, as they came.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Peer {
    /// Reads up to the end of a head; none if the other side closes before.
    pub(crate) async fn head(&mut self) -> Option<String> {
        self.until(b"\r\n\r\n").await.inspect(|head| self.heads.lock().unwrap().push(head.clone()))
    }

    /// Reads up to and with these bytes.
    pub(crate) async fn until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|bytes| bytes == end) {
                let head: Vec<u8> = self.buffer.drain(..at + end.len()).collect();
                return Some(String::from_utf8(head).unwrap());
            }
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Writes; what the other side no longer takes is lost.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes).await);
    }

    /// Waits until the other side has closed.
    pub(crate) async fn closed(mut self) {
        let gone =
            async { while self.stream.read_buf(&mut self.buffer).await.is_ok_and(|n| n > 0) {} };
        timeout(PATIENCE, gone).await.expect("the connection stays open");
    }
}
