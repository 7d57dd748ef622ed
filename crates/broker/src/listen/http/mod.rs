//! HTTP/1.1: a head, a body, an answer, and again on the same connection.

mod body;
mod head;
mod rewound;

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::ByteStream;
use crate::core::{HttpRequest, HttpResponse};
use crate::serve::{LINGER, LINGER_BYTES};

pub(super) use head::{Head, read_head};
pub(super) use rewound::Rewound;

/// Why a request is none; its connection ends with this status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bad(u16);

/// A stream of requests, with what was read ahead of them.
pub(super) struct Requests<S> {
    pub(super) stream: S,
    pub(super) buffer: BytesMut,
}

impl<S: ByteStream> Requests<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The head of the first request; nothing if it is none, which has been answered then.
    pub(super) async fn first(&mut self) -> io::Result<Option<Head>> {
        match read_head(&mut self.stream, &mut self.buffer).await? {
            Ok(head) => Ok(head),
            Err(bad) => self.refuse(bad).await.map(|()| None),
        }
    }

    /// Answers this request and those that follow. `answer` says nothing if the
    /// connection is to end at once.
    pub(super) async fn serve<A>(
        mut self,
        mut head: Head,
        answer: impl Fn(HttpRequest) -> A,
    ) -> io::Result<()>
    where
        A: Future<Output = Option<HttpResponse>>,
    {
        loop {
            let body = match body::read(&mut self.stream, &mut self.buffer, &head).await? {
                Ok(body) => body,
                Err(bad) => return self.refuse(bad).await,
            };
            let is_last = head.is_last() || body.len() > HttpRequest::BODY_MAX;
            let is_head = head.method == "HEAD";
            let request = HttpRequest { method: head.method, head: head.facts, body };
            let Some(response) = answer(request).await else { return Ok(()) };
            self.stream.write_all(&encode(&response, is_last, is_head)).await?;
            self.stream.flush().await?;
            if is_last {
                return self.close().await;
            }
            head = match self.first().await? {
                Some(head) => head,
                None => return Ok(()),
            };
        }
    }

    async fn refuse(&mut self, Bad(status): Bad) -> io::Result<()> {
        let body = format!("{{\"message\":\"{}\"}}", reason(status)).into_bytes();
        let headers = vec![("content-type", "application/json".to_owned())];
        let response = HttpResponse { status, headers, body };
        self.stream.write_all(&encode(&response, true, false)).await?;
        self.close().await
    }

    /// Closes so that the client can still read the answer, as unread bytes would take
    /// it away.
    async fn close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let rest = (&mut self.stream).take(LINGER_BYTES);
        let mut nowhere = tokio::io::sink();
        // The client's own end, or its silence, are both the end.
        let _ = tokio::time::timeout(LINGER, tokio::io::copy(&mut { rest }, &mut nowhere)).await;
        Ok(())
    }

    /// The stream as if nothing had been read of it.
    pub(super) fn rewound(self, head: Head) -> Rewound<S> {
        let mut read = BytesMut::from(&head.bytes[..]);
        read.extend_from_slice(&self.buffer);
        Rewound::new(read.freeze(), self.stream)
    }
}

fn encode(response: &HttpResponse, is_last: bool, is_head: bool) -> Bytes {
    let HttpResponse { status, headers, body } = response;
    let mut text = format!("HTTP/1.1 {status} {}\r\n", reason(*status));
    for (name, value) in headers {
        // A line break would be another header.
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let connection = if is_last { "close" } else { "keep-alive" };
    text.push_str(&format!("content-length: {}\r\nconnection: {connection}\r\n\r\n", body.len()));
    let mut bytes = text.into_bytes();
    if !is_head {
        bytes.extend_from_slice(body);
    }
    bytes.into()
}

/// The words beside a status, which nobody reads.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests;
