//! The head of a request, within bounds.

use std::io;

use bytes::{Bytes, BytesMut};
use httparse::{EMPTY_HEADER, Error, Status};
use tokio::io::AsyncReadExt;

use super::Bad;
use crate::core::HttpFacts;
use crate::listen::ByteStream;

/// Bytes of the longest head.
pub(super) const HEAD_MAX: usize = 16 * 1024;
/// Headers of a request.
pub(super) const HEADERS_MAX: usize = 64;

/// The head of a request.
#[derive(Debug)]
pub(in crate::listen) struct Head {
    pub(super) method: String,
    pub(super) facts: HttpFacts,
    /// As it came.
    pub(super) bytes: Bytes,
    is_http_1_0: bool,
}

impl Head {
    /// The values of a header.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let headers = self.facts.headers.iter();
        headers.filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// True if one of the values of a header, parted by commas, is this word.
    fn has(&self, name: &str, word: &str) -> bool {
        let mut words = self.all(name).flat_map(|value| value.split(','));
        words.any(|found| found.trim().eq_ignore_ascii_case(word))
    }

    /// True if no other request may follow.
    pub(super) fn is_last(&self) -> bool {
        self.is_http_1_0 || self.has("connection", "close")
    }

    /// True if the client waits for a word before it sends the body.
    pub(super) fn expects_continue(&self) -> bool {
        self.has("expect", "100-continue")
    }

    /// True if it wants to become a WebSocket.
    pub(in crate::listen) fn is_upgrade(&self) -> bool {
        self.has("upgrade", "websocket")
    }
}

/// Reads a head off the front of what comes; nothing at the end of the stream.
pub(in crate::listen) async fn read_head<S: ByteStream>(
    stream: &mut S,
    buffer: &mut BytesMut,
) -> io::Result<Result<Option<Head>, Bad>> {
    loop {
        match parse(buffer) {
            Ok(Some((length, mut head))) => {
                head.bytes = buffer.split_to(length).freeze();
                return Ok(Ok(Some(head)));
            }
            Ok(None) if buffer.len() > HEAD_MAX => return Ok(Err(Bad(431))),
            Ok(None) => {}
            Err(bad) => return Ok(Err(bad)),
        }
        let room = HEAD_MAX + 1 - buffer.len();
        if (&mut *stream).take(room as u64).read_buf(buffer).await? == 0 {
            return Ok(Ok(None));
        }
    }
}

/// A head and its length; nothing if its end has not come yet.
fn parse(bytes: &[u8]) -> Result<Option<(usize, Head)>, Bad> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    // What stands behind the longest head is looked at as a body, or another head.
    let length = match request.parse(bytes.get(..HEAD_MAX).unwrap_or(bytes)) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(Error::TooManyHeaders) => return Err(Bad(431)),
        Err(Error::Version) => return Err(Bad(505)),
        Err(_) => return Err(Bad(400)),
    };
    let mut found = Vec::with_capacity(request.headers.len());
    for header in request.headers.iter() {
        let value = std::str::from_utf8(header.value).map_err(|_error| Bad(400))?;
        found.push((header.name.to_ascii_lowercase(), value.to_owned()));
    }
    let head = Head {
        method: request.method.unwrap_or_default().to_owned(),
        facts: HttpFacts { target: request.path.unwrap_or_default().to_owned(), headers: found },
        bytes: Bytes::new(),
        is_http_1_0: request.version == Some(0),
    };
    Ok(Some((length, head)))
}
