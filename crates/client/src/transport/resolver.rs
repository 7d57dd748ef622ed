//! Names to addresses, on threads of our own.
//!
//! The operating system's resolver blocks, for 15 s and more if no DNS server answers, and
//! can't be called off. tokio runs it on a blocking thread, and a runtime that is dropped waits
//! for those. So a program could not end in time. Nobody waits for the threads here.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::io_error::IoError;

/// Names looked up at a time, by all clients of the process; more wait for their turn.
const THREADS: usize = 32;
/// A thread that has had nothing to do for this long ends.
const IDLE: Duration = Duration::from_secs(10);
/// Shows in lists of threads.
const THREAD_NAME: &str = "evenkeel-names";

/// A host name with a port.
type Name = (String, u16);
type Answer = Result<Vec<SocketAddr>, IoError>;
type Lookup = dyn Fn(&Name) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// The one that all clients of the process share.
static SHARED: LazyLock<Resolver> = LazyLock::new(|| {
    Resolver::new(THREADS, |(host, port)| Ok((host.as_str(), *port).to_socket_addrs()?.collect()))
});

/// Asks the operating system. Cancel-safe; a lookup that is under way goes on, and those who ask
/// for the same name meanwhile share its answer.
pub(super) async fn lookup(host: &str, port: u16) -> Answer {
    SHARED.lookup((host.to_owned(), port)).await
}

#[derive(Clone)]
struct Resolver(Arc<Shared>);

struct Shared {
    lookup: Box<Lookup>,
    threads: usize,
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    /// Who waits for a name, looked up already or not.
    asked: HashMap<Name, Vec<oneshot::Sender<Answer>>>,
    /// Names that no thread has taken.
    queue: VecDeque<Name>,
    threads: usize,
    idle: usize,
}

impl Resolver {
    fn new(
        threads: usize,
        lookup: impl Fn(&Name) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let (lookup, state, news) = (Box::new(lookup), Mutex::default(), Condvar::new());
        Self(Arc::new(Shared { lookup, threads, state, news }))
    }

    async fn lookup(&self, name: Name) -> Answer {
        let answer = self.ask(name);
        answer.await.unwrap_or_else(|_| Err(io::Error::other("the lookup was given up").into()))
    }

    fn ask(&self, name: Name) -> oneshot::Receiver<Answer> {
        let (sender, answer) = oneshot::channel();
        let mut state = self.0.lock();
        state.forget_the_abandoned();
        match state.asked.get_mut(&name) {
            Some(waiting) => {
                waiting.push(sender);
                return answer;
            }
            None => drop(state.asked.insert(name.clone(), vec![sender])),
        }
        state.queue.push_back(name);
        if state.queue.len() <= state.idle {
            self.0.news.notify_one();
        } else if state.threads < self.0.threads {
            let shared = self.0.clone();
            let thread = std::thread::Builder::new().name(THREAD_NAME.to_owned());
            match thread.spawn(move || shared.work()) {
                Ok(_) => state.threads += 1,
                // The threads that there are see to it.
                Err(_) if state.threads > 0 => {}
                Err(error) => state.fail(&error.into()),
            }
        }
        answer
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each thread does.
    fn work(&self) {
        while let Some(name) = self.next() {
            let found = (self.lookup)(&name).map_err(IoError::from);
            let waiting = self.lock().asked.remove(&name).unwrap_or_default();
            for sender in waiting {
                // Who has gone needs no answer.
                let _ = sender.send(found.clone());
            }
        }
    }

    /// Waits for a name; `None` ends the thread.
    fn next(&self) -> Option<Name> {
        let mut state = self.lock();
        loop {
            state.forget_the_abandoned();
            if let Some(name) = state.queue.pop_front() {
                return Some(name);
            }
            state.idle += 1;
            let waited = self.news.wait_timeout(state, IDLE);
            let timed_out;
            (state, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            if timed_out.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

impl State {
    /// Names that nobody waits for any more need not be looked up, and the room they take is
    /// bounded by those who wait.
    fn forget_the_abandoned(&mut self) {
        let Self { asked, queue, .. } = self;
        for waiting in asked.values_mut() {
            waiting.retain(|sender| !sender.is_closed());
        }
        queue.retain(|name| {
            let is_wanted = asked.get(name).is_some_and(|waiting| !waiting.is_empty());
            if !is_wanted {
                asked.remove(name);
            }
            is_wanted
        });
    }

    /// No thread can be had: whoever waits for one hears of it.
    fn fail(&mut self, error: &IoError) {
        for name in self.queue.drain(..) {
            for sender in self.asked.remove(&name).unwrap_or_default() {
                let _ = sender.send(Err(error.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use tokio::runtime::Builder;

    use super::*;

    /// Far beyond what any of this takes.
    const LIMIT: Duration = Duration::from_secs(30);

    fn name(host: &str) -> Name {
        (host.to_owned(), 1883)
    }

    /// A resolver that is stuck until it is given a word per lookup; tells of each beginning.
    fn stuck(threads: usize) -> (Resolver, mpsc::Sender<()>, mpsc::Receiver<String>) {
        let (release, released) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let released = Mutex::new(released);
        let resolver = Resolver::new(threads, move |(host, port)| {
            let _ = begin.send(host.clone());
            let _ = released.lock().unwrap().recv();
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], *port))])
        });
        (resolver, release, begun)
    }

    /// With tokio's own lookup the runtime waits here until the resolver answers.
    #[test]
    fn a_runtime_ends_while_a_lookup_is_stuck() {
        for threads in [1, 2] {
            let (resolver, release, begun) = stuck(4);
            let (ended, end) = mpsc::channel();
            std::thread::spawn(move || {
                let runtime = match threads {
                    1 => Builder::new_current_thread().build(),
                    _ => Builder::new_multi_thread().worker_threads(threads).build(),
                };
                let runtime = runtime.unwrap();
                runtime.spawn(async move { resolver.lookup(name("stuck.example")).await });
                runtime.block_on(tokio::task::yield_now());
                assert_eq!(begun.recv_timeout(LIMIT).unwrap(), "stuck.example");
                drop(runtime);
                ended.send(()).unwrap();
            });
            end.recv_timeout(LIMIT).expect("the runtime ends although nothing is resolved");
            drop(release);
        }
    }

    #[tokio::test]
    async fn threads_are_bounded_and_the_rest_waits_for_its_turn() {
        let (resolver, release, begun) = stuck(2);
        let answers = ["a", "b", "c"].map(|host| resolver.ask(name(host)));
        let mut first = [begun.recv_timeout(LIMIT).unwrap(), begun.recv_timeout(LIMIT).unwrap()];
        first.sort();
        assert_eq!(first, ["a", "b"]);
        assert_eq!(resolver.0.lock().threads, 2, "one more name is no reason for another");
        assert_eq!(resolver.0.lock().queue, [name("c")]);
        drop(release);
        for answer in answers {
            assert_eq!(answer.await.unwrap().unwrap().len(), 1);
        }
        assert_eq!(begun.recv_timeout(LIMIT).unwrap(), "c");
    }

    #[tokio::test]
    async fn who_asks_for_the_same_name_shares_the_answer() {
        let (resolver, release, begun) = stuck(8);
        let answers: Vec<_> = (0..100).map(|_| resolver.ask(name("same"))).collect();
        assert_eq!(begun.recv_timeout(LIMIT).unwrap(), "same");
        release.send(()).unwrap();
        for answer in answers {
            assert_eq!(answer.await.unwrap().unwrap()[0].port(), 1883);
        }
        assert!(begun.try_recv().is_err(), "it was looked up once");
        assert!(resolver.0.lock().asked.is_empty());
    }

    #[test]
    fn names_that_nobody_waits_for_take_no_room() {
        let (resolver, release, begun) = stuck(1);
        let _held = resolver.ask(name("held"));
        assert_eq!(begun.recv_timeout(LIMIT).unwrap(), "held");
        for number in 0..1000 {
            drop(resolver.ask(name(&number.to_string())));
        }
        let last = resolver.ask(name("last"));
        let state = resolver.0.lock();
        assert_eq!((state.queue.len(), state.asked.len()), (1, 2));
        drop(state);
        drop(release);
        assert!(last.blocking_recv().unwrap().is_ok());
        assert_eq!(begun.recv_timeout(LIMIT).unwrap(), "last");
    }

    #[tokio::test]
    async fn failures_are_told_and_the_next_one_who_asks_tries_again() {
        let attempts = AtomicUsize::new(0);
        let resolver =
            Resolver::new(1, move |(_, port)| match attempts.fetch_add(1, Ordering::Relaxed) {
                0 => Err(io::ErrorKind::NotFound.into()),
                _ => Ok(vec![SocketAddr::from(([127, 0, 0, 1], *port))]),
            });
        let error = resolver.lookup(name("a")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(resolver.lookup(name("a")).await.is_ok());
    }

    #[tokio::test]
    async fn the_systems_resolver_is_asked() {
        let found = lookup("localhost", 1883).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 1883));
        assert!(lookup("a\0b", 1).await.is_err());
    }
}
