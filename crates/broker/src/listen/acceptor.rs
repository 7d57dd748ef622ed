//! Where connections arrive: accepted in their turn among all that arrives,
//! and read from at once, for their first bytes may lie there already.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::socket::{Socket, System};
use super::{ByteStream, Endpoint, Protocol};
use crate::arrivals::{Source, SourceWaker};
use crate::core::{Arrival, ConnectionId};
use crate::serve::OpenConnection;
use crate::shared::Shared;

/// After an error such as too many open files, trying at once would only spin.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// Connections accepted before others have their turn.
const AT_ONCE: usize = 16;

/// A socket that listens.
pub(super) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// A connection that was accepted, before it is the core's.
enum Accepted {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Listener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Self::Tcp(listener) => {
                let accepted = ready!(listener.poll_accept(cx));
                Poll::Ready(accepted.map(|(stream, peer)| Accepted::Tcp(stream, peer)))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let accepted = ready!(listener.poll_accept(cx));
                Poll::Ready(accepted.map(|(stream, _)| Accepted::Unix(stream)))
            }
        }
    }
}

struct Acceptor {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    /// Where its connections are served, whoever accepts them.
    runtime: Handle,
    listener: Mutex<Option<Listener>>,
    gate: watch::Receiver<bool>,
    waker: Arc<SourceWaker>,
    woken: Arc<Notify>,
    has_failed: AtomicBool,
}

/// Accepts connections while the gate is open; ends once nobody can open it
/// any more. Dropped, it listens no more.
pub(super) async fn open(
    shared: Arc<Shared>,
    endpoint: Endpoint,
    listener: Listener,
    mut gate: watch::Receiver<bool>,
) {
    let acceptor = Guard(Acceptor::new(shared, endpoint, listener, gate.clone()));
    let Guard(acceptor) = &acceptor;
    loop {
        acceptor.waker.notify();
        loop {
            acceptor.shared.arrivals().run(None).await;
            if acceptor.has_failed.swap(false, Ordering::AcqRel) {
                sleep(RETRY_DELAY).await;
                break;
            }
            tokio::select! {
                changed = gate.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                () = acceptor.woken.notified() => {}
            }
        }
    }
}

/// Closes the listener with the task that served it.
struct Guard(Arc<Acceptor>);

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.listener().take());
    }
}

impl Acceptor {
    fn new(
        shared: Arc<Shared>,
        endpoint: Endpoint,
        listener: Listener,
        gate: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|acceptor: &Weak<Self>| {
            let woken = Arc::new(Notify::new());
            let waker =
                SourceWaker::new(shared.arrivals().clone(), acceptor.clone(), woken.clone());
            Self {
                shared,
                endpoint,
                runtime: Handle::current(),
                listener: Mutex::new(Some(listener)),
                gate,
                waker: Arc::new(waker),
                woken,
                has_failed: AtomicBool::new(false),
            }
        })
    }

    fn listener(&self) -> MutexGuard<'_, Option<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts one connection: from then on it is the core's.
    fn poll_admit(&self, listener: &Listener, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !*self.gate.borrow() {
            return Poll::Pending;
        }
        let accepted = ready!(listener.poll_accept(cx))?;
        self.shared.barrier().socket_came();
        match accepted {
            Accepted::Tcp(stream, peer) => {
                // A socket without it is slower, not wrong.
                let _ = stream.set_nodelay(true);
                self.admit(stream, &peer.to_string());
            }
            #[cfg(unix)]
            Accepted::Unix(stream) => self.admit(stream, "unix"),
        }
        Poll::Ready(Ok(()))
    }

    fn admit<S: System>(&self, stream: S, peer: &str) {
        let asks = Arc::<AtomicBool>::default();
        let socket = Socket::new(stream, asks.clone());
        let mut arrival = Arrival::new(self.endpoint.transport(), peer);
        arrival.port = self.endpoint.layers.role;
        let connection = OpenConnection::open(self.shared.clone(), arrival, asks);
        let layers = &self.endpoint.layers;
        if layers.has_tls() || layers.protocol != Protocol::Mqtt {
            tokio::spawn(unwrap(connection, socket, self.endpoint.clone()));
            return;
        }
        let served = connection.attach(socket);
        served.reader().take_in(None);
        tokio::spawn(served.run());
    }
}

impl Source for Acceptor {
    fn take_in(&self, _: Option<ConnectionId>) {
        let slot = self.listener();
        let Some(listener) = slot.as_ref() else { return };
        let _on_its_threads = self.runtime.enter();
        let waker = Waker::from(self.waker.clone());
        let mut cx = Context::from_waker(&waker);
        for _ in 0..AT_ONCE {
            match self.poll_admit(listener, &mut cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.has_failed.store(true, Ordering::Release);
                    return self.woken.notify_one();
                }
            }
        }
        self.waker.notify();
    }
}

/// Runs the handshakes of what the bytes are wrapped in, then serves.
async fn unwrap<S: ByteStream + 'static>(
    connection: OpenConnection,
    stream: S,
    endpoint: Endpoint,
) {
    if !connection.is_admitted().await {
        return;
    }
    let layers = endpoint.layers;
    #[cfg(feature = "tls")]
    if let Some(tls) = layers.tls {
        if let Some(stream) = connection.before_timeout(tls.accept(stream)).await {
            let facts = super::tls::facts(&stream);
            let alpn = facts.alpn.clone();
            connection.secured(facts);
            speak(connection, stream, layers.protocol, alpn.as_deref()).await;
        }
        return;
    }
    speak(connection, stream, layers.protocol, None).await;
}

/// Serves what the listener is for; where ALPN decides, what that says.
async fn speak<S: ByteStream + 'static>(
    connection: OpenConnection,
    stream: S,
    protocol: Protocol,
    alpn: Option<&str>,
) {
    match (protocol, alpn) {
        (Protocol::Mqtt, _) => serve(connection, stream).await,
        #[cfg(feature = "websocket")]
        (Protocol::WebSocket, _) => unframe(connection, stream).await,
        #[cfg(feature = "http")]
        (Protocol::Alpn, Some("x-amzn-mqtt-ca" | "mqtt")) => serve(connection, stream).await,
        #[cfg(feature = "http")]
        (Protocol::Http | Protocol::Alpn, _) => {
            let upgrades = protocol == Protocol::Alpn && alpn != Some("x-amzn-http-ca");
            answer(connection, stream, upgrades).await;
        }
        #[cfg(not(feature = "websocket"))]
        #[expect(unreachable_patterns, reason = "there is MQTT alone")]
        _ => {}
    }
}

/// Answers requests; one that wants to become a WebSocket becomes one if it may.
#[cfg(feature = "http")]
async fn answer<S: ByteStream + 'static>(connection: OpenConnection, stream: S, upgrades: bool) {
    let mut requests = super::http::Requests::new(stream);
    let Some(Some(head)) = connection.before_timeout(requests.first()).await else { return };
    if upgrades && head.is_upgrade() {
        return unframe(connection, requests.rewound(head)).await;
    }
    let serving = requests.serve(head, |request| connection.http(request));
    connection.before_timeout(serving).await;
}

#[cfg(feature = "websocket")]
async fn unframe<S: ByteStream + 'static>(connection: OpenConnection, stream: S) {
    let (packet_size, frame_size) = connection.frame_limits();
    let may = |http| connection.upgrade(http);
    let on_close = connection.on_close_frame();
    let accept = super::websocket::accept(stream, packet_size, frame_size, may, on_close);
    if let Some(stream) = connection.before_timeout(accept).await {
        serve(connection, stream).await;
    }
}

async fn serve<S: ByteStream + 'static>(connection: OpenConnection, stream: S) {
    let served = connection.attach(stream);
    // Bytes may have come with the end of the handshake.
    served.reader().notify();
    served.run().await;
}
