//! A TCP connection's way through the world: it passes bytes on, and is cut or goes silent on command.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A TCP proxy on a free loopback port. Dropping it closes its connections.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    to: SocketAddr,
    orders: watch::Sender<Orders>,
    state: watch::Sender<State>,
}

/// What becomes of connections, which are numbered as they come: those with a lower number are meant.
#[derive(Clone, Copy, Debug, Default)]
struct Orders {
    cut: usize,
    silent: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    accepted: usize,
    open: usize,
}

impl Wire {
    /// Starts one to a server.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (orders, state) = (watch::Sender::default(), watch::Sender::default());
        let shared = Arc::new(Shared { to: server, orders, state });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, server }
    }

    /// Its base url, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections came so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state.borrow().accepted
    }

    /// Closes the connections that are open, on both sides, and waits until they are.
    pub async fn cut(&self) {
        let accepted = self.connections();
        self.shared.orders.send_modify(|orders| orders.cut = accepted);
        // The sender lives as long as this does.
        self.shared.state.subscribe().wait_for(|state| state.open == 0).await.ok();
    }

    /// Loses whatever is sent on the connections that are open, and tells nobody.
    pub fn silence(&self) {
        let accepted = self.connections();
        self.shared.orders.send_modify(|orders| orders.silent = accepted);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).ok();
        let number = shared.state.borrow().accepted;
        shared.state.send_modify(|state| {
            state.accepted += 1;
            state.open += 1;
        });
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            shared.carry(stream, number).await;
            shared.state.send_modify(|state| state.open -= 1);
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Shared {
    #[expect(clippy::disallowed_methods, reason = "a test's own connection to its server")]
    async fn carry(&self, mut client: TcpStream, number: usize) {
        let Ok(mut server) = TcpStream::connect(self.to).await else { return };
        server.set_nodelay(true).ok();
        let (mut cut, mut silent) = (self.orders.subscribe(), self.orders.subscribe());
        let cut = cut.wait_for(|orders| orders.cut > number);
        let silenced = async {
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => return,
                _ = silent.wait_for(|orders| orders.silent > number) => {}
            }
            // The server's side stays open, too, until the client's closes.
            swallow(&mut client).await;
        };
        tokio::select! {
            _ = cut => {}
            () = silenced => {}
        }
    }
}

async fn swallow(from: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = vec![0; 16 * 1024];
    while from.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
}
