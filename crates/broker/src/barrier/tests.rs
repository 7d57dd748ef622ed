//! What a mark stands behind.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use super::*;

/// Counts how often it was taken in.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Source for Counted {
    fn take_in(&self, _own: Option<ConnectionId>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counted {
    fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn barrier() -> (Arc<Barrier>, Arc<Counted>, Arc<SourceWaker>) {
    let barrier = Barrier::new(Arc::default());
    let source = Arc::<Counted>::default();
    let weak: Weak<Counted> = Arc::downgrade(&source);
    let waker = SourceWaker::new(barrier.arrivals.clone(), weak, Arc::default());
    (barrier, source, Arc::new(waker))
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
    use std::io::Write;
    let (barrier, source, waker) = barrier();
    barrier.span_system().unwrap();
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let theirs = tokio::net::UnixStream::from_std(theirs).unwrap();
    let waker = Waker::from(waker);
    assert!(theirs.poll_read_ready(&mut Context::from_waker(&waker)).is_pending());
    ours.write_all(b"x").unwrap();
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
    use std::io::Write;
    /// Accepts a socket: from then on the system has something to tell of it.
    struct Accepting {
        barrier: Weak<Barrier>,
        waker: Waker,
        accepted: Mutex<Option<tokio::net::UnixStream>>,
    }
    impl Source for Accepting {
        fn take_in(&self, _own: Option<ConnectionId>) {
            let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            theirs.set_nonblocking(true).unwrap();
            let theirs = tokio::net::UnixStream::from_std(theirs).unwrap();
            assert!(theirs.poll_read_ready(&mut Context::from_waker(&self.waker)).is_pending());
            ours.write_all(b"x").unwrap();
            *self.accepted.lock().unwrap() = Some(theirs);
            self.barrier.upgrade().unwrap().socket_came();
        }
    }
    let (barrier, source, waker) = barrier();
    barrier.span_system().unwrap();
    let (weak, waker) = (Arc::downgrade(&barrier), Waker::from(waker));
    let accepting = Accepting { barrier: weak, waker, accepted: Mutex::default() };
    let accepting = Arc::new(accepting);
    let weak: Weak<Accepting> = Arc::downgrade(&accepting);
    let listener = Arc::new(SourceWaker::new(barrier.arrivals.clone(), weak, Arc::default()));
    let mut pass = pin!(barrier.pass());
    listener.notify();
    assert!(pass.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    pass.await;
    assert_eq!((source.taken(), barrier.marks().set), (1, 1));
}
