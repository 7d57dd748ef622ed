//! Unix sockets.

use std::path::Path;

use tokio::net::UnixStream;

use super::error::ConnectError;

pub(super) async fn connect(path: &Path) -> Result<UnixStream, ConnectError> {
    UnixStream::connect(path).await.map_err(|error| ConnectError::Stream {
        endpoint: format!("unix socket {}", path.display()),
        error: error.into(),
    })
}
