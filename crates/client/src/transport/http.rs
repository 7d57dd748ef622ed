//! The head of an HTTP answer (RFC 9112), as WebSocket servers and proxies send it.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::retry_after::retry_after;

/// Status and headers of an answer.
pub(super) struct Head {
    /// The digit behind `HTTP/1.`.
    #[cfg_attr(not(any(feature = "websocket", test)), expect(dead_code, reason = "for WebSocket"))]
    pub(super) minor_version: u8,
    pub(super) status: u16,
    headers: Vec<(String, String)>,
}

/// Why there is no head.
#[derive(Debug)]
pub(super) enum HeadError {
    /// The connection ended before it.
    Closed,
    /// It has no end within the limit.
    TooLong,
    /// It is not HTTP; says what is wrong.
    Malformed(
        #[cfg_attr(not(feature = "websocket"), expect(dead_code, reason = "for WebSocket"))]
        &'static str,
    ),
    Io(io::Error),
}

impl Head {
    /// The value of a header; that of its first line if it has several.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.lines(name).next()
    }

    /// The elements of a header that is a list: of all its lines in turn, without white space,
    /// and without the empty ones (RFC 9110, sections 5.3 and 5.6.1).
    #[cfg_attr(not(any(feature = "websocket", test)), expect(dead_code, reason = "for WebSocket"))]
    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        let elements = self.lines(name).flat_map(|value| value.split(','));
        elements.map(|element| element.trim_matches(BLANKS)).filter(|element| !element.is_empty())
    }

    /// How long the server asks not to be bothered, if it does.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        retry_after(self.header("Retry-After"), self.header("Date"))
    }

    fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_name =
            self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str())
    }

    /// A word on the way, such as 100 (Continue): the answer follows it. 101 is an answer.
    const fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Reads the head of the answer, past any interim ones, at most `longest` bytes of them all and
/// `at_once` of them in a read. Returns what was read behind it, too.
pub(super) async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    at_once: usize,
    longest: usize,
) -> Result<(Head, Vec<u8>), HeadError> {
    let mut left = longest;
    let mut bytes = Vec::new();
    // Where the search for the end goes on.
    let mut searched = 0;
    loop {
        while let Some(end) = end_of_head(&bytes, searched) {
            let behind = bytes.split_off(end);
            let head = parse(&bytes)?;
            if !head.is_interim() {
                return Ok((head, behind));
            }
            (bytes, searched) = (behind, 0);
        }
        searched = bytes.len();
        let room = left.min(at_once);
        if room == 0 {
            return Err(HeadError::TooLong);
        }
        bytes.resize(searched + room, 0);
        let length = stream.read(&mut bytes[searched..]).await.map_err(HeadError::Io)?;
        if length == 0 {
            return Err(HeadError::Closed);
        }
        bytes.truncate(searched + length);
        left -= length;
    }
}

/// Finds the end of the empty line that ends a head; everything before `searched` has been
/// looked at. Lines may end with LF alone (RFC 9112, section 2.2).
fn end_of_head(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(2);
    let line_ends = bytes.iter().enumerate().skip(from).filter(|(_, byte)| **byte == b'\n');
    line_ends
        .map(|(index, _)| index + 1)
        .find(|after| {
            let rest = &bytes[*after..];
            rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
        })
        .map(|after| if bytes[after] == b'\n' { after + 1 } else { after + 2 })
}

fn parse(head: &[u8]) -> Result<Head, HeadError> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let first = lines.next().unwrap_or_default();
    let (minor_version, status) = status_line(first)
        .ok_or(HeadError::Malformed("it does not begin with an HTTP status line"))?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        if line.contains(|c: char| c.is_ascii_control() && c != '\t') {
            return Err(HeadError::Malformed("a header has a control character"));
        }
        let value = |text: &str| text.trim_matches(BLANKS).to_owned();
        if line.starts_with(BLANKS) {
            // A value that goes on in the next line, as old servers send it.
            let (_, folded) =
                headers.last_mut().ok_or(HeadError::Malformed("a header has no name"))?;
            folded.push(' ');
            folded.push_str(&value(line));
            continue;
        }
        match line.split_once(':') {
            Some((name, text)) if !value(name).is_empty() => {
                headers.push((value(name), value(text)));
            }
            _ => return Err(HeadError::Malformed("a header has no name")),
        }
    }
    Ok(Head { minor_version, status, headers })
}

/// Takes version and status out of `HTTP/1.1 200 Connection established`.
fn status_line(line: &str) -> Option<(u8, u16)> {
    let mut words = line.split(' ');
    let minor_version = match words.next()?.strip_prefix("HTTP/1.")?.as_bytes() {
        [digit @ b'0'..=b'9'] => digit - b'0',
        _ => return None,
    };
    let status = words.next().filter(|word| word.len() == 3)?;
    Some((minor_version, status.parse().ok().filter(|status| *status >= 100)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 1000;

    async fn read(answer: &str, at_once: usize) -> Result<(Head, Vec<u8>), HeadError> {
        read_head(&mut answer.as_bytes(), at_once, LONGEST).await
    }

    #[tokio::test]
    async fn a_head_is_read_however_its_lines_end() {
        for end in ["\r\n", "\n"] {
            let answer = "HTTP/1.1 200 Connection established|A: 1|b : two |A:3|c:\t4|  5||rest";
            let answer = answer.replace('|', end);
            for at_once in [1, 2, 3, 1000] {
                let (head, behind) = read(&answer, at_once).await.unwrap();
                assert_eq!((head.minor_version, head.status), (1, 200));
                assert_eq!((head.header("a"), head.header("B")), (Some("1"), Some("two")));
                assert_eq!((head.header("c"), head.header("d")), (Some("4 5"), None));
                assert_eq!(head.list("a").collect::<Vec<_>>(), ["1", "3"]);
                let behind = String::from_utf8(behind).unwrap();
                assert!("rest".starts_with(&behind), "{behind}");
                assert!(at_once > 1 || behind.is_empty(), "no byte more than the head was taken");
            }
        }
    }

    #[tokio::test]
    async fn lists_are_joined_and_cleaned() {
        let answer = "HTTP/1.0 204\r\nC: a,,\t b ,\r\nX: no\r\nc: , c\r\n\r\n";
        let (head, _) = read(answer, 100).await.unwrap();
        assert_eq!((head.minor_version, head.status), (0, 204));
        assert_eq!(head.list("C").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(head.list("D").count(), 0);
    }

    #[tokio::test]
    async fn interim_answers_are_passed_over_and_101_is_none() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\nLink: x\n\n";
        for status in [101, 200, 502] {
            for at_once in [1, 1000] {
                let answer = format!("{interim}HTTP/1.1 {status} x\r\n\r\n");
                assert_eq!(read(&answer, at_once).await.unwrap().0.status, status);
            }
        }
        assert!(matches!(read(interim, 1).await, Err(HeadError::Closed)));
    }

    #[tokio::test]
    async fn all_heads_together_are_bounded() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        let last = "HTTP/1.1 200\r\n\r\n";
        let filled = |length: usize| {
            let value = "x".repeat(length - interim.len() - last.len() - "A:\r\n".len());
            format!("{interim}HTTP/1.1 200\r\nA:{value}\r\n\r\n")
        };
        for at_once in [1, 7, 5000] {
            assert_eq!(read(&filled(LONGEST), at_once).await.unwrap().0.status, 200);
            let result = read(&filled(LONGEST + 1), at_once).await;
            assert!(matches!(result, Err(HeadError::TooLong)));
            let result = read(&interim.repeat(100), at_once).await;
            assert!(matches!(result, Err(HeadError::TooLong)));
        }
    }

    #[tokio::test]
    async fn what_is_no_http_is_refused() {
        for answer in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 OK\r\n\r\n",
            "HTTP/1.1 20\r\n\r\n",
            "HTTP/1.1 099\r\n\r\n",
            "HTTP/1.1 2000\r\n\r\n",
            "HTTP/1.1 +20\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.x 200\r\n\r\n",
            "http/1.1 200\r\n\r\n",
            "HTTP/1.1 200\r\nno colon\r\n\r\n",
            "HTTP/1.1 200\r\n: no name\r\n\r\n",
            "HTTP/1.1 200\r\n folds nothing\r\n\r\n",
            "HTTP/1.1 200\r\nA: b\rc\r\n\r\n",
            "HTTP/1.1 200\r\nA: b\0\r\n\r\n",
        ] {
            let result = read(answer, 100).await;
            assert!(matches!(result, Err(HeadError::Malformed(_))), "{answer:?}");
        }
    }
}
