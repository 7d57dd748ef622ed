//! What a client needs to know of the server, and to show of itself, as files of one
//! run: its owner's alone, and removed at its end.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::emulator::{Authority, Issued};
use crate::error::Failure;
use crate::exit::Exit;
use crate::private;

/// The files of a run.
pub(super) struct Files {
    folder: PathBuf,
    /// Signs the servers' certificates.
    pub(super) authority: Authority,
    /// Its own certificate, PEM.
    pub(super) authority_pem: String,
}

impl Files {
    /// Makes an authority and a device's certificate.
    pub(super) fn make(thing: &str) -> Result<Self, Failure> {
        let (authority, Issued { certificate, .. }) = Authority::make().map_err(unsigned)?;
        let device = authority.device(thing).map_err(unsigned)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("evenkeel-advisor-{}-{}", std::process::id(), since.as_nanos());
        let folder = std::env::temp_dir().join(name);
        private::create_folder(&folder).map_err(|error| unwritable(&folder, error))?;
        // From here on it is removed whatever happens.
        let files = Self { folder, authority, authority_pem: certificate };
        write(&files.ca(), &files.authority_pem)?;
        write(&files.certificate(), &device.certificate)?;
        write(&files.key(), &device.key)?;
        Ok(files)
    }

    /// The certificate of the authority, for the client to trust.
    pub(super) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The client's certificate.
    pub(super) fn certificate(&self) -> PathBuf {
        self.folder.join("device.pem")
    }

    /// Its key.
    pub(super) fn key(&self) -> PathBuf {
        self.folder.join("device.key")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    private::write_new(path, text.as_bytes()).map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("'{}' cannot be written", path.display())).why(error)
}

pub(super) fn unsigned(error: rcgen::Error) -> Failure {
    Failure::new(Exit::Failed, "a certificate cannot be made").why(error)
}
