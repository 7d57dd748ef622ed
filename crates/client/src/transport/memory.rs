//! Connections inside the process, for tests and for a broker embedded in the same program.

use std::fmt;
use std::io;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// One end of an in-memory connection.
pub type MemoryStream = DuplexStream;

/// Accepts in-memory connections.
#[derive(Debug)]
pub struct MemoryListener {
    incoming: mpsc::Receiver<MemoryStream>,
    connector: MemoryConnector,
}

/// Opens connections to a [`MemoryListener`]; clones lead to the same one.
#[derive(Clone)]
pub struct MemoryConnector {
    accept_queue: mpsc::Sender<MemoryStream>,
    buffer: usize,
}

impl MemoryListener {
    /// Makes a listener whose connections buffer up to `buffer` bytes each way, and that lets up
    /// to `backlog` connections wait to be accepted. Zero counts as one for both.
    pub fn new(buffer: usize, backlog: usize) -> Self {
        let (accept_queue, incoming) = mpsc::channel(backlog.max(1));
        Self { incoming, connector: MemoryConnector { accept_queue, buffer: buffer.max(1) } }
    }

    /// Returns what opens connections to this listener.
    pub fn connector(&self) -> MemoryConnector {
        self.connector.clone()
    }

    /// Waits for the next connection and returns the server's end of it.
    ///
    /// Cancel-safe: no connection is lost when the future is dropped.
    pub async fn accept(&mut self) -> MemoryStream {
        match self.incoming.recv().await {
            Some(stream) => stream,
            // The listener holds a connector itself, so the channel never ends.
            None => std::future::pending().await,
        }
    }
}

impl MemoryConnector {
    /// Opens a connection and returns the client's end of it. Refused if the listener is gone
    /// or its backlog is full.
    pub fn connect(&self) -> io::Result<MemoryStream> {
        let (client, server) = duplex(self.buffer);
        match self.accept_queue.try_send(server) {
            Ok(()) => Ok(client),
            Err(_) => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

impl fmt::Debug for MemoryConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryConnector").field("buffer", &self.buffer).finish_non_exhaustive()
    }
}
