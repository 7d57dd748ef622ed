//! What a mark stands behind.

#[cfg(unix)]
use std::os::unix::net::UnixStream as Peer;
#[cfg(unix)]
use std::pin::pin;
#[cfg(unix)]
use std::task::{Context, Waker};

#[cfg(unix)]
use tokio::net::UnixStream;

use super::*;
use crate::arrivals::tests::{Counted, waker};

fn barrier() -> (Arc<Barrier>, Arc<Counted>, Arc<SourceWaker>) {
    let barrier = Barrier::new(Arc::default());
    let source = Arc::<Counted>::default();
    let (waker, _) = waker(&barrier.arrivals, &source);
    (barrier, source, waker)
}

/// A socket with a byte that the system has not told the runtime of; told, it calls the waker.
#[cfg(unix)]
fn untold(waker: &Waker) -> (Peer, UnixStream) {
    use std::io::Write;
    let (mut peer, socket) = Peer::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    let socket = UnixStream::from_std(socket).unwrap();
    assert!(socket.poll_read_ready(&mut Context::from_waker(waker)).is_pending());
    peer.write_all(b"x").unwrap();
    (peer, socket)
}

#[tokio::test]
async fn a_mark_stands_behind_what_is_queued() {
    let (barrier, source, waker) = barrier();
    barrier.pass().await;
    assert_eq!(source.taken(), 0);
    waker.notify();
    barrier.pass().await;
    assert_eq!(source.taken(), 1);
}

/// The runtime has not looked at the socket when the mark is set.
#[cfg(unix)]
#[tokio::test]
async fn a_mark_stands_behind_what_the_system_has_not_told() {
    let (barrier, source, waker) = barrier();
    barrier.span_system().unwrap();
    let _open = untold(&Waker::from(waker));
    assert_eq!(source.taken(), 0);
    barrier.pass().await;
    assert_eq!(source.taken(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn who_comes_while_a_mark_is_under_way_waits_for_the_next() {
    let (barrier, source, waker) = barrier();
    barrier.span_system().unwrap();
    let mut first = pin!(barrier.pass());
    assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    waker.notify();
    tokio::join!(first, barrier.pass(), barrier.pass());
    assert_eq!((source.taken(), barrier.marks().set), (1, 2));
}

#[cfg(unix)]
#[tokio::test]
async fn who_gives_up_holds_up_nobody() {
    let (barrier, source, waker) = barrier();
    barrier.span_system().unwrap();
    {
        let first = pin!(barrier.pass());
        assert!(first.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    waker.notify();
    barrier.pass().await;
    assert_eq!((source.taken(), barrier.marks().set), (1, 2));
}

#[cfg(unix)]
#[test]
fn a_runtime_that_is_gone_holds_up_nobody() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (barrier, source, waker) = barrier();
    let first = runtime();
    first.block_on(async { barrier.span_system() }).unwrap();
    drop(first);
    waker.notify();
    runtime().block_on(async {
        barrier.pass().await;
        barrier.pass().await;
    });
    assert_eq!(source.taken(), 1);
}

/// What has connected before is accepted after the mark was set.
#[cfg(unix)]
#[tokio::test]
async fn a_mark_stands_behind_a_socket_that_was_accepted_before_it_was_told() {
    /// Accepts a socket: from then on the system has something to tell of it.
    struct Accepting {
        barrier: Weak<Barrier>,
        waker: Waker,
        accepted: Mutex<Option<(Peer, UnixStream)>>,
    }
    impl Source for Accepting {
        fn take_in(&self, _own: Option<ConnectionId>) {
            *self.accepted.lock().unwrap() = Some(untold(&self.waker));
            self.barrier.upgrade().unwrap().socket_came();
        }
    }
    let (barrier, source, told) = barrier();
    barrier.span_system().unwrap();
    let (weak, told) = (Arc::downgrade(&barrier), Waker::from(told));
    let accepting = Arc::new(Accepting { barrier: weak, waker: told, accepted: Mutex::default() });
    let (listener, _) = waker(&barrier.arrivals, &accepting);
    let mut pass = pin!(barrier.pass());
    listener.notify();
    assert!(pass.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    pass.await;
    assert_eq!((source.taken(), barrier.marks().set), (1, 1));
}
