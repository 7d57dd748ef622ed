//! Files and folders that are their owner's alone (S2), and are no links to
//! anyone else's (S6).

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Why something with a name of ours is not opened.
const NO_FILE: &str = "it is a link or a folder, where a file was expected";

/// Makes a folder for its owner alone, whatever the umask; the one it is in
/// must exist.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    system::private_folder(&mut builder);
    builder.create(path)?;
    system::set(path, system::FOLDER)
}

/// Makes a new file for its owner alone, whatever the umask; fails if the
/// name is taken, also by a link to nowhere.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    system::private_file(&mut options);
    let file = options.open(path)?;
    system::set_file(&file)?;
    Ok(file)
}

/// Opens a file that is no link.
pub(super) fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let found = fs::symlink_metadata(path)?;
    if !found.is_file() {
        return Err(foreign());
    }
    let file = options.open(path)?;
    // It may have become another one meanwhile.
    if system::is_same(&found, &file.metadata()?) { Ok(file) } else { Err(foreign()) }
}

fn foreign() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, NO_FILE)
}

/// True if [`open`] refused what is no file of its own.
pub(super) fn is_foreign(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput && error.to_string() == NO_FILE
}

/// Makes a file that exists its owner's alone; true if others can read it
/// still.
pub(super) fn tighten(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(restrict(path, &found, system::FILE)),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The same for a folder. One that many share, such as `/tmp`, is left as it
/// is: it was never ours.
pub(super) fn tighten_folder(path: &Path) -> io::Result<bool> {
    let found = fs::metadata(path)?;
    if system::is_shared(&found) {
        return Ok(true);
    }
    Ok(restrict(path, &found, system::FOLDER))
}

/// It may be another user's, or on a file system that has no such rights.
fn restrict(path: &Path, found: &Metadata, mode: u32) -> bool {
    let is_open = |found: &Metadata| system::is_open(found);
    if !is_open(found) {
        return false;
    }
    let _ = system::set(path, mode);
    fs::metadata(path).map_or(true, |found| is_open(&found))
}

#[cfg(unix)]
mod system {
    use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
    use std::path::Path;

    pub(super) const FILE: u32 = 0o600;
    pub(super) const FOLDER: u32 = 0o700;

    pub(super) fn private_folder(builder: &mut DirBuilder) {
        builder.mode(FOLDER);
    }

    pub(super) fn private_file(options: &mut OpenOptions) {
        options.mode(FILE);
    }

    pub(super) fn set(path: &Path, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, Permissions::from_mode(mode))
    }

    /// The umask may have taken rights from the owner, too.
    pub(super) fn set_file(file: &File) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(FILE))
    }

    pub(super) fn is_open(found: &Metadata) -> bool {
        found.mode() & 0o077 != 0
    }

    pub(super) fn is_shared(found: &Metadata) -> bool {
        found.mode() & 0o1000 != 0
    }

    pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    }
}

/// Elsewhere the rights are those that the folder above gives.
#[cfg(not(unix))]
mod system {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;

    pub(super) const FILE: u32 = 0;
    pub(super) const FOLDER: u32 = 0;

    pub(super) fn private_folder(_builder: &mut DirBuilder) {}

    pub(super) fn private_file(_options: &mut OpenOptions) {}

    pub(super) fn set(_path: &Path, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn set_file(_file: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn is_open(_found: &Metadata) -> bool {
        false
    }

    pub(super) fn is_shared(_found: &Metadata) -> bool {
        false
    }

    pub(super) fn is_same(_one: &Metadata, other: &Metadata) -> bool {
        other.is_file()
    }
}
