//! A mark in the queue of arrivals: who has passed it knows that what had arrived before has
//! had its turn.
//!
//! Bytes may be read before the system tells of them, and before their source's turn in
//! the queue. What is told late would count as older than it is if the client had its
//! answer meanwhile and went on, here and on another connection.

#[cfg(unix)]
mod pipe;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Notify, watch};

use crate::arrivals::{Arrivals, Source, SourceWaker};
use crate::core::ConnectionId;
#[cfg(unix)]
use pipe::Pipe;

/// One mark at a time is under way; all who come meanwhile share the next.
pub(crate) struct Barrier {
    arrivals: Arc<Arrivals>,
    waker: Arc<SourceWaker>,
    /// Wakes one of those who wait, to take in what has arrived.
    woken: Arc<Notify>,
    marks: Mutex<Marks>,
    /// The number of marks that were passed.
    passed: watch::Sender<u64>,
}

#[derive(Default)]
struct Marks {
    set: u64,
    /// Somebody waits for the mark behind the one under way.
    is_wanted: bool,
    /// A socket was accepted since the mark was set: the system tells of it behind the mark,
    /// though what it stands for had arrived.
    socket_came: bool,
    /// The mark under way has been set again for such a socket, which is enough.
    is_set_again: bool,
    /// By way of the system that tells of sockets.
    #[cfg(unix)]
    pipe: Option<Pipe>,
}

impl Barrier {
    pub(crate) fn new(arrivals: Arc<Arrivals>) -> Arc<Self> {
        Arc::new_cyclic(|barrier: &Weak<Self>| {
            let woken = Arc::<Notify>::default();
            let waker = SourceWaker::new(arrivals.clone(), barrier.clone(), woken.clone());
            Self {
                arrivals,
                waker: Arc::new(waker),
                woken,
                marks: Mutex::default(),
                passed: watch::Sender::new(0),
            }
        })
    }

    /// From now on marks stand behind what the system has not told of yet, too: the part of it that
    /// tells this runtime of sockets.
    pub(crate) fn span_system(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            let mut pipe = Pipe::new(&self.waker)?;
            // Asked once, it wakes.
            pipe.is_marked()?;
            let mut marks = self.marks();
            marks.pipe = Some(pipe);
            if self.is_under_way(&marks) {
                self.send(&mut marks);
            }
        }
        Ok(())
    }

    /// A socket was accepted.
    pub(crate) fn socket_came(&self) {
        self.marks().socket_came = true;
    }

    /// Waits until every source has had a turn that had something by now. One that holds more
    /// than its share for a turn keeps the rest. Cancel-safe.
    pub(crate) async fn pass(&self) {
        #[cfg(not(unix))]
        tokio::task::yield_now().await;
        let mut passed = self.passed.subscribe();
        let wanted = self.mark();
        loop {
            self.arrivals.run(None).await;
            if *passed.borrow_and_update() >= wanted {
                return;
            }
            tokio::select! {
                () = self.woken.notified() => {}
                // The sender is this barrier's own.
                _ = passed.changed() => {}
            }
        }
    }

    /// The number of a mark that stands behind all that has arrived by now.
    fn mark(&self) -> u64 {
        let mut marks = self.marks();
        if !self.is_under_way(&marks) {
            self.set(&mut marks);
            return marks.set;
        }
        marks.is_wanted = true;
        marks.set + 1
    }

    fn is_under_way(&self, marks: &Marks) -> bool {
        marks.set > *self.passed.borrow()
    }

    fn set(&self, marks: &mut Marks) {
        marks.set += 1;
        (marks.socket_came, marks.is_set_again) = (false, false);
        self.send(marks);
    }

    fn send(&self, marks: &mut Marks) {
        #[cfg(unix)]
        if let Some(pipe) = &mut marks.pipe {
            match pipe.mark() {
                Ok(()) => return,
                Err(_) => marks.pipe = None,
            }
        }
        self.waker.notify();
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Barrier {
    fn take_in(&self, _own: Option<ConnectionId>) {
        let mut marks = self.marks();
        #[cfg(unix)]
        match marks.pipe.as_mut().map(Pipe::is_marked) {
            Some(Ok(false)) => return,
            // The runtime that it was told by is gone.
            Some(Err(_)) => marks.pipe = None,
            Some(Ok(true)) | None => {}
        }
        if std::mem::take(&mut marks.socket_came) && !marks.is_set_again {
            marks.is_set_again = true;
            return self.send(&mut marks);
        }
        self.passed.send_replace(marks.set);
        if std::mem::take(&mut marks.is_wanted) {
            self.set(&mut marks);
        }
    }
}

#[cfg(test)]
mod tests;
