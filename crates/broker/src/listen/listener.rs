//! The life of a listener: its port, accepting, stopping.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::acceptor::{self, Listener};
use super::{BindAddress, Endpoint, tcp};
use crate::core::EventKind;
use crate::shared::Shared;

/// How long a child process may take from its making to its program, on a busy machine.
const PORT_WAIT: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(2);

/// A listener that accepts connections, until it is stopped.
pub(crate) struct Accepting {
    endpoint: Endpoint,
    task: JoinHandle<()>,
}

/// A listener that does not listen; the port is still its own.
pub(crate) struct Reserved {
    endpoint: Endpoint,
    socket: Option<TcpSocket>,
}

impl Reserved {
    /// Takes the port that the listener will have.
    pub(crate) fn new(mut endpoint: Endpoint) -> io::Result<Self> {
        let mut taken = None;
        if let BindAddress::Tcp(address) = &mut endpoint.bind {
            let socket = tcp::reserve(*address)?;
            *address = socket.local_addr()?;
            taken = Some(socket);
        }
        Ok(Self { endpoint, socket: taken })
    }

    /// Takes the port of a listener that has just ended. A child process that
    /// this program is starting holds a copy of the listener's socket until it
    /// becomes another program, and the port with it.
    async fn again(endpoint: Endpoint) -> io::Result<Self> {
        let deadline = Instant::now() + PORT_WAIT;
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
        shared.barrier().span_system()?;
        let url = endpoint.url();
        let listener = match (&endpoint.bind, socket) {
            (BindAddress::Tcp(_), Some(socket)) => Listener::Tcp(tcp::listen(socket)?),
            (BindAddress::Tcp(address), None) => {
                Listener::Tcp(tcp::listen(tcp::reserve(*address)?)?)
            }
            #[cfg(unix)]
            (BindAddress::Unix(path), _) => Listener::Unix(super::unix::listen(path)?),
            #[cfg(not(unix))]
            (BindAddress::Unix(_), _) => return Err(io::ErrorKind::Unsupported.into()),
        };
        let task = tokio::spawn(acceptor::open(shared.clone(), endpoint.clone(), listener, gate));
        shared.note(EventKind::Listening { url });
        Ok(Accepting { endpoint, task })
    }
}

impl Accepting {
    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Stops listening; the port stays taken.
    pub(crate) async fn stop(self) -> io::Result<Reserved> {
        self.task.abort();
        // The listener is closed once its task is gone, whatever the task says.
        let _ = self.task.await;
        #[cfg(unix)]
        if let BindAddress::Unix(path) = &self.endpoint.bind {
            super::unix::remove(path)?;
        }
        Reserved::again(self.endpoint).await
    }

    /// Stops listening for good.
    pub(crate) fn abort(&self) {
        self.task.abort();
        #[cfg(unix)]
        if let BindAddress::Unix(path) = &self.endpoint.bind {
            // Nobody is left to hear of a file that cannot be removed.
            let _ = super::unix::remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::Layers;

    /// The endpoint of a listener, and a listener there that is not ours.
    fn taken() -> (Endpoint, std::net::TcpListener) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let bind = BindAddress::Tcp(listener.local_addr().unwrap());
        (Endpoint { bind, layers: Layers::default() }, listener)
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_is_soon_free_is_waited_for() {
        let (endpoint, listener) = taken();
        let (reserved, ()) = tokio::join!(Reserved::again(endpoint.clone()), async {
            sleep(PORT_WAIT - RETRY * 2).await;
            drop(listener);
        });
        assert_eq!(reserved.unwrap().endpoint.url(), endpoint.url());
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_stays_taken_is_an_error() {
        let (endpoint, _listener) = taken();
        let begun = Instant::now();
        let error = Reserved::again(endpoint).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(begun.elapsed() <= PORT_WAIT + RETRY * 2, "{:?}", begun.elapsed());
    }
}
