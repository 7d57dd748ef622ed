//! Where connections arrive: accepted in their turn among all that arrives,
//! and read from at once, for their first bytes may lie there already.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::socket::{Socket, System};
use super::{ByteStream, Endpoint};
use crate::core::ConnectionId;
use crate::intake::{Arrival, Bell, Turn};
use crate::serve::Guest;
use crate::shared::Shared;

/// After an error such as too many open files, trying at once would only spin.
const REST: Duration = Duration::from_millis(50);

/// Connections accepted before others have their turn.
const AT_ONCE: usize = 16;

/// A socket that listens.
pub(super) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// A connection that was accepted, before it is the core's.
enum Newcomer {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Listener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Newcomer>> {
        match self {
            Self::Tcp(listener) => {
                let accepted = ready!(listener.poll_accept(cx));
                Poll::Ready(accepted.map(|(stream, peer)| Newcomer::Tcp(stream, peer)))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let accepted = ready!(listener.poll_accept(cx));
                Poll::Ready(accepted.map(|(stream, _)| Newcomer::Unix(stream)))
            }
        }
    }
}

impl Newcomer {
    fn poll_known(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(stream, _) => stream.poll_known(cx),
            #[cfg(unix)]
            Self::Unix(stream) => stream.poll_known(cx),
        }
    }
}

/// What a door has.
struct Entrance {
    listener: Listener,
    /// Accepted, and the system has not told of it yet.
    newcomer: Option<Newcomer>,
}

struct Door {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    entrance: Mutex<Option<Entrance>>,
    gate: watch::Receiver<bool>,
    bell: Arc<Bell>,
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
    let door = Guard(Door::new(shared, endpoint, listener, gate.clone()));
    let Guard(door) = &door;
    loop {
        door.bell.ring();
        loop {
            door.shared.intake().run(None).await;
            if door.has_failed.swap(false, Ordering::AcqRel) {
                sleep(REST).await;
                break;
            }
            tokio::select! {
                changed = gate.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                () = door.woken.notified() => {}
            }
        }
    }
}

/// Closes the listener with the task that served it.
struct Guard(Arc<Door>);

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.entrance().take());
        // Others may wait for a newcomer that is gone.
        self.0.bell.ring();
    }
}

impl Door {
    fn new(
        shared: Arc<Shared>,
        endpoint: Endpoint,
        listener: Listener,
        gate: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|door: &Weak<Self>| {
            let woken = Arc::new(Notify::new());
            let bell = Bell::new(shared.intake().clone(), door.clone(), woken.clone());
            Self {
                shared,
                endpoint,
                entrance: Mutex::new(Some(Entrance { listener, newcomer: None })),
                gate,
                bell: Arc::new(bell),
                woken,
                has_failed: AtomicBool::new(false),
            }
        })
    }

    fn entrance(&self) -> MutexGuard<'_, Option<Entrance>> {
        self.entrance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts one connection; once that is ready it is the core's.
    ///
    /// The system tells of a new socket once in any case, and of the bytes that
    /// lie there. Others have come later: they wait until it has.
    fn poll_admit(&self, door: &mut Entrance, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if door.newcomer.is_none() {
            if !*self.gate.borrow() {
                return Poll::Pending;
            }
            door.newcomer = Some(ready!(door.listener.poll_accept(cx))?);
        }
        if let Some(newcomer) = &door.newcomer {
            ready!(newcomer.poll_known(cx));
        }
        match door.newcomer.take() {
            Some(Newcomer::Tcp(stream, peer)) => {
                // A socket without it is slower, not wrong.
                let _ = stream.set_nodelay(true);
                self.admit(stream, &peer.to_string());
            }
            #[cfg(unix)]
            Some(Newcomer::Unix(stream)) => self.admit(stream, "unix"),
            None => {}
        }
        Poll::Ready(Ok(()))
    }

    fn admit<S: System>(&self, stream: S, peer: &str) {
        let asks = Arc::<AtomicBool>::default();
        let socket = Socket::new(stream, asks.clone());
        let guest = Guest::open(self.shared.clone(), self.endpoint.transport(), peer, asks);
        let layers = &self.endpoint.layers;
        if layers.has_tls() || layers.websocket {
            tokio::spawn(unwrap(guest, socket, self.endpoint.clone()));
            return;
        }
        let served = guest.attach(socket);
        served.line().take_in(None);
        tokio::spawn(served.run());
    }
}

impl Arrival for Door {
    fn take_in(&self, _: Option<ConnectionId>) -> Turn {
        let mut slot = self.entrance();
        let Some(entrance) = slot.as_mut() else { return Turn::Over };
        let waker = Waker::from(self.bell.clone());
        let mut cx = Context::from_waker(&waker);
        for _ in 0..AT_ONCE {
            match self.poll_admit(entrance, &mut cx) {
                Poll::Pending if entrance.newcomer.is_some() => return Turn::Holds,
                Poll::Pending => return Turn::Over,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.has_failed.store(true, Ordering::Release);
                    self.woken.notify_one();
                    return Turn::Over;
                }
            }
        }
        self.bell.ring();
        Turn::Over
    }
}

/// Runs the handshakes of what the bytes are wrapped in, then serves.
async fn unwrap<S: ByteStream + 'static>(guest: Guest, stream: S, endpoint: Endpoint) {
    if !guest.is_admitted().await {
        return;
    }
    let layers = endpoint.layers;
    #[cfg(feature = "tls")]
    if let Some(tls) = layers.tls {
        if let Some(stream) = guest.within_patience(tls.accept(stream)).await {
            unframe(guest, stream, layers.websocket).await;
        }
        return;
    }
    unframe(guest, stream, layers.websocket).await;
}

#[cfg(feature = "websocket")]
async fn unframe<S: ByteStream + 'static>(guest: Guest, stream: S, websocket: bool) {
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
async fn unframe<S: ByteStream + 'static>(guest: Guest, stream: S, _: bool) {
    serve(guest, stream).await;
}

async fn serve<S: ByteStream + 'static>(guest: Guest, stream: S) {
    let served = guest.attach(stream);
    // Bytes may have come with the end of the handshake.
    served.line().ring();
    served.run().await;
}
