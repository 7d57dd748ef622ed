//! Bytes to lines, and lines out of what other programs wrap around them.

use std::borrow::Cow;
use std::io::BufRead;

use super::clock::Stamp;
use super::json::{self, Json};

/// The longest line that is read, in bytes. A longer one is counted, not read.
pub(crate) const LONGEST: usize = 64 << 10;

/// Cuts bytes into lines, whatever the pieces in which they come.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
    /// The line that has begun is too long: its rest is dropped.
    skipping: bool,
    /// The number of the newest line, from 1.
    pub(crate) number: u64,
    /// Lines that were too long.
    pub(crate) too_long: u64,
}

impl Lines {
    /// Gives every line that is whole to `each`, with its number.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(u64, &[u8])) {
        while let Some((line, after)) = first_line(bytes) {
            bytes = after;
            self.number = self.number.saturating_add(1);
            if self.skipping || self.rest.len().saturating_add(line.len()) > LONGEST {
                self.too_long = self.too_long.saturating_add(1);
                self.skipping = false;
            } else if self.rest.is_empty() {
                each(self.number, line);
            } else {
                self.rest.extend_from_slice(line);
                each(self.number, &self.rest);
            }
            self.rest.clear();
        }
        if self.skipping || self.rest.len().saturating_add(bytes.len()) > LONGEST {
            self.skipping = true;
            self.rest.clear();
        } else {
            self.rest.extend_from_slice(bytes);
        }
    }

    /// The last line, if nothing ends it.
    pub(crate) fn end(&mut self, mut each: impl FnMut(u64, &[u8])) {
        if self.skipping {
            self.number = self.number.saturating_add(1);
            self.too_long = self.too_long.saturating_add(1);
        } else if !self.rest.is_empty() {
            self.number = self.number.saturating_add(1);
            each(self.number, &self.rest);
        }
        (self.skipping, self.rest) = (false, Vec::new());
    }
}

/// The first line, without its end, and what follows; `None` if nothing ends it.
fn first_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut after = bytes;
    // It looks at many bytes at a time.
    let length = after.skip_until(b'\n').ok()?;
    Some((bytes.get(..length)?.strip_suffix(b"\n")?, after))
}

/// A line without what is wrapped around it.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    whole: Cow<'a, str>,
    from: usize,
    /// The time before the text: the innermost that says the most.
    pub(crate) stamp: Option<Stamp>,
}

impl<'a> Line<'a> {
    /// Takes colours, the wrappers of containers and services, and the time off.
    pub(crate) fn read(raw: &'a [u8]) -> Self {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let whole = without_colour(String::from_utf8_lossy(raw));
        let (whole, outer) = match without_json(&whole) {
            Some((inner, stamp)) => (Cow::Owned(inner), stamp),
            None => (whole, None),
        };
        let mut line = Self { whole, from: 0, stamp: outer };
        line.skip_compose();
        while let Some((stamp, length)) = Stamp::read(line.text()) {
            // A time of day, or since boot, says less than a date before it.
            let better = line.stamp.is_none_or(|known| stamp.is_dated() || !known.is_dated());
            let first = line.stamp.is_none();
            if better {
                line.stamp = Some(stamp);
            }
            line.skip(length);
            line.skip_service();
            if !first {
                break;
            }
        }
        line
    }

    /// What the program itself wrote.
    pub(crate) fn text(&self) -> &str {
        self.whole.get(self.from..).unwrap_or_default()
    }

    fn skip(&mut self, length: usize) {
        self.from = self.from.saturating_add(length);
    }

    /// `name  | ` of Docker Compose.
    fn skip_compose(&mut self) {
        let Some(name) = before(self.text(), '|', " ") else { return };
        let word = name.trim_end();
        if word.len() < name.len() && !word.is_empty() && !word.contains([' ', '{', '"', '[']) {
            self.skip(name.len().saturating_add(2));
        }
    }

    /// `host unit[pid]: ` of syslog and journald, `stdout F ` of Kubernetes.
    fn skip_service(&mut self) {
        let text = self.text();
        for stream in ["stdout F ", "stderr F ", "stdout P ", "stderr P "] {
            if text.starts_with(stream) {
                return self.skip(stream.len());
            }
        }
        let Some(head) = before(text, ']', ": ") else { return };
        let Some((unit, pid)) = head.rsplit_once('[') else { return };
        // `OpenSSL Error[0]: ` is the broker's own text.
        let a_unit = unit.split(' ').count() <= 2
            && !unit.contains(['[', '{', '"', ':'])
            && !unit.ends_with(" Error");
        if a_unit && !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) {
            self.skip(head.len().saturating_add(3));
        }
    }
}

/// What stands before a sign and what follows it; one byte is looked for, as most
/// lines do not have it.
fn before<'a>(text: &'a str, sign: char, after: &str) -> Option<&'a str> {
    let mut signs = text.match_indices(sign);
    let follows = |(at, sign): &(usize, &str)| {
        let rest = text.get(at.saturating_add(sign.len())..);
        rest.is_some_and(|rest| rest.starts_with(after))
    };
    let (at, _) = signs.find(follows)?;
    text.get(..at)
}

/// Without escape sequences of terminals.
fn without_colour(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\u{1b}' {
            plain.push(char);
        } else if chars.next() == Some('[') {
            // Until the letter that ends the sequence.
            let _ = chars.find(|char| ('@'..='~').contains(char));
        }
    }
    Cow::Owned(plain)
}

/// A sign of a wrapper, and its fields with the text and its time: of Docker's log
/// files, of `journalctl -o json`, of Google's Cloud Logging.
const WRAPPERS: [(&str, &str, &str); 3] = [
    ("{\"log\":", "log", "time"),
    ("\"__REALTIME_TIMESTAMP\"", "MESSAGE", "__REALTIME_TIMESTAMP"),
    ("\"textPayload\"", "textPayload", "timestamp"),
];

/// A sign with its brace is the beginning; the others have no place of their own.
fn has(line: &str, sign: &str) -> bool {
    if sign.starts_with('{') { line.starts_with(sign) } else { line.contains(sign) }
}

/// The text within a JSON wrapper: a line of a collector of logs, one event in
/// what `aws logs` prints, a field of a CSV file.
fn without_json(text: &str) -> Option<(String, Option<Stamp>)> {
    let trimmed = text.trim_start();
    if trimmed.starts_with('{')
        && let Some((_, text, time)) = WRAPPERS.iter().find(|(sign, ..)| has(trimmed, sign))
    {
        let value = Json::read(trimmed)?;
        let inner = value.get(text)?.as_str()?.trim_end();
        let inner = without_colour(inner.into()).into_owned();
        return Some((inner, json::time(&value, time)));
    }
    if let Some(rest) = trimmed.strip_prefix("\"message\": ") {
        let inner: String = serde_json::from_str(rest.trim_end_matches([',', ' '])).ok()?;
        return Some((inner, None));
    }
    // Most lines have no quote at all.
    let quoted = text.get(text.find('"')?..)?;
    let from = text.len().checked_sub(quoted.len())?.checked_add(quoted.find("\"{\"\"")?)?;
    let to = text.rfind("}\"")?;
    Some((text.get(from.checked_add(1)?..=to)?.replace("\"\"", "\""), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> (Vec<(u64, String)>, u64) {
        let (mut all, mut lines) = (Vec::new(), Lines::default());
        let mut each =
            |number: u64, line: &[u8]| all.push((number, String::from_utf8(line.into()).unwrap()));
        for piece in pieces {
            lines.feed(piece, &mut each);
        }
        lines.end(&mut each);
        (all, lines.too_long)
    }

    #[test]
    fn lines_come_whole_whatever_the_pieces() {
        let expected = vec![(1, "one".into()), (2, String::new()), (3, "three".into())];
        assert_eq!(lines(&[b"one\n\nthree\n"]), (expected.clone(), 0));
        assert_eq!(lines(&[b"o", b"ne", b"\n\nth", b"ree"]), (expected, 0));
    }

    #[test]
    fn a_line_past_the_bound_is_counted_and_left_out() {
        let fits = vec![b'a'; LONGEST];
        let (read, too_long) = lines(&[&fits, b"\nb\n"]);
        assert_eq!((read.len(), too_long), (2, 0));
        let (read, too_long) = lines(&[&fits, b"a", b"a\nb\n"]);
        assert_eq!((read, too_long), (vec![(2, "b".into())], 1));
        let (read, too_long) = lines(&[b"b\n", &fits, b"a"]);
        assert_eq!((read, too_long), (vec![(1, "b".into())], 1));
    }

    #[track_caller]
    fn text(raw: &str) -> (String, bool) {
        let line = Line::read(raw.as_bytes());
        (line.text().into(), line.stamp.is_some())
    }

    #[test]
    fn wrappers_come_off() {
        for wrapped in [
            "2026-01-02T03:04:05: hello [x]: y",
            "1767322445: hello [x]: y",
            "Jan  2 03:04:05 host mosquitto[12]: hello [x]: y",
            "Jan  2 03:04:05 host mosquitto[12]: 1767322445: hello [x]: y",
            "2026-01-02T03:04:05+0000 host mosquitto[12]: hello [x]: y",
            "2026-01-02T03:04:05.123456789Z stdout F hello [x]: y",
            "2026-01-02T03:04:05.123456789Z stderr F 1767322445: hello [x]: y",
            "broker-1  | 1767322445: hello [x]: y",
            "\u{1b}[0;32m[03:04:05]\u{1b}[0m hello [x]: y\r",
            r#"{"log":"1767322445: hello [x]: y\n","stream":"stderr","time":"2026-01-02T03:04:05.1Z"}"#,
        ] {
            assert_eq!(text(wrapped), ("hello [x]: y".into(), true), "{wrapped}");
        }
    }

    #[test]
    fn the_time_that_says_most_is_used() {
        let outer = "2026-01-02T03:04:05.123Z 03:04:05 hello";
        let line = Line::read(outer.as_bytes());
        assert_eq!(line.stamp, Stamp::read("2026-01-02T03:04:05.123Z").map(|it| it.0));
        let inner = "Jan  2 03:04:05 host m[1]: 2026-01-02T03:04:05.5Z hello";
        let line = Line::read(inner.as_bytes());
        assert_eq!(line.stamp, Stamp::read("2026-01-02T03:04:05.5Z").map(|it| it.0));
        assert_eq!(line.text(), "hello");
    }

    #[test]
    fn what_collectors_of_logs_wrap_around_a_line() {
        let time = Stamp::read("2026-01-02T03:04:05.123456Z").map(|it| it.0);
        for outer in [
            r#"{"log":"hello\n","stream":"stderr","time":"2026-01-02T03:04:05.123456Z"}"#,
            r#"{"_COMM":"m","__REALTIME_TIMESTAMP":"1767323045123456","MESSAGE":"hello"}"#,
            r#"{ "MESSAGE" : "\u001b[32mhello", "__REALTIME_TIMESTAMP" : "1767323045123456" }"#,
            r#"{"textPayload":"hello","timestamp":"2026-01-02T03:04:05.123456Z"}"#,
        ] {
            let line = Line::read(outer.as_bytes());
            assert_eq!((line.text(), line.stamp), ("hello", time), "{outer}");
        }
        // A text that is none: journald writes bytes as numbers.
        let bytes = r#"{"MESSAGE":[104,105],"__REALTIME_TIMESTAMP":"1767323045123456"}"#;
        assert_eq!(text(bytes).0, bytes);
        // Docker's comes first; within another object it is somebody's own field.
        let own = r#"{"a":{"log":1},"log":"x","time":"2026-01-02T03:04:05Z"}"#;
        assert_eq!(text(own).0, own);
    }

    #[test]
    fn json_within_other_texts_is_found() {
        let cli = r#"            "message": "{\"a\":\"b\"}","#;
        assert_eq!(text(cli).0, r#"{"a":"b"}"#);
        let csv = r#""2026-01-02 03:04:05","{""a"":""b""}""#;
        assert_eq!(text(csv).0, r#"{"a":"b"}"#);
        assert_eq!(text(r#"{"log":5}"#).0, r#"{"log":5}"#);
    }
}
