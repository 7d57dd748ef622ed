//! A connection that can be cut, as networks cut them: without a word.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use evenkeel::transport::{BoxedStream, Connector};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::site::Address;

/// What the errors of a cut wire say.
pub const CUT: &str = "the wire is cut";

/// The only way of one client to a server.
#[derive(Clone)]
pub struct Wire {
    address: Address,
    line: Arc<Mutex<Line>>,
}

#[derive(Default)]
struct Line {
    /// No connection can be opened.
    down: bool,
    /// Connections opened before the last cut are dead.
    cuts: u64,
    /// Who reads or writes.
    wakers: Vec<Waker>,
}

impl Wire {
    /// A whole wire to this address.
    pub fn new(address: Address) -> Self {
        Self { address, line: Arc::default() }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection and lets no other be opened before [`restore`](Self::restore).
    pub fn cut(&self) {
        self.line().down = true;
        self.snap();
    }

    /// Ends the connection; another can be opened at once.
    pub fn snap(&self) {
        let mut line = self.line();
        line.cuts += 1;
        let wakers = std::mem::take(&mut line.wakers);
        drop(line);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Lets connections be opened again.
    pub fn restore(&self) {
        self.line().down = false;
    }

    async fn open(&self) -> io::Result<BoxedStream> {
        let cuts = {
            let line = self.line();
            if line.down {
                return Err(io::Error::new(io::ErrorKind::NetworkUnreachable, CUT));
            }
            line.cuts
        };
        let stream: BoxedStream = match &self.address {
            Address::Port(port) => Box::new(TcpStream::connect(("127.0.0.1", *port)).await?),
            Address::Socket(path) => Box::new(UnixStream::connect(path).await?),
        };
        Ok(Box::new(WireStream { wire: self.clone(), cuts, stream: Some(stream) }))
    }
}

impl Connector for Wire {
    fn connect(&self) -> Pin<Box<dyn Future<Output = io::Result<BoxedStream>> + Send + '_>> {
        Box::pin(self.open())
    }
}

struct WireStream {
    wire: Wire,
    /// The wire's count when this was opened.
    cuts: u64,
    /// `None` once cut: the server sees the end of the stream.
    stream: Option<BoxedStream>,
}

impl WireStream {
    /// The stream, if it has not been cut.
    fn stream(&mut self, cx: &Context<'_>) -> io::Result<Pin<&mut BoxedStream>> {
        let mut line = self.wire.line();
        if line.cuts == self.cuts {
            if !line.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                line.wakers.push(cx.waker().clone());
            }
        } else {
            self.stream = None;
        }
        drop(line);
        let cut = || io::Error::new(io::ErrorKind::ConnectionReset, CUT);
        self.stream.as_mut().map(Pin::new).ok_or_else(cut)
    }
}

impl AsyncRead for WireStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream(cx)?.poll_read(cx, buf)
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream(cx)?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.stream(cx)?;
        ready!(stream.poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }
}
