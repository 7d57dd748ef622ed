//! One GET of HTTP/1.1, and its answer.

use std::io;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Error, Status};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, sink};
use tokio::time::timeout;

/// Bytes of the longest head.
const HEAD_MAX: usize = 8 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// How long a head may take.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// What is read behind the answer, so that the system does not take it away for bytes
/// that nobody read.
const REST_BYTES: u64 = 64 * 1024;
const REST_TIME: Duration = Duration::from_secs(1);

/// What is answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

/// What came of a head.
enum Request {
    /// A GET of this path.
    Get(String),
    /// None, for which this is answered.
    Refused(u16),
}

/// Reads one request, answers it and closes. `answer` says nothing if there is no such
/// path.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    answer: impl FnOnce(&str) -> Option<Answer>,
) -> io::Result<()> {
    let Ok(request) = timeout(HEAD_TIME, request(stream)).await else { return Ok(()) };
    let answer = match request? {
        None => return Ok(()),
        Some(Request::Get(path)) => answer(&path).unwrap_or_else(|| refusal(404)),
        Some(Request::Refused(status)) => refusal(status),
    };
    stream.write_all(head(&answer).as_bytes()).await?;
    stream.write_all(answer.body.as_bytes()).await?;
    stream.shutdown().await?;
    // Its end, and its silence, are both the end.
    let _ = timeout(REST_TIME, tokio::io::copy(&mut stream.take(REST_BYTES), &mut sink())).await;
    Ok(())
}

/// The request; nothing if the stream ends before it.
async fn request<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    loop {
        let room = HEAD_MAX + 1 - bytes.len();
        if (&mut *stream).take(room as u64).read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        match parse(bytes.get(..HEAD_MAX).unwrap_or(&bytes)) {
            None if bytes.len() > HEAD_MAX => return Ok(Some(Request::Refused(431))),
            None => {}
            whole => return Ok(whole),
        }
    }
}

/// What these bytes ask for; nothing if there are more to come.
fn parse(bytes: &[u8]) -> Option<Request> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    Some(match request.parse(bytes) {
        Ok(Status::Partial) => return None,
        Ok(Status::Complete(_)) if request.method == Some("GET") => {
            let target = request.path.unwrap_or_default();
            let path = target.split('?').next().unwrap_or_default();
            Request::Get(path.to_owned())
        }
        Ok(Status::Complete(_)) => Request::Refused(405),
        Err(Error::TooManyHeaders) => Request::Refused(431),
        Err(Error::Version) => Request::Refused(505),
        Err(_) => Request::Refused(400),
    })
}

fn refusal(status: u16) -> Answer {
    let body = format!("{status} {}; there are GET /metrics and GET /health\n", reason(status));
    Answer { status, content_type: "text/plain; charset=utf-8", body }
}

fn head(answer: &Answer) -> String {
    let Answer { status, content_type, body } = answer;
    let allow = if *status == 405 { "allow: GET\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\n{allow}connection: close\r\n\r\n",
        reason(*status),
        body.len(),
    )
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "HTTP Version Not Supported",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is answered to these bytes.
    async fn answer_to(bytes: &[u8]) -> String {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        let served = tokio::spawn(async move {
            let answer = |path: &str| {
                let body = format!("<{path}>");
                (path != "/no").then_some(Answer { status: 200, content_type: "a/b", body })
            };
            exchange(&mut server, answer).await
        });
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        served.await.unwrap().unwrap();
        answer
    }

    #[tokio::test]
    async fn a_get_is_answered_and_all_else_refused() {
        let filler =
            |length: usize| format!("GET /x HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(length));
        let headers = |count| format!("GET /x HTTP/1.1\r\n{}\r\n", "A: 1\r\n".repeat(count));
        let most = HEAD_MAX - filler(0).len();
        for (request, status) in [
            ("GET /x HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), "200"),
            ("GET /x?a=b HTTP/1.0\r\n\r\n".to_owned(), "200"),
            ("GET /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".to_owned(), "200"),
            (filler(most), "200"),
            (filler(most + 1), "431"),
            (headers(HEADERS_MAX), "200"),
            (headers(HEADERS_MAX + 1), "431"),
            ("GET /no HTTP/1.1\r\n\r\n".to_owned(), "404"),
            ("HEAD /x HTTP/1.1\r\n\r\n".to_owned(), "405"),
            ("POST /x HTTP/1.1\r\nContent-Length: 1\r\n\r\na".to_owned(), "405"),
            ("DELETE /no HTTP/1.1\r\n\r\n".to_owned(), "405"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "505"),
            ("\u{10}\u{c}\0\u{4}MQTT\r\n\r\n".to_owned(), "400"),
            ("\u{16}\u{3}\u{1}\u{2}".to_owned(), "400"),
        ] {
            let answer = answer_to(request.as_bytes()).await;
            let shown: String = request.chars().take(60).collect();
            assert_eq!(answer.get(9..12), Some(status), "{shown}: {answer}");
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{answer}");
            assert!(head.ends_with("connection: close"), "{answer}");
            assert_eq!(head.contains("\r\nallow: GET\r\n"), status == "405", "{answer}");
            let wanted = if status == "200" { "<" } else { status };
            assert!(body.starts_with(wanted), "{answer}");
        }
        let wanted = "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 4\r\n\
                      cache-control: no-store\r\nconnection: close\r\n\r\n</x>";
        assert_eq!(answer_to(b"GET /x HTTP/1.1\r\n\r\n").await, wanted);
    }

    #[tokio::test]
    async fn what_is_cut_short_is_not_answered() {
        for bytes in [&b""[..], b"GET", b"GET /x HTTP/1.1\r\nHost: h\r\n"] {
            assert_eq!(answer_to(bytes).await, "");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_five_seconds() {
        for (wait, wanted) in [(4_900, true), (5_100, false)] {
            let (mut client, mut server) = tokio::io::duplex(1024);
            let answer =
                |_: &str| Some(Answer { status: 200, content_type: "", body: String::new() });
            let served = tokio::spawn(async move { exchange(&mut server, answer).await });
            client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
            // Nothing else moves the time.
            tokio::time::sleep(Duration::from_millis(wait)).await;
            // The other side may have closed by then.
            let _ = client.write_all(b"\r\n").await;
            let _ = client.shutdown().await;
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer.starts_with("HTTP/1.1 200"), wanted, "after {wait} ms");
            served.await.unwrap().unwrap();
        }
    }
}
