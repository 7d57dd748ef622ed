//! `state.jsonl`: each change is a line behind those before it. When most of what
//! stands there is of the past, the state is written whole beside it and put in its place.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use evenkeel_aws::emulator::LoadError;
use evenkeel_aws::{Parts, WrittenState};
use evenkeel_broker::SaveState;

use super::Folder;
use crate::private;

/// Bytes that changes may take if the state itself is smaller.
const CHANGES: u64 = 1024 * 1024;
/// Bytes of a line; the longest is of the jobs of one thing.
const LINE: u64 = 64 * 1024 * 1024;

/// The state of an account's folder, as it is written down.
///
/// A process that is killed leaves whole lines and at most the beginning of one, of
/// which nothing was answered. After a power cut the latest lines may be gone.
pub(crate) struct StateFile {
    path: PathBuf,
    /// Open since this process has written the state whole.
    file: Option<File>,
    /// Bytes of the state as it was written whole, and of changes since.
    whole: u64,
    changes: u64,
}

impl StateFile {
    pub(crate) fn new(folder: &Folder) -> Self {
        Self { path: folder.state(), file: None, whole: 0, changes: 0 }
    }
}

impl SaveState for StateFile {
    fn save(&mut self, changes: &Parts) -> io::Result<()> {
        let line = WrittenState::line_of(changes);
        let file = self.file.as_mut().ok_or(ErrorKind::NotFound)?;
        file.write_all(line.as_bytes())?;
        self.changes += line.len() as u64;
        Ok(())
    }

    fn begins_anew(&self) -> bool {
        self.file.is_none() || self.changes > self.whole.max(CHANGES)
    }

    fn replace(&mut self, state: &mut dyn Iterator<Item = (String, String)>) -> io::Result<()> {
        let partial = self.path.with_extension("jsonl.partial");
        private::write(&partial, b"")?;
        let mut file = BufWriter::new(private::append(&partial)?);
        self.whole = 0;
        for (name, value) in state {
            let line = WrittenState::line([(name.as_str(), Some(value.as_str()))]);
            file.write_all(line.as_bytes())?;
            self.whole += line.len() as u64;
        }
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        // All of the past rests on it from now on.
        file.sync_all()?;
        fs::rename(&partial, &self.path)?;
        (self.file, self.changes) = (Some(file), 0);
        Ok(())
    }
}

/// Why a state cannot be read.
pub(super) enum ReadError {
    Io(io::Error),
    State(LoadError),
    /// A line is longer than any that is written.
    LongLine(usize),
}

/// The state of a folder; empty if it has none yet.
pub(super) fn read(path: &Path) -> Result<WrittenState, ReadError> {
    let mut state = WrittenState::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(state),
        Err(error) => return Err(ReadError::Io(error)),
    };
    let mut reader = BufReader::new(file);
    for number in 1.. {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(LINE);
        let length = limited.read_until(b'\n', &mut line).map_err(ReadError::Io)?;
        match line.last() {
            Some(b'\n') => {
                state.add(&line).map_err(|error| ReadError::State(error.into()))?;
            }
            _ if length as u64 == LINE => return Err(ReadError::LongLine(number)),
            // The first line is never written alone.
            Some(_) if number == 1 => {
                state.add(&line).map_err(|error| ReadError::State(error.into()))?;
            }
            _ => break,
        }
    }
    Ok(state)
}
