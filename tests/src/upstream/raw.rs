//! An upstream below HTTP: it writes the bytes it is told to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::PATIENCE;

/// A TCP server on a free loopback port. Dropping it closes its connections.
#[derive(Debug)]
pub struct RawUpstream {
    address: SocketAddr,
    heard: watch::Sender<Vec<Heard>>,
    server: JoinHandle<()>,
}

/// What one connection sent.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The bytes so far.
    pub bytes: Vec<u8>,
    /// The client has closed the connection, or it broke.
    pub is_over: bool,
}

/// What one connection does: turns, and then an end.
#[derive(Clone, Debug)]
pub struct Script {
    turns: Vec<Turn>,
    end: End,
}

#[derive(Clone, Debug)]
struct Turn {
    awaits_head: bool,
    pause: Duration,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Close,
    Hold,
    Reset,
}

impl Script {
    /// Waits for a request head, writes these bytes and closes.
    #[must_use]
    pub fn answer(bytes: impl AsRef<[u8]>) -> Self {
        Self { turns: Vec::new(), end: End::Close }.then_answer(bytes)
    }

    /// Writes these bytes as soon as the connection is there, and closes.
    #[must_use]
    pub fn greet(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().to_owned();
        let turn = Turn { awaits_head: false, pause: Duration::ZERO, bytes };
        Self { turns: vec![turn], end: End::Close }
    }

    /// Waits for one more request head, then writes these bytes.
    #[must_use]
    pub fn then_answer(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().to_owned();
        self.turns.push(Turn { awaits_head: true, pause: Duration::ZERO, bytes });
        self
    }

    /// Writes more after a pause.
    #[must_use]
    pub fn then_after(mut self, pause: Duration, bytes: impl AsRef<[u8]>) -> Self {
        self.turns.push(Turn { awaits_head: false, pause, bytes: bytes.as_ref().to_owned() });
        self
    }

    /// Ends by keeping the connection open and silent until the client goes.
    #[must_use]
    pub fn hold(self) -> Self {
        Self { end: End::Hold, ..self }
    }

    /// Ends by a TCP reset.
    #[must_use]
    pub fn reset(self) -> Self {
        Self { end: End::Reset, ..self }
    }
}

impl RawUpstream {
    /// Starts a server whose first connection follows the first script and so on; the last script
    /// is for all further ones.
    ///
    /// # Panics
    ///
    /// When there is no script.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let scripts: Vec<_> = scripts.into_iter().collect();
        assert!(!scripts.is_empty(), "a raw upstream needs a script");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let heard = watch::Sender::new(Vec::new());
        let server = tokio::spawn(accept(listener, scripts, heard.clone()));
        Self { address, heard, server }
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

    /// What each connection sent so far, in the order in which they were opened.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.borrow().clone()
    }

    /// How many connections were opened.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.heard.borrow().len()
    }

    /// Waits until what was heard makes `enough` true, and returns it.
    ///
    /// # Panics
    ///
    /// When that does not happen within 15 s.
    pub async fn wait_for(&self, mut enough: impl FnMut(&[Heard]) -> bool) -> Vec<Heard> {
        let mut heard = self.heard.subscribe();
        match tokio::time::timeout(PATIENCE, heard.wait_for(|heard| enough(heard))).await {
            Ok(Ok(heard)) => heard.clone(),
            _ => panic!("waited for the upstream in vain; it heard {:?}", self.heard()),
        }
    }
}

impl Drop for RawUpstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, scripts: Vec<Script>, heard: watch::Sender<Vec<Heard>>) {
    let mut connections = JoinSet::new();
    let scripts = Arc::new(scripts);
    let mut number = 0;
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).ok();
        heard.send_modify(|heard| heard.push(Heard::default()));
        let script = scripts[number.min(scripts.len() - 1)].clone();
        let connection = Connection { stream, number, heard: heard.clone() };
        connections.spawn(connection.follow(script));
        number += 1;
    }
}

struct Connection {
    stream: TcpStream,
    number: usize,
    heard: watch::Sender<Vec<Heard>>,
}

impl Connection {
    async fn follow(mut self, script: Script) {
        let mut searched = 0;
        for turn in script.turns {
            while turn.awaits_head && !self.has_head(&mut searched) {
                if !self.hear().await {
                    return;
                }
            }
            tokio::time::sleep(turn.pause).await;
            if self.stream.write_all(&turn.bytes).await.is_err() {
                return self.over();
            }
        }
        match script.end {
            End::Close => {
                self.stream.shutdown().await.ok();
            }
            End::Hold => while self.hear().await {},
            End::Reset => {
                self.stream.set_zero_linger().ok();
            }
        }
    }

    /// Looks for the end of a head after `searched`, and moves it there.
    fn has_head(&self, searched: &mut usize) -> bool {
        let heard = self.heard.borrow();
        let new = &heard[self.number].bytes[*searched..];
        let end = new.windows(4).position(|four| four == b"\r\n\r\n");
        *searched += end.map_or(0, |end| end + 4);
        end.is_some()
    }

    /// Reads what comes next; false when nothing more will.
    async fn hear(&mut self) -> bool {
        let mut buffer = vec![0; 16 * 1024];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => {
                self.over();
                false
            }
            Ok(length) => {
                let number = self.number;
                self.heard.send_modify(|all| {
                    all[number].bytes.extend_from_slice(&buffer[..length]);
                });
                true
            }
        }
    }

    fn over(&self) {
        self.heard.send_modify(|all| all[self.number].is_over = true);
    }
}
