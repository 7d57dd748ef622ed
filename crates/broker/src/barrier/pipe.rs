//! A pipe to oneself: the system tells of it behind all that it has to tell already.

use std::future::Future;
use std::io::{self, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::arrivals::SourceWaker;

/// Holds one byte at most, so that writing to it never waits.
pub(crate) struct Pipe {
    receiver: Receiver,
    sender: PipeWriter,
    waker: Waker,
}

impl Pipe {
    pub(crate) fn new(waker: &Arc<SourceWaker>) -> io::Result<Self> {
        let (receiver, sender) = io::pipe()?;
        let receiver = Receiver::from_owned_fd(OwnedFd::from(receiver))?;
        Ok(Self { receiver, sender, waker: Waker::from(waker.clone()) })
    }

    /// Lets the system call the waker, in turn.
    pub(crate) fn mark(&mut self) -> io::Result<()> {
        self.sender.write_all(&[0])
    }

    /// True if the system has told of a mark; if not, the waker will be called. An error if it
    /// tells nothing any more.
    pub(crate) fn is_marked(&mut self) -> io::Result<bool> {
        // With room for more, the runtime knows at once that nothing is left.
        let mut byte = [0; 2];
        let mut cx = Context::from_waker(&self.waker);
        let mut is_marked = false;
        while let Poll::Ready(read) = pin!(self.receiver.read(&mut byte)).poll(&mut cx) {
            if read? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            is_marked = true;
        }
        Ok(is_marked)
    }
}
