//! The body of a request, within bounds.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Bad;
use super::head::Head;
use crate::core::HttpRequest;
use crate::listen::ByteStream;

/// Reads the body behind a head, or its beginning if it is too long to be one.
pub(super) async fn read<S: ByteStream>(
    stream: &mut S,
    buffer: &mut BytesMut,
    head: &Head,
) -> io::Result<Result<Bytes, Bad>> {
    let length = match length(head) {
        Ok(length) => length,
        Err(bad) => return Ok(Err(bad)),
    };
    let wanted = length.min(HttpRequest::BODY_MAX + 1);
    if buffer.len() < wanted && head.expects_continue() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        stream.flush().await?;
    }
    while buffer.len() < wanted {
        let room = wanted - buffer.len();
        if (&mut *stream).take(room as u64).read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Ok(buffer.split_to(wanted).freeze()))
}

/// What the head says. Two lengths, or bodies in chunks, might be read in two ways.
fn length(head: &Head) -> Result<usize, Bad> {
    if head.all("transfer-encoding").next().is_some() {
        return Err(Bad(411));
    }
    let mut lengths = head.all("content-length");
    let Some(text) = lengths.next() else { return Ok(0) };
    if lengths.any(|other| other != text) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Bad(400));
    }
    match text.parse() {
        Ok(length) => Ok(length),
        Err(_) if text.is_empty() => Err(Bad(400)),
        // More than can be counted.
        Err(_) => Ok(usize::MAX),
    }
}
