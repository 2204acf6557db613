//! HTTP/1.1 on a listener, with limits and an orderly end.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::net::{TcpListener, TcpStream};

use super::Error;
use crate::{
    layers::{self, Ending, Options, Stack},
    stack,
};

/// How long a request head may take to arrive, and how long a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests in flight may go on after the stop.
const GRACE: Duration = Duration::from_secs(30);

/// The largest buffer of a connection each way. A head that does not fit is 431 by hyper, with an
/// empty body; the layers refuse smaller ones with a body.
const BUFFER_BYTES: usize = 64 << 10;

/// Serves a router on a listener until `stop` resolves, then finishes what is in flight, for at most
/// 30 s. A caller who goes away ends its request: the handler's future is dropped.
///
/// A message with both Content-Length and Transfer-Encoding is read as chunked and its connection
/// closed after it (RFC 9112, 6.3); a bare LF ends a line (2.2); two different lengths, a folded
/// header and a malformed length are 400.
///
/// # Errors
///
/// Fails if the listener fails for good; being out of file descriptors is waited out.
pub async fn tcp(
    router: Router,
    options: Options,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let stack = stack(router, options);
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(connection(stack.clone(), stream, peer, connections.watcher()));
            }
            Err(error) => wait_out(error).await?,
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("requests still in flight after {GRACE:?} are abandoned");
    }
    stack.flush().await;
    Ok(())
}

async fn connection(stack: Stack, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let peer = peer.ip().to_canonical();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let stack = stack.clone();
        let arrival = layers::arrive(&request, Some(peer), None);
        async move { Ok::<_, Infallible>(stack.answer(request, arrival, Ending::default()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // Callers break off at any time; their requests have their own lines.
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Connections that die before they are accepted and exhausted descriptors pass; the rest does not.
async fn wait_out(error: io::Error) -> Result<(), Error> {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    match error.kind() {
        ConnectionAborted | ConnectionRefused | ConnectionReset => Ok(()),
        InvalidInput => Err(Error::Accept(error)),
        _ => {
            tracing::error!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
