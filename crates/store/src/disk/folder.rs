//! A folder of the file system, with its lock.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use evenkeel_proto::record::BootId;

use super::access;
use super::boot::boot_id;
use super::{Directory, File, LOCK, LockError};

/// Before the number of the process in the lock's file; version 0.1.0 wrote
/// the number alone.
const WORD: &str = "evenkeel ";
/// More than a lock's file ever holds.
const LOCK_BYTES: u64 = 64;

/// A folder of the file system.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: Lock,
}

/// A lock; the end of the process gives it back, too.
#[derive(Debug)]
enum Lock {
    None,
    /// To write: the file has the number of this process.
    Whole(fs::File),
    /// To read, with others.
    Shared(fs::File),
}

impl Folder {
    /// A folder that exists.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        if !fs::metadata(&path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path, lock: Lock::None })
    }

    /// A folder, made if it does not exist, for its owner alone; the one it is
    /// in must exist.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        match access::create_folder(&path) {
            Ok(()) => {
                if let Some(parent) = path.parent() {
                    let parent =
                        if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                    sync_directory(parent)?;
                }
                Ok(Self { path, lock: Lock::None })
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::open(path),
            Err(error) => Err(error),
        }
    }

    fn in_it(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The lock's file if there is one, and if it is a lock of ours: no
    /// other program's file is locked or written.
    fn lock_file(&self, options: &OpenOptions) -> Result<Option<fs::File>, LockError> {
        let path = self.in_it(LOCK);
        match access::open(&path, options) {
            Ok(file) if is_lock(&file).map_err(LockError::Io)? => Ok(Some(file)),
            Ok(_) => Err(LockError::Foreign),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if access::is_foreign(&error) => Err(LockError::Foreign),
            Err(error) => Err(LockError::Io(error)),
        }
    }
}

impl Drop for Folder {
    /// Closing the file is not enough: a child process that this program is
    /// starting holds a copy of it until it becomes another program.
    fn drop(&mut self) {
        // Closing, which follows, unlocks too, a little later.
        let _ = match &self.lock {
            Lock::None => Ok(()),
            Lock::Whole(file) => {
                // One who reads next does not leave a number of its own.
                let _ = file.set_len(0);
                file.unlock()
            }
            Lock::Shared(file) => file.unlock(),
        };
    }
}

impl Directory for Folder {
    type File = fs::File;

    fn path(&self) -> &Path {
        &self.path
    }

    fn boot(&self) -> Option<BootId> {
        boot_id()
    }

    fn lock(&mut self) -> Result<(), LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let file = match self.lock_file(&options)? {
            Some(file) => file,
            None => match access::create(&self.in_it(LOCK)) {
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    self.lock_file(&options)?.ok_or(LockError::Foreign)?
                }
                created => created.map_err(LockError::Io)?,
            },
        };
        match file.try_lock() {
            Ok(()) => {
                leave_number(&file).map_err(LockError::Io)?;
                self.lock = Lock::Whole(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held { process: writer(&file) }),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }

    fn lock_to_read(&mut self) -> Result<(), LockError> {
        // If nobody has written a lock, nobody holds it.
        let Some(file) = self.lock_file(OpenOptions::new().read(true))? else { return Ok(()) };
        match file.try_lock_shared() {
            Ok(()) => {
                self.lock = Lock::Shared(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held { process: read_number(&file) }),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if let (Ok(name), false) =
                (entry.file_name().into_string(), entry.file_type()?.is_dir())
                && name != LOCK
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn list_others(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if let (Ok(name), false) =
                (entry.file_name().into_string(), entry.file_type()?.is_file())
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn tighten(&self, names: &[String]) -> io::Result<Vec<String>> {
        let mut open = Vec::new();
        if access::tighten_folder(&self.path)? {
            open.push(".".to_owned());
        }
        for name in names.iter().map(String::as_str).chain([LOCK]) {
            if access::tighten(&self.in_it(name))? {
                open.push(name.to_owned());
            }
        }
        Ok(open)
    }

    fn create(&self, name: &str) -> io::Result<fs::File> {
        access::create(&self.in_it(name))
    }

    fn open(&self, name: &str) -> io::Result<fs::File> {
        access::open(&self.in_it(name), OpenOptions::new().read(true).write(true))
    }

    fn open_to_read(&self, name: &str) -> io::Result<fs::File> {
        access::open(&self.in_it(name), OpenOptions::new().read(true))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.in_it(from), self.in_it(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.in_it(name))
    }

    fn sync(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }
}

impl File for fs::File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match read_at(self, buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_at(self, bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        Self::set_len(self, length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Writes the number of this process into the lock's file, in vain on a full
/// disk: it only helps people.
fn leave_number(mut file: &fs::File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    match writeln!(file, "{WORD}{}", std::process::id()) {
        Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(error),
        _ => Ok(()),
    }
}

fn contents(mut file: &fs::File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(LOCK_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).unwrap_or_else(|_| "?".to_owned()))
}

/// A lock of ours holds a number or nothing; zeros if the power was cut.
fn is_lock(file: &fs::File) -> io::Result<bool> {
    let text = contents(file)?;
    let number = text.strip_prefix(WORD).unwrap_or(&text);
    let known = |c: char| c.is_ascii_digit() || c == '\n' || c == '\0';
    Ok(file.metadata()?.len() < LOCK_BYTES && number.chars().all(known))
}

/// The process that writes; `None` if those that hold the lock only read.
fn writer(file: &fs::File) -> Option<u32> {
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            None
        }
        Err(_) => read_number(file),
    }
}

fn read_number(file: &fs::File) -> Option<u32> {
    let text = contents(file).ok()?;
    text.strip_prefix(WORD).unwrap_or(&text).trim().parse().ok()
}

/// Windows keeps names in its journal and has no such call for folders.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(windows) { Ok(()) } else { fs::File::open(path)?.sync_all() }
}

#[cfg(unix)]
fn read_at(file: &fs::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_at(file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &fs::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(windows)]
fn write_at(file: &fs::File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_lock_file_does_not_keep_the_lock() {
        let path = std::env::temp_dir().join(format!("evenkeel-lock-{}", std::process::id()));
        let mut folder = Folder::create(&path).unwrap();
        folder.lock().unwrap();
        // What a child process has until it becomes another program.
        let Lock::Whole(file) = &folder.lock else { panic!("{folder:?}") };
        let _copy = file.try_clone().unwrap();
        let mut second = Folder::open(&path).unwrap();
        let process = Some(std::process::id());
        assert!(matches!(second.lock(), Err(LockError::Held { process: by }) if by == process));
        drop(folder);
        second.lock().unwrap();
        fs::remove_dir_all(&path).unwrap();
    }
}
