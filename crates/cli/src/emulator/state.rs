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
/// Bytes of a line that is read; the longest part is of the jobs of one thing.
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
        let line = readable(WrittenState::line_of(changes))?;
        let file = self.file.as_mut().ok_or(ErrorKind::NotFound)?;
        file.write_all(line.as_bytes())?;
        self.changes += line.len() as u64;
        Ok(())
    }

    /// Changes are whole only on one line; of the whole state each part has its own.
    fn begins_anew(&self, changes: &Parts) -> bool {
        let is_past = self.changes > self.whole.max(CHANGES);
        self.file.is_none() || is_past || most_bytes(changes) > LINE
    }

    fn replace(&mut self, state: &mut dyn Iterator<Item = (String, String)>) -> io::Result<()> {
        let partial = self.path.with_extension("jsonl.partial");
        private::write(&partial, b"")?;
        let mut file = BufWriter::new(private::append(&partial)?);
        self.whole = 0;
        for (name, value) in state {
            let line = readable(WrittenState::line([(name.as_str(), Some(value.as_str()))]))?;
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

/// Bytes that the line of changes has at most: each byte of a name may be escaped.
fn most_bytes(changes: &Parts) -> u64 {
    let value = |value: &Option<String>| value.as_ref().map_or("null".len(), String::len);
    let part = |(name, text): (&String, &Option<String>)| 6 * name.len() + value(text) + 4;
    changes.iter().map(part).sum::<usize>() as u64 + 3
}

/// A line that the next start will read.
fn readable(line: String) -> io::Result<String> {
    if line.len() as u64 > LINE {
        let text = format!("a line of {} bytes, and at most {LINE} can be read", line.len());
        return Err(io::Error::new(ErrorKind::FileTooLarge, text));
    }
    Ok(line)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The state of an empty folder; it goes with this.
    struct Scene(StateFile, PathBuf);

    impl Scene {
        fn new(name: &str) -> Self {
            let name = format!("evenkeel-state-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(StateFile::new(&Folder::new(&path)), path)
        }
    }

    impl Drop for Scene {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.1);
        }
    }

    /// A part's value of so many bytes.
    fn long(bytes: u64) -> String {
        format!("\"{}\"", "x".repeat(usize::try_from(bytes).unwrap() - 2))
    }

    #[test]
    fn changes_of_a_line_too_long_are_written_with_the_whole_state() {
        let Scene(file, _) = &mut Scene::new("long");
        let parts = |bytes| {
            Parts::from([("a".into(), Some(long(LINE / 2))), ("b".into(), Some(long(bytes)))])
        };
        file.replace(&mut std::iter::empty()).unwrap();
        assert!(!file.begins_anew(&parts(LINE / 2 - 100)));
        let changes = parts(LINE / 2);
        assert!(file.begins_anew(&changes));
        assert!(file.save(&changes).is_err(), "it could not be read");
        let version = ("version".to_owned(), "1".to_owned());
        let parts = changes.into_iter().map(|(name, value)| (name, value.unwrap()));
        file.replace(&mut std::iter::once(version).chain(parts)).unwrap();
        assert!(read(&file.path).is_ok());
    }

    #[test]
    fn a_part_too_long_to_be_read_leaves_the_state_as_it_was() {
        let Scene(file, _) = &mut Scene::new("part");
        let parts =
            |more| [("version".to_owned(), "1".to_owned()), ("a".to_owned(), more)].into_iter();
        file.replace(&mut parts("2".into())).unwrap();
        let before = fs::read(&file.path).unwrap();
        let error = file.replace(&mut parts(long(LINE))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(fs::read(&file.path).unwrap(), before);
    }
}
