//! Names that were asked for, and what came of it.

use super::Host;
use crate::capture::cursor::Cursor;

/// A query or an answer with one question, as resolvers send them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::capture) struct Dns {
    pub(in crate::capture) id: u16,
    /// The name, in lower case, without the last dot.
    pub(in crate::capture) name: String,
    /// It asks for an address of IPv6. Many names have none, and servers that
    /// fail at these alone.
    pub(in crate::capture) v6: bool,
    /// `None` for a query.
    pub(in crate::capture) answer: Option<Resolution>,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::capture) enum Resolution {
    /// The addresses; none if the name has others than were asked for.
    Addresses(Vec<Host>),
    /// There is no such name, or the server failed.
    Failed,
}

/// Addresses of one answer that are kept.
const ADDRESSES: usize = 16;
/// Records of one answer that are read.
const RECORDS: usize = 64;

impl Dns {
    pub(in crate::capture) fn read(message: &[u8]) -> Option<Self> {
        let mut rest = Cursor(message);
        let (id, flags) = (rest.u16()?, rest.u16()?);
        let (questions, answers) = (rest.u16()?, rest.u16()?);
        rest.take(4)?;
        // A standard query with one question.
        if questions != 1 || flags >> 11 & 0x0F != 0 {
            return None;
        }
        let name = name(&mut rest)?;
        let (kind, class) = (rest.u16()?, rest.u16()?);
        if class != 1 || !matches!(kind, 1 | 28) {
            return None;
        }
        let answer = match (flags >> 15, flags & 0x0F) {
            (0, _) => None,
            (_, 0) => Some(Resolution::Addresses(addresses(rest, answers.into()))),
            (_, 2 | 3) => Some(Resolution::Failed),
            _ => return None,
        };
        Some(Self { id, name, v6: kind == 28, answer })
    }
}

/// A name that is not abbreviated.
fn name(rest: &mut Cursor<'_>) -> Option<String> {
    let mut name = String::new();
    loop {
        let label = match rest.u8()? {
            0 => return Some(name),
            len if len < 64 => rest.take(len.into())?,
            _ => return None,
        };
        if !name.is_empty() {
            name.push('.');
        }
        let plain = label.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'.');
        if !plain || name.len() + label.len() > 253 {
            return None;
        }
        name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
    }
}

fn addresses(mut rest: Cursor<'_>, answers: usize) -> Vec<Host> {
    let mut all = Vec::new();
    for _ in 0..answers.min(RECORDS) {
        let Some((kind, data)) = record(&mut rest) else { break };
        let host = match (kind, data.len()) {
            (1, 4) => data.first_chunk().map(|bytes| Host::v4(*bytes)),
            (28, 16) => data.first_chunk().map(|bytes| Host::v6(*bytes)),
            _ => None,
        };
        all.extend(host);
        if all.len() == ADDRESSES {
            break;
        }
    }
    all
}

fn record<'a>(rest: &mut Cursor<'a>) -> Option<(u16, &'a [u8])> {
    // The name of a record: labels, an abbreviation, or both.
    loop {
        match rest.u8()? {
            0 => break,
            len if len < 64 => {
                rest.take(len.into())?;
            }
            _ => {
                rest.u8()?;
                break;
            }
        }
    }
    let kind = rest.u16()?;
    rest.take(6)?;
    Some((kind, rest.after_u16()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: u16, kind: u16, answers: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = vec![0, 7];
        message.extend(flags.to_be_bytes());
        message.extend([0, 1, 0, answers.len() as u8, 0, 0, 0, 0]);
        message.extend(b"\x06Broker\x04test\x00");
        message.extend(kind.to_be_bytes());
        message.extend([0, 1]);
        for (kind, data) in answers {
            message.extend([0xC0, 12]);
            message.extend(kind.to_be_bytes());
            message.extend([0, 1, 0, 0, 0, 9, 0, data.len() as u8]);
            message.extend_from_slice(data);
        }
        message
    }

    #[test]
    fn a_query_and_its_answers() {
        let dns = Dns::read(&message(0x0100, 1, &[])).unwrap();
        assert_eq!(dns, Dns { id: 7, name: "broker.test".into(), v6: false, answer: None });
        let answer = |bytes: &[u8]| Dns::read(bytes).unwrap().answer.unwrap();
        let alias = (5, &b"\x01x\xC0\x0C"[..]);
        let good = message(0x8180, 1, &[alias, (1, &[10, 0, 0, 9])]);
        assert_eq!(answer(&good), Resolution::Addresses(vec![Host::v4([10, 0, 0, 9])]));
        let six = message(0x8180, 28, &[(28, &[0xFD; 16])]);
        assert_eq!(answer(&six), Resolution::Addresses(vec![Host::v6([0xFD; 16])]));
        for code in [2, 3] {
            assert_eq!(answer(&message(0x8180 | code, 1, &[])), Resolution::Failed);
        }
        assert_eq!(Dns::read(&message(0x8185, 1, &[])), None);
        assert_eq!(Dns::read(&message(0x0100, 15, &[])), None);
        for end in 0..good.len() {
            let _ = Dns::read(&good[..end]);
        }
    }

    #[test]
    fn names_that_terminals_would_not_like_are_no_names() {
        let mut message = message(0x0100, 1, &[]);
        message[14] = 0x1B;
        assert_eq!(Dns::read(&message), None);
    }
}
