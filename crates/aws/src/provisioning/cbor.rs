//! CBOR (RFC 8949), as far as JSON reaches: no bytes, no tags but ignored ones.

use serde_json::{Map, Number, Value};

/// How deep items may nest.
const LEVELS: usize = 32;

/// Writes a value.
pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_item(value, &mut bytes);
    bytes
}

fn write_item(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(value) => out.push(if *value { 0xf5 } else { 0xf4 }),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            write_head(4, items.len() as u64, out);
            items.iter().for_each(|item| write_item(item, out));
        }
        Value::Object(members) => {
            write_head(5, members.len() as u64, out);
            for (key, member) in members {
                write_text(key, out);
                write_item(member, out);
            }
        }
    }
}

fn write_number(number: &Number, out: &mut Vec<u8>) {
    if let Some(number) = number.as_u64() {
        write_head(0, number, out);
    } else if let Some(number) = number.as_i64() {
        write_head(1, !number.cast_unsigned(), out);
    } else {
        out.push(0xfb);
        out.extend(number.as_f64().unwrap_or(f64::NAN).to_be_bytes());
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_head(3, text.len() as u64, out);
    out.extend(text.as_bytes());
}

/// The major type and its argument, in the fewest bytes.
fn write_head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let bytes = argument.to_be_bytes();
    let (info, length) = match argument {
        0..24 => (bytes[7], 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | info);
    out.extend(bytes.iter().skip(8 - length));
}

/// Reads one item that is all of the bytes.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader { rest: bytes };
    let value = reader.item(0)?;
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// The argument of a head; `None` for an item of indefinite length.
type Argument = Option<u64>;

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn head(&mut self) -> Option<(u8, u8, Argument)> {
        let first = *self.take(1)?.first()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let length = match info {
            0..24 => return Some((major, info, Some(u64::from(info)))),
            24..=27 => 1 << (info - 24),
            31 => return Some((major, info, None)),
            _ => return None,
        };
        let bytes = self.take(length)?;
        let argument = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Some((major, info, Some(argument)))
    }

    fn item(&mut self, depth: usize) -> Option<Value> {
        if depth > LEVELS {
            return None;
        }
        let (major, info, argument) = self.head()?;
        match (major, argument) {
            (0, Some(number)) => Some(number.into()),
            (1, Some(number)) => Some((!i64::try_from(number).ok()?).into()),
            (3, length) => self.text(length).map(Value::String),
            (4, count) => self.array(count, depth),
            (5, count) => self.object(count, depth),
            (6, Some(_)) => self.item(depth + 1),
            (7, Some(bits)) => simple(info, bits),
            _ => None,
        }
    }

    fn text(&mut self, length: Argument) -> Option<String> {
        if let Some(length) = length {
            let bytes = self.take(usize::try_from(length).ok()?)?;
            return std::str::from_utf8(bytes).ok().map(ToOwned::to_owned);
        }
        let mut text = String::new();
        while !self.ends() {
            let (3, _, chunk @ Some(_)) = self.head()? else { return None };
            text.push_str(&self.text(chunk)?);
        }
        Some(text)
    }

    fn array(&mut self, count: Argument, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        while self.has_more(count, items.len()) {
            items.push(self.item(depth + 1)?);
        }
        Some(Value::Array(items))
    }

    fn object(&mut self, count: Argument, depth: usize) -> Option<Value> {
        let mut members = Map::new();
        let mut read = 0;
        while self.has_more(count, read) {
            let (3, _, length) = self.head()? else { return None };
            let key = self.text(length)?;
            members.insert(key, self.item(depth + 1)?);
            read += 1;
        }
        Some(Value::Object(members))
    }

    /// True if another item of an array or object follows.
    fn has_more(&mut self, count: Argument, read: usize) -> bool {
        match count {
            Some(count) => (read as u64) < count,
            None => !self.ends(),
        }
    }

    /// Takes the break that ends an item of indefinite length.
    fn ends(&mut self) -> bool {
        let ends = self.rest.first() == Some(&0xff);
        if ends {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        ends
    }
}

fn simple(info: u8, bits: u64) -> Option<Value> {
    match info {
        20 => Some(false.into()),
        21 => Some(true.into()),
        22 | 23 => Some(Value::Null),
        26 => {
            let float = f32::from_bits(u32::try_from(bits).ok()?);
            Number::from_f64(f64::from(float)).map(Value::Number)
        }
        27 => Number::from_f64(f64::from_bits(bits)).map(Value::Number),
        _ => None,
    }
}
