//! Listeners on socket files.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use tokio::net::UnixListener;

/// Listens on a socket file; one that an earlier broker has left is replaced,
/// any other file is not.
pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    remove(path)?;
    UnixListener::bind(path)
}

/// Removes a socket file, if there is one.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) | Err(_) => Ok(()),
    }
}
