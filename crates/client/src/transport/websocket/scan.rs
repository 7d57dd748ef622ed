//! A look at the frames on their way to the WebSocket library, which answers pings and joins
//! fragments by itself for as long as they come.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::WebSocketError;
use crate::transport::custom::ByteStream;

/// Frames without content in a row that are too many within [`WINDOW`]: pings and empty frames
/// have their uses, but hundreds a second, and nothing else, have none.
pub(super) const MOST_IDLE_FRAMES: u32 = 1000;
const WINDOW: Duration = Duration::from_secs(10);

/// A stream whose incoming frames are counted.
pub(super) struct Scanned<S> {
    pub(super) inner: S,
    scan: Scan,
}

impl<S> Scanned<S> {
    /// `behind` is what has been read of the frames already.
    pub(super) fn new(inner: S, behind: &[u8]) -> Result<Self, WebSocketError> {
        let mut scan = Scan::default();
        scan.observe(behind)?;
        Ok(Self { inner, scan })
    }
}

/// Where in its frames a stream is.
#[derive(Default)]
struct Scan {
    header: [u8; 14],
    /// Bytes of the header that have come.
    known: usize,
    /// Bytes that the frame's payload still has.
    payload: u64,
    /// Frames without content since the last one with any, or since `since`.
    idle: u32,
    since: Option<Instant>,
}

impl Scan {
    fn observe(&mut self, mut bytes: &[u8]) -> Result<(), WebSocketError> {
        loop {
            let skipped = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
            self.payload -= skipped as u64;
            bytes = &bytes[skipped..];
            let Some((first, rest)) = bytes.split_first() else { return Ok(()) };
            self.header[self.known] = *first;
            self.known += 1;
            bytes = rest;
            if self.known >= 2 && self.known == header_length(self.header[1]) {
                self.known = 0;
                self.payload = payload_length(&self.header);
                self.count()?;
            }
        }
    }

    fn count(&mut self) -> Result<(), WebSocketError> {
        let is_control = self.header[0] & 0x08 != 0;
        if !is_control && self.payload > 0 {
            self.idle = 0;
            return Ok(());
        }
        if self.idle == 0 {
            self.since = Some(Instant::now());
        }
        self.idle += 1;
        if self.idle > MOST_IDLE_FRAMES {
            if self.since.is_some_and(|since| since.elapsed() < WINDOW) {
                return Err(WebSocketError::Flood { frames: MOST_IDLE_FRAMES });
            }
            self.idle = 1;
            self.since = Some(Instant::now());
        }
        Ok(())
    }
}

/// The length of a header, by its second byte. Servers must not mask; a mask is left for the
/// library to refuse.
const fn header_length(second: u8) -> usize {
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & 0x80 != 0 { 4 } else { 0 }
}

fn payload_length(header: &[u8; 14]) -> u64 {
    let extended = match header[1] & 0x7f {
        126 => 2,
        127 => 8,
        short => return u64::from(short),
    };
    header[2..2 + extended].iter().fold(0, |length, byte| length << 8 | u64::from(*byte))
}

impl<S: ByteStream> AsyncRead for Scanned<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let observed = self.scan.observe(&buf.filled()[before..]);
        Poll::Ready(observed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)))
    }
}

impl<S: ByteStream> AsyncWrite for Scanned<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &[u8] = &[0x89, 2, 0xff, 0xff];
    const PONG: &[u8] = &[0x8a, 0];
    const EMPTY: &[u8] = &[0x82, 0];
    const EMPTY_FRAGMENT: &[u8] = &[0, 0];
    const CONTENT: &[u8] = &[0x82, 3, 0x89, 0, 0];
    /// With their lengths in the longer forms.
    const LONGER: [&[u8]; 2] = [&[0x82, 126, 0, 2, 0x89, 0], &[0, 127, 0, 0, 0, 0, 0, 0, 0, 1, 0]];
    const LONG_AND_EMPTY: &[u8] = &[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0];

    fn flood() -> WebSocketError {
        WebSocketError::Flood { frames: MOST_IDLE_FRAMES }
    }

    #[tokio::test(start_paused = true)]
    async fn frames_without_content_are_bounded_in_their_number_in_a_row() {
        for idle in [PING, PONG, EMPTY, EMPTY_FRAGMENT, LONG_AND_EMPTY] {
            let most = idle.repeat(MOST_IDLE_FRAMES as usize);
            for content in [CONTENT, LONGER[0], LONGER[1]] {
                for at_once in [1, 3, 100_000] {
                    let mut scan = Scan::default();
                    let bytes = [&most, content, &most, content].concat();
                    for part in bytes.chunks(at_once) {
                        assert_eq!(scan.observe(part), Ok(()));
                    }
                    assert_eq!(scan.observe(&most), Ok(()));
                    assert_eq!(scan.observe(idle), Err(flood()), "one too many");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_pings_without_end_is_allowed() {
        let mut scan = Scan::default();
        for _ in 0..5 {
            assert_eq!(scan.observe(&PING.repeat(MOST_IDLE_FRAMES as usize)), Ok(()));
            tokio::time::sleep(WINDOW).await;
        }
        // The last millisecond of the window still counts.
        let mut scan = Scan::default();
        assert_eq!(scan.observe(&PING.repeat(MOST_IDLE_FRAMES as usize)), Ok(()));
        tokio::time::sleep(WINDOW - Duration::from_millis(1)).await;
        assert_eq!(scan.observe(PING), Err(flood()));
    }
}
