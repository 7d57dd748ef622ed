//! A mark in the queue of arrivals: who has passed it knows that all that had arrived
//! before has been taken in.
//!
//! Bytes may be read before the system tells of them, and before their source's turn in
//! the queue. What is told late would count as older than it is if the client had its
//! answer meanwhile and went on, here and on another connection.

#[cfg(unix)]
mod pipe;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Notify, watch};

use crate::arrivals::{Arrivals, Source, SourceWaker, Taken};
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
    passed: u64,
    /// Somebody waits for the mark behind the one under way.
    is_wanted: bool,
    /// Marks go by way of the system once there are sockets.
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

    /// From now on marks stand behind what the system has not told of yet, too.
    pub(crate) fn span_system(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            let mut marks = self.marks();
            if marks.pipe.is_none() {
                let mut pipe = Pipe::new(&self.waker)?;
                // Asked once, it wakes.
                pipe.is_marked()?;
                marks.pipe = Some(pipe);
            }
        }
        Ok(())
    }

    /// Waits until all is taken in that had arrived by now. Cancel-safe.
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
        if marks.set == marks.passed {
            self.set(&mut marks);
            return marks.set;
        }
        marks.is_wanted = true;
        marks.set + 1
    }

    fn set(&self, marks: &mut Marks) {
        marks.set += 1;
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
    fn take_in(&self, _own: Option<ConnectionId>) -> Taken {
        let mut marks = self.marks();
        #[cfg(unix)]
        match marks.pipe.as_mut().map(Pipe::is_marked) {
            Some(Ok(false)) => return Taken::All,
            // The runtime that watched the system is gone, and with it all sockets.
            Some(Err(_)) => marks.pipe = None,
            Some(Ok(true)) | None => {}
        }
        marks.passed = marks.set;
        if std::mem::take(&mut marks.is_wanted) {
            self.set(&mut marks);
        }
        self.passed.send_replace(marks.passed);
        Taken::All
    }
}

#[cfg(test)]
mod tests;
