//! Unix sockets.

use std::path::PathBuf;

use evenkeel::ConnectPhase;
use evenkeel::transport::internals::{ConnectProgress, Opener};
use evenkeel::transport::{ConnectError, TransportOptions};
use tokio::net::UnixListener;

use crate::support::{assert_echo, echo, endpoint, open, soon};

/// A path in a fresh directory; socket paths must be short, so it is in the system's own.
fn socket_path(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("evenkeel-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory.join("m.sock")
}

#[tokio::test]
async fn a_unix_socket_carries_bytes() {
    let path = socket_path("echo");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
    let progress = ConnectProgress::new();
    let endpoint = endpoint(&format!("mqtt+unix://{}", path.display()));
    let mut stream = soon(Opener::default().open(&endpoint, &progress)).await.unwrap();
    assert_eq!(progress.phase(), ConnectPhase::Connect);
    assert_echo(&mut stream, &[3; 100_000]).await;
    assert_eq!(stream.addresses(), None);
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn a_missing_socket_is_named() {
    let path = socket_path("missing");
    let url = format!("unix://{}", path.display());
    let error = open(&url, TransportOptions::default()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Stream { .. }));
    assert_eq!(
        format!("{error:#}"),
        format!(
            "cannot open unix socket {}: No such file or directory (os error 2); \
             check the path, and that the broker runs",
            path.display()
        )
    );
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
