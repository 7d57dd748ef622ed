use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Directory, File, LockError};

/// The file that carries the lock, and in it the number of the process.
const LOCK: &str = "lock";

/// A folder of the file system.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Locked; the end of the process gives the lock back, too.
    lock: Option<fs::File>,
}

impl Folder {
    /// A folder that exists.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        if !fs::metadata(&path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path, lock: None })
    }

    /// A folder, made if it does not exist; the one it is in must exist.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        match fs::create_dir(&path) {
            Ok(()) => {
                if let Some(parent) = path.parent() {
                    let parent =
                        if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                    sync_directory(parent)?;
                }
                Ok(Self { path, lock: None })
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::open(path),
            Err(error) => Err(error),
        }
    }

    fn in_it(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    /// Closing the file is not enough: a child process that this program is
    /// starting holds a copy of it until it becomes another program.
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            // Closing, which follows, unlocks too, a little later.
            let _ = lock.unlock();
        }
    }
}

impl Directory for Folder {
    type File = fs::File;

    fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&mut self) -> Result<(), LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.in_it(LOCK))
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {
                leave_number(&mut file).map_err(LockError::Io)?;
                self.lock = Some(file);
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

    fn create(&self, name: &str) -> io::Result<fs::File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.in_it(name))
    }

    fn open(&self, name: &str) -> io::Result<fs::File> {
        OpenOptions::new().read(true).write(true).open(self.in_it(name))
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
fn leave_number(file: &mut fs::File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    match writeln!(file, "{}", std::process::id()) {
        Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(error),
        _ => Ok(()),
    }
}

fn read_number(file: &fs::File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
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
        let _copy = folder.lock.as_ref().unwrap().try_clone().unwrap();
        let mut second = Folder::open(&path).unwrap();
        let process = Some(std::process::id());
        assert!(matches!(second.lock(), Err(LockError::Held { process: by }) if by == process));
        drop(folder);
        second.lock().unwrap();
        fs::remove_dir_all(&path).unwrap();
    }
}
