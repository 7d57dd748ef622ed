use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{ByteStream, Endpoint, Place, tcp};
use crate::core::EventKind;
use crate::serve::{Guest, serve};
use crate::shared::Shared;

/// A listener that accepts connections, until it is stopped.
pub(crate) struct Accepting {
    endpoint: Endpoint,
    task: JoinHandle<()>,
}

/// A listener that does not listen; the port is still its own.
pub(crate) struct Resting {
    endpoint: Endpoint,
    socket: Option<TcpSocket>,
}

impl Resting {
    /// Takes the place where the listener will be.
    pub(crate) fn new(mut endpoint: Endpoint) -> io::Result<Self> {
        let mut taken = None;
        if let Place::Tcp(address) = &mut endpoint.place {
            let socket = tcp::reserve(*address)?;
            *address = socket.local_addr()?;
            taken = Some(socket);
        }
        Ok(Self { endpoint, socket: taken })
    }

    /// Begins to accept.
    pub(crate) fn listen(
        self,
        shared: &Arc<Shared>,
        gate: watch::Receiver<bool>,
    ) -> io::Result<Accepting> {
        let Self { endpoint, socket } = self;
        let url = endpoint.url();
        let accepted = Accepted { shared: shared.clone(), endpoint: endpoint.clone() };
        let task = match (&endpoint.place, socket) {
            (Place::Tcp(_), Some(socket)) => {
                tokio::spawn(accept_tcp(tcp::listen(socket)?, accepted, gate))
            }
            (Place::Tcp(address), None) => {
                let listener = tcp::listen(tcp::reserve(*address)?)?;
                tokio::spawn(accept_tcp(listener, accepted, gate))
            }
            #[cfg(unix)]
            (Place::Unix(path), _) => {
                tokio::spawn(accept_unix(super::unix::listen(path)?, accepted, gate))
            }
            #[cfg(not(unix))]
            (Place::Unix(_), _) => return Err(io::ErrorKind::Unsupported.into()),
        };
        shared.note(EventKind::Listening { url });
        Ok(Accepting { endpoint, task })
    }
}

impl Accepting {
    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Stops listening; the port stays taken.
    pub(crate) async fn stop(self) -> io::Result<Resting> {
        self.task.abort();
        // The listener is closed once its task is gone, whatever the task says.
        let _ = self.task.await;
        #[cfg(unix)]
        if let Place::Unix(path) = &self.endpoint.place {
            super::unix::remove(path)?;
        }
        Resting::new(self.endpoint)
    }

    /// Stops listening for good.
    pub(crate) fn abort(&self) {
        self.task.abort();
        #[cfg(unix)]
        if let Place::Unix(path) = &self.endpoint.place {
            // Nobody is left to hear of a file that cannot be removed.
            let _ = super::unix::remove(path);
        }
    }
}

/// What a new connection needs.
#[derive(Clone)]
struct Accepted {
    shared: Arc<Shared>,
    endpoint: Endpoint,
}

async fn accept_tcp(listener: TcpListener, accepted: Accepted, mut gate: watch::Receiver<bool>) {
    while let Some(result) = next(&mut gate, || listener.accept()).await {
        match result {
            Ok((stream, peer)) => {
                // A socket without it is slower, not wrong.
                let _ = stream.set_nodelay(true);
                tokio::spawn(accepted.clone().serve(stream, peer.to_string()));
            }
            Err(_) => rest().await,
        }
    }
}

#[cfg(unix)]
async fn accept_unix(
    listener: tokio::net::UnixListener,
    accepted: Accepted,
    mut gate: watch::Receiver<bool>,
) {
    while let Some(result) = next(&mut gate, || listener.accept()).await {
        match result {
            Ok((stream, _)) => drop(tokio::spawn(accepted.clone().serve(stream, "unix".into()))),
            Err(_) => rest().await,
        }
    }
}

/// Accepts while the gate is open; `None` once nobody can open it any more.
async fn next<T, F: Future<Output = T>>(
    gate: &mut watch::Receiver<bool>,
    accept: impl Fn() -> F,
) -> Option<T> {
    loop {
        gate.wait_for(|is_open| *is_open).await.ok()?;
        tokio::select! {
            biased;
            closed = gate.wait_for(|is_open| !*is_open) => drop(closed.ok()?),
            result = accept() => return Some(result),
        }
    }
}

/// After an error such as too many open files, trying at once would only spin.
async fn rest() {
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
}

impl Accepted {
    async fn serve<S: ByteStream>(self, stream: S, peer: String) {
        let Self { shared, endpoint } = self;
        let guest = Guest::open(shared, endpoint.transport(), &peer);
        let layers = endpoint.layers;
        if !layers.has_tls() && !layers.websocket {
            return serve(guest, stream).await;
        }
        if !guest.is_admitted().await {
            return;
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = layers.tls {
            if let Some(stream) = guest.within_patience(tls.accept(stream)).await {
                wrap(guest, stream, layers.websocket).await;
            }
            return;
        }
        wrap(guest, stream, layers.websocket).await;
    }
}

#[cfg(feature = "websocket")]
async fn wrap<S: ByteStream>(guest: Guest, stream: S, websocket: bool) {
    if !websocket {
        return serve(guest, stream).await;
    }
    let (packet_size, frame_size) = guest.frame_limits();
    let accept = super::websocket::accept(stream, packet_size, frame_size);
    if let Some(stream) = guest.within_patience(accept).await {
        serve(guest, stream).await;
    }
}

#[cfg(not(feature = "websocket"))]
async fn wrap<S: ByteStream>(guest: Guest, stream: S, _: bool) {
    serve(guest, stream).await;
}
