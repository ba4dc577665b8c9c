//! Takes connections and answers on them until the server stops.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request, response::Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use crate::{app::App, metrics::OpenConnection, tls::HTTP2};

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may take for the head of a request, and stay connected without one. Longer than
/// proxies keep an idle connection, so that it is they who close it.
const HEAD: Duration = Duration::from_secs(75);
/// The most bytes that the head of a request can have, its path and query included.
const HEAD_LIMIT: usize = 32 * 1024;
/// The most bytes of a connection that are read ahead.
const BUFFER: usize = 2 * HEAD_LIMIT;
/// How often a quiet connection of HTTP/2 is asked whether it is alive, and how long it may take.
const PING: Duration = Duration::from_secs(30);
/// How many requests at once one connection of HTTP/2 can carry.
const AT_ONCE: u32 = 128;

/// A place where connections come in.
pub(crate) struct Entrance {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) router: Router,
    /// The most connections at once; more wait to be taken.
    pub(crate) most: usize,
}

impl Entrance {
    /// Takes connections until the server stops, then waits for what is being answered.
    pub(crate) async fn serve(self, app: Arc<App>) {
        let slots = Arc::new(Semaphore::new(self.most.min(Semaphore::MAX_PERMITS)));
        let mut stopping = app.stopping.subscribe();
        // Ends what is left if this is ended.
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &slots) => accepted,
                () = told_to_stop(&mut stopping) => break,
            };
            while connections.try_join_next().is_some() {}
            let (stream, peer, slot) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Most likely too many open files: goes by, or an operator sees it.
                    tracing::error!(%error, "no connection could be taken");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            let connection = Connection {
                peer,
                router: self.router.clone(),
                stopping: app.stopping.subscribe(),
                _open: OpenConnection::new(app.clone()),
                _slot: slot,
            };
            connections.spawn(connection.serve(stream, self.tls.clone()));
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Ok((stream, peer, slot)),
            // The client went away before it was its turn.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

struct Connection {
    peer: SocketAddr,
    router: Router,
    stopping: watch::Receiver<bool>,
    _open: OpenConnection,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // Events are small and must not wait for more.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.http1(stream).await,
            // Apart, so that connections without it do not keep room for it.
            Some(tls) => Box::pin(self.serve_tls(stream, tls)).await,
        }
    }

    async fn serve_tls(mut self, stream: TcpStream, tls: TlsAcceptor) {
        let handshake = tokio::select! {
            done = tokio::time::timeout(HANDSHAKE, tls.accept(stream)) => done,
            () = told_to_stop(&mut self.stopping) => return,
        };
        match handshake {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(HTTP2) => {
                self.http2(stream).await;
            }
            Ok(Ok(stream)) => self.http1(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn http1(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(|request| answer(&self.router, self.peer, request));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_header_size(HEAD_LIMIT)
            .max_buf_size(BUFFER);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut stopping = self.stopping.clone();
        let done = tokio::select! {
            done = connection.as_mut() => done,
            () = told_to_stop(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        note(done);
    }

    async fn http2(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (router, peer) = (self.router.clone(), self.peer);
        let service = service_fn(move |request| {
            let router = router.clone();
            async move { answer(&router, peer, request).await }
        });
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .max_concurrent_streams(AT_ONCE)
            .max_header_list_size(u32::try_from(HEAD_LIMIT).unwrap_or(u32::MAX));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut stopping = self.stopping.clone();
        let done = tokio::select! {
            done = connection.as_mut() => done,
            () = told_to_stop(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        note(done);
    }
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

fn note(done: hyper::Result<()>) {
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    router: &Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.clone().call(request).await
}
