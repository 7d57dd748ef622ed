use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{ByteStream, Endpoint, Place, tcp};
use crate::core::EventKind;
use crate::serve::{Guest, serve};
use crate::shared::Shared;

/// How long a child process may take from its making to its program, on a busy machine.
const COPIES_LIVE: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(2);

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

    /// Takes the place of a listener that has just ended. A child process that
    /// this program is starting holds a copy of the listener's socket until it
    /// becomes another program, and the port with it.
    async fn again(endpoint: Endpoint) -> io::Result<Self> {
        let deadline = Instant::now() + COPIES_LIVE;
        loop {
            match Self::new(endpoint.clone()) {
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline =>
                {
                    sleep(RETRY).await;
                }
                outcome => return outcome,
            }
        }
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
        Resting::again(self.endpoint).await
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
    sleep(Duration::from_millis(50)).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::Layers;

    /// The endpoint of a listener, and a listener there that is not ours.
    fn taken() -> (Endpoint, std::net::TcpListener) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::Tcp(listener.local_addr().unwrap());
        (Endpoint { place, layers: Layers::default() }, listener)
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_is_soon_free_is_waited_for() {
        let (endpoint, listener) = taken();
        let (resting, ()) = tokio::join!(Resting::again(endpoint.clone()), async {
            sleep(COPIES_LIVE - RETRY * 2).await;
            drop(listener);
        });
        assert_eq!(resting.unwrap().endpoint.url(), endpoint.url());
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_stays_taken_is_an_error() {
        let (endpoint, _listener) = taken();
        let begun = Instant::now();
        let error = Resting::again(endpoint).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(begun.elapsed() <= COPIES_LIVE + RETRY * 2, "{:?}", begun.elapsed());
    }
}
