//! Bytes from one side to the other, and a copy for the judge.

use evenkeel_doctor::{CloseHow, Side};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::judge::Tap;

/// A stream of either side.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What is read at a time.
const CHUNK: usize = 16 * 1024;

/// Relays both ways. An end of one side is passed on, and the other side may go
/// on until it has ended too.
pub(super) async fn relay(client: Box<dyn Stream>, server: Box<dyn Stream>, tap: &Tap) {
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    tokio::join!(
        one_way(from_client, to_server, Side::Client, tap),
        one_way(from_server, to_client, Side::Server, tap),
    );
}

async fn one_way(
    mut from: ReadHalf<Box<dyn Stream>>,
    mut to: WriteHalf<Box<dyn Stream>>,
    side: Side,
    tap: &Tap,
) {
    let mut chunk = vec![0; CHUNK];
    let how = loop {
        match from.read(&mut chunk).await {
            Ok(0) => break CloseHow::Fin,
            Ok(read) => {
                let bytes = chunk.get(..read).unwrap_or_default();
                // First on, then looked at.
                let written = to.write_all(bytes).await;
                tap.bytes(side, bytes);
                if written.is_err() || to.flush().await.is_err() {
                    return tap.closing(side.other(), CloseHow::Reset);
                }
            }
            Err(_) => break CloseHow::Reset,
        }
    };
    tap.closing(side, how);
    // The other side learns of it; one that is gone already needs no news.
    let _ = to.shutdown().await;
}
