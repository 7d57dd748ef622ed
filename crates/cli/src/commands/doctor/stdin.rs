//! Stdin, which a signal ends: Ctrl-C goes to `tcpdump` and to the doctor behind it.

use std::io::{self, Cursor, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::signals::Stop;

/// How long the writer has for its last words, as it may have had the signal too.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often the signal is looked for if nothing comes.
const LOOK: Duration = Duration::from_millis(100);

/// Pieces that wait.
const WAITING: usize = 4;

/// Stdin, read on a thread of its own: a read of it cannot be called back.
pub(super) struct Stdin {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Cursor<Vec<u8>>,
    stopped: Arc<OnceLock<Instant>>,
}

impl Stdin {
    /// To be called within a runtime.
    pub(super) fn open(mut stop: Stop, chunk: usize) -> Self {
        let (sent, pieces) = sync_channel(WAITING);
        std::thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            let mut all = vec![0; chunk];
            loop {
                let read = stdin.read(&mut all);
                let is_last = !matches!(&read, Ok(1..));
                let read = read.map(|read| all.get(..read).unwrap_or_default().to_vec());
                if sent.send(read).is_err() || is_last {
                    return;
                }
            }
        });
        let stopped = Arc::new(OnceLock::new());
        let stops = stopped.clone();
        tokio::spawn(async move {
            stop.requested().await;
            stops.get_or_init(Instant::now);
        });
        Self { pieces, piece: Cursor::default(), stopped }
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if self.stopped.get().is_some_and(|at| at.elapsed() >= LAST_WORDS) {
                return Ok(0);
            }
            match self.pieces.recv_timeout(LOOK) {
                Ok(piece) => {
                    let piece = piece?;
                    if piece.is_empty() {
                        return Ok(0);
                    }
                    self.piece = Cursor::new(piece);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}
