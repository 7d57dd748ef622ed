//! A folder that is there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::exit::Exit;
use crate::private;

/// A folder under way, beside where it will be. Dropped, it is removed, unless it is
/// to be kept.
#[derive(Debug)]
pub(super) struct NewFolder {
    target: PathBuf,
    partial: PathBuf,
    is_kept: bool,
}

impl NewFolder {
    /// Makes it, for its owner alone. Refuses to write over anything.
    pub(super) fn make(target: &Path) -> Result<Self, Failure> {
        let target: PathBuf = target.components().collect();
        let Some(name) = target.file_name() else {
            return Err(Failure::usage(format!("'{}' is no name of a folder", target.display()))
                .hint("give --out the name of a folder to make"));
        };
        let mut name = name.to_owned();
        name.push(".partial");
        let partial = target.with_file_name(name);
        if !is_free(&target).map_err(|error| unusable(&target, error))? {
            return Err(Failure::usage(format!("'{}' is there already", target.display()))
                .why("a key that is written over is lost")
                .hint("give --out another name, or move it away"));
        }
        if let Some(parent) = target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            private::create_folders(parent).map_err(|error| unusable(&target, error))?;
        }
        match private::create_folder(&partial) {
            Ok(()) => Ok(Self { target, partial, is_kept: false }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(Failure::usage(format!("'{}' is there already", partial.display()))
                    .why("an earlier run left it, and what is in it may be in use")
                    .hint("try to connect by it; remove it if that is refused"))
            }
            Err(error) => Err(unusable(&partial, error)),
        }
    }

    /// Writes a file into it, safe from power cuts.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.partial.join(name);
        private::write_new(&path, text.as_bytes()).map_err(|error| unwritable(&path, error))
    }

    /// Leaves the files where they are, whatever comes.
    pub(super) const fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Has it removed after all.
    pub(super) const fn discard(&mut self) {
        self.is_kept = false;
    }

    pub(super) const fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Where it is while it is not finished.
    pub(super) fn partial(&self) -> &Path {
        &self.partial
    }

    /// Moves it to where it shall be.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        // Whatever fails now, the files are worth more than order.
        self.is_kept = true;
        let moved = sync(&self.partial).and_then(|()| fs::rename(&self.partial, &self.target));
        moved.map_err(|error| {
            unwritable(&self.target, error)
                .hint(format!("the files are in '{}'", self.partial.display()))
        })?;
        // What the system has not stored by now, it will.
        if let Some(parent) = self.target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let _ = sync(parent);
        }
        Ok(())
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

/// Nothing is there, or an empty folder, which can be replaced.
fn is_free(folder: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(found) => Ok(found.is_dir() && fs::read_dir(folder)?.next().is_none()),
    }
}

/// A folder is opened to be made safe, too.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn unusable(path: &Path, error: io::Error) -> Failure {
    Failure::usage(format!("the folder '{}' cannot be made", path.display()))
        .why(error)
        .hint("give --out another path")
}

fn unwritable(path: &Path, error: io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("'{}' cannot be written", path.display())).why(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(name: &str) -> PathBuf {
        let base = std::env::temp_dir().join(format!("evenkeel-new-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        base
    }

    #[test]
    fn it_is_there_as_a_whole_or_not_at_all() {
        let base = base("whole");
        let target = base.join("a/dev");
        let folder = NewFolder::make(&target).unwrap();
        folder.write("key", "s3cret").unwrap();
        assert!(folder.write("key", "other").is_err(), "nothing is written over");
        assert!(!target.exists());
        drop(folder);
        assert!(!target.exists() && !base.join("a/dev.partial").exists());

        let folder = NewFolder::make(&target).unwrap();
        folder.write("key", "s3cret").unwrap();
        folder.finish().unwrap();
        assert_eq!(fs::read_to_string(target.join("key")).unwrap(), "s3cret");
        assert!(!base.join("a/dev.partial").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&target), mode(&target.join("key"))), (0o700, 0o600));
        }
        fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn nothing_is_written_over() {
        let base = base("over");
        fs::create_dir_all(base.join("full")).unwrap();
        fs::create_dir_all(base.join("empty")).unwrap();
        fs::create_dir_all(base.join("left.partial")).unwrap();
        fs::write(base.join("full/key"), "s3cret").unwrap();
        fs::write(base.join("file"), "s3cret").unwrap();
        for name in ["full", "file", "left", "", ".."] {
            let failure = NewFolder::make(&base.join(name)).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{name}: {failure:?}");
        }
        assert!(base.join("left.partial").exists());
        // One that comes between is not written over either.
        let folder = NewFolder::make(&base.join("between")).unwrap();
        fs::create_dir_all(base.join("between/x")).unwrap();
        assert!(folder.finish().is_err());
        assert!(base.join("between.partial").exists(), "the files are kept");
        NewFolder::make(&base.join("empty")).unwrap().finish().unwrap();
        assert_eq!(fs::read_to_string(base.join("full/key")).unwrap(), "s3cret");
        fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn what_is_to_be_kept_is_kept() {
        let base = base("kept");
        let mut folder = NewFolder::make(&base.join("dev")).unwrap();
        folder.keep();
        drop(folder);
        assert!(base.join("dev.partial").exists());
        fs::remove_dir_all(&base).unwrap();
    }
}
