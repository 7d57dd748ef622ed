//! Bytes from one side to the other, and a copy for the judge.

use std::pin::pin;
use std::time::Duration;

use evenkeel_doctor::{CloseHow, Side};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use super::judge::Tap;

/// A stream of either side.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What is read at a time.
pub(super) const CHUNK: usize = 16 * 1024;

/// How long a side may go on after the other has ended: one that has gone without
/// a word would hold its place without end.
pub(super) const AFTER_ONE: Duration = Duration::from_secs(60);

/// Relays both ways. An end of one side is passed on, and the other side may go
/// on for a while.
pub(super) async fn relay(client: Box<dyn Stream>, server: Box<dyn Stream>, tap: &Tap) {
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let mut up = pin!(one_way(from_client, to_server, Side::Client, tap));
    let mut down = pin!(one_way(from_server, to_client, Side::Server, tap));
    let other = async {
        tokio::select! {
            () = &mut up => timeout(AFTER_ONE, down).await,
            () = &mut down => timeout(AFTER_ONE, up).await,
        }
    };
    // Both are dropped now, whether the other one has ended or not.
    let _ = other.await;
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

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_side_that_does_not_end_is_left_after_a_while() {
        let ((near, client), (mut far, server)) = (duplex(64), duplex(64));
        let (tap, ended) = Tap::unheard(7);
        let began = Instant::now();
        drop(near);
        relay(Box::new(client), Box::new(server), &tap).await;
        assert_eq!(began.elapsed(), AFTER_ONE);
        assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0);
        // Nobody took its notes, and still its end is known.
        drop(tap);
        assert_eq!(ended(), [7]);
    }
}
