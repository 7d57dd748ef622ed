//! The heads of an upgrade.

use std::time::Duration;

use evenkeel_doctor::Time;

use crate::calendar::days;
use crate::grow;

/// The longest head that is read.
const HEAD: usize = 16 << 10;

/// A head, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Head {
    text: Vec<u8>,
    whole: bool,
}

impl Head {
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(super) fn held(&self) -> usize {
        self.text.capacity()
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Takes bytes in; once the head is whole, returns what follows it.
    pub(super) fn add<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        const END: &[u8] = b"\r\n\r\n";
        let before = self.text.len();
        let room = HEAD.saturating_sub(before).min(bytes.len());
        grow::extend(&mut self.text, bytes.get(..room)?, HEAD);
        let from = before.saturating_sub(END.len() - 1);
        let found = self.text.get(from..)?.windows(END.len()).position(|it| it == END);
        if let Some(at) = found {
            let end = from + at + END.len();
            self.text.truncate(end);
            self.whole = true;
            return bytes.get(end - before..);
        }
        if room < bytes.len() {
            self.give_up();
        }
        None
    }

    /// Its text is needed no more: it may hold a signature.
    pub(super) fn forget(&mut self) {
        self.text = Vec::new();
    }

    /// It will not become whole.
    pub(super) fn give_up(&mut self) {
        self.forget();
        self.whole = true;
    }
}

/// What a request to upgrade says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) mqtt: bool,
    /// The date and the life of a signature.
    pub(super) signed: Option<String>,
    pub(super) expires: Option<Time>,
}

impl Request {
    /// `None` if it asks for something else.
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(head);
        let (line, fields) = text.split_once("\r\n")?;
        let target = line.strip_prefix("GET ")?.split(' ').next()?;
        if !field(fields, "upgrade").any(|value| value.eq_ignore_ascii_case("websocket")) {
            return None;
        }
        let mut request = Self { mqtt: has_mqtt(fields), ..Self::default() };
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let date = parameter(query, "X-Amz-Date").filter(|date| is_date(date));
        if let Some(date) = date {
            let life = parameter(query, "X-Amz-Expires").and_then(|life| life.parse::<u32>().ok());
            request.expires = life.and_then(|life| expires(date, life));
            request.signed = Some(match life {
                Some(life) => format!("{date}+{life}"),
                None => date.into(),
            });
        }
        Some(request)
    }
}

/// What the answer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) mqtt: bool,
}

impl Answer {
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(head);
        let (line, fields) = text.split_once("\r\n")?;
        let status = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, mqtt: has_mqtt(fields) })
    }
}

/// The values of a field.
fn field<'a>(fields: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let fields = fields.lines().filter_map(|line| line.split_once(':'));
    let mine = fields.filter(move |(it, _)| it.eq_ignore_ascii_case(name));
    mine.flat_map(|(_, value)| value.split(',')).map(str::trim)
}

fn has_mqtt(fields: &str) -> bool {
    // Before the name was registered with a version there were names with one.
    field(fields, "sec-websocket-protocol").any(|name| name.eq_ignore_ascii_case("mqtt"))
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut all = query.split('&').filter_map(|parameter| parameter.split_once('='));
    all.find(|(it, _)| *it == name).map(|(_, value)| value)
}

/// `20260131T235959Z`.
fn is_date(date: &str) -> bool {
    date.len() == 16
        && date.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
}

fn expires(date: &str, life: u32) -> Option<Time> {
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let days = days(year, month, day)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Time(seconds * 1_000_000_000).plus(Duration::from_secs(life.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_request_says_until_when() {
        let head = b"GET /mqtt?X-Amz-Date=20240229T120000Z&X-Amz-Expires=60&X-Amz-Signature=abc \
            HTTP/1.1\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: x, mqtt\r\n\r\n";
        let request = Request::read(head).unwrap();
        assert!(request.mqtt);
        assert_eq!(request.signed.as_deref(), Some("20240229T120000Z+60"));
        assert_eq!(request.expires, Some(Time(1_709_208_060_000_000_000)));
    }

    #[test]
    fn other_requests_are_told_apart() {
        assert_eq!(Request::read(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), None);
        let request = Request::read(b"GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\n");
        assert_eq!(request, Some(Request::default()));
    }

    #[test]
    fn an_answer_has_its_status() {
        let answer = Answer::read(b"HTTP/1.1 403 Forbidden\r\n\r\n");
        assert_eq!(answer, Some(Answer { status: 403, mqtt: false }));
        let answer = Answer::read(b"HTTP/1.1 101 x\r\nSec-WebSocket-Protocol:mqtt\r\n\r\n");
        assert_eq!(answer, Some(Answer { status: 101, mqtt: true }));
        assert_eq!(Answer::read(b"SSH-2.0 x\r\n\r\n"), None);
    }

    #[test]
    fn heads_come_in_any_pieces_and_have_a_limit() {
        let all = b"GET / HTTP/1.1\r\n\r\nrest";
        for cut in 0..all.len() - 4 {
            let mut head = Head::default();
            let (one, other) = all.split_at(cut);
            assert_eq!(head.add(one), None);
            assert_eq!(head.add(other), Some(&b"rest"[..]), "{cut}");
            assert_eq!(head.text(), &all[..18]);
        }
        let mut head = Head::default();
        assert_eq!(head.add(&[b'x'; HEAD]), None);
        assert!(!head.is_whole());
        assert_eq!(head.add(b"x"), None);
        assert!(head.is_whole());
        assert_eq!(head.held(), 0);
    }
}
