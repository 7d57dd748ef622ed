//! Stdin and pipes, which a signal ends: Ctrl-C goes to `tcpdump` and to the doctor behind it.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::signals::Stop;

/// How long the writer has for its last words, as it may have had the signal too.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often the signal is looked for if nothing comes.
const LOOK: Duration = Duration::from_millis(100);

/// Pieces that wait.
const WAITING: usize = 4;

/// Stdin or a pipe, opened and read on a thread of its own: neither can be called back.
pub(super) struct Stdin {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Cursor<Vec<u8>>,
    stop: Stop,
    stopped: Option<Instant>,
}

impl Stdin {
    /// Stdin if the path is `-`.
    pub(super) fn open(path: &Path, stop: Stop, chunk: usize) -> Self {
        let (sent, pieces) = sync_channel(WAITING);
        let path = path.to_owned();
        std::thread::spawn(move || {
            if path.as_os_str() == "-" {
                return pass_on(io::stdin().lock(), chunk, &sent);
            }
            match File::open(path) {
                Ok(file) => pass_on(file, chunk, &sent),
                // Nobody listens any more if it cannot be sent.
                Err(error) => drop(sent.send(Err(error))),
            }
        });
        Self { pieces, piece: Cursor::default(), stop, stopped: None }
    }
}

fn pass_on(mut from: impl Read, chunk: usize, to: &SyncSender<io::Result<Vec<u8>>>) {
    let mut all = vec![0; chunk];
    loop {
        let read = from.read(&mut all);
        let is_last = !matches!(&read, Ok(1..));
        let read = read.map(|read| all.get(..read).unwrap_or_default().to_vec());
        if to.send(read).is_err() || is_last {
            return;
        }
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if self.stop.is_requested() {
                let since = *self.stopped.get_or_insert_with(Instant::now);
                if since.elapsed() >= LAST_WORDS {
                    return Ok(0);
                }
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
