//! Unix sockets.

use std::path::Path;

use tokio::net::UnixStream;

use super::error::{ConfigError, ConnectError};

/// What begins the path of a socket in Linux's abstract namespace.
const ABSTRACT: char = '\0';

/// The operating system bounds paths to about a hundred bytes.
pub(super) fn check(path: &Path) -> Result<(), ConfigError> {
    let path_of_file = path.to_string_lossy();
    let path_of_file = path_of_file.trim_start_matches(ABSTRACT);
    match std::os::unix::net::SocketAddr::from_pathname(path_of_file) {
        Ok(_) => Ok(()),
        Err(_) => Err(ConfigError::SocketPath { length: path.as_os_str().len() }),
    }
}

pub(super) async fn connect(path: &Path) -> Result<UnixStream, ConnectError> {
    UnixStream::connect(path).await.map_err(|error| ConnectError::Stream {
        endpoint: format!("unix socket {}", path.display().to_string().replace(ABSTRACT, "@")),
        error: error.into(),
    })
}
