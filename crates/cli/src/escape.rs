//! Text from peers and messages, made harmless for a terminal (S3).
//!
//! Control characters move the cursor, change titles and answer for the user;
//! bidirectional controls show a text in another order than it is. On a
//! terminal they appear as `\u001b`, which is also how JSON writes them, and
//! bytes that are no UTF-8 as `\x9b`. Newline, tab and all that can be seen stay.

use std::borrow::Cow;
use std::fmt::Write;

/// What a terminal may be given of this text.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    push(&mut escaped, text);
    Cow::Owned(escaped)
}

/// The same for a text within one line: nothing in it ends the line, or moves in it.
pub(crate) fn line(line: &str) -> String {
    text(line).replace('\n', "\\u000a").replace('\t', "\\u0009")
}

/// As [`text`], for bytes, which need not be UTF-8.
pub(crate) fn bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(is_control)) {
        return Cow::Borrowed(bytes);
    }
    let mut escaped = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        push(&mut escaped, chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\x{byte:02x}");
        }
    }
    Cow::Owned(escaped.into_bytes())
}

fn push(escaped: &mut String, text: &str) {
    for character in text.chars() {
        if is_control(character) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
}

/// C0 and C1 except for newline and tab, DEL, and the bidirectional controls.
const fn is_control(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{061c}' | '\u{200e}' | '\u{200f}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => character.is_ascii_control() || matches!(character, '\u{80}'..='\u{9f}'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_is_escaped_and_nothing_else() {
        let mut escaped = Vec::new();
        for character in '\0'..='\u{ffff}' {
            let given = character.to_string();
            match text(&given) {
                Cow::Borrowed(same) => assert_eq!(same, given),
                Cow::Owned(other) => {
                    assert_eq!(other, format!("\\u{:04x}", u32::from(character)));
                    escaped.push(u32::from(character));
                }
            }
        }
        let c0 = (0..0x20).filter(|code| ![0x09, 0x0a].contains(code));
        let bidirectional = [0x61c, 0x200e, 0x200f].into_iter();
        let bidirectional = bidirectional.chain(0x202a..=0x202e).chain(0x2066..=0x2069);
        let expected: Vec<u32> = c0.chain(0x7f..=0x9f).chain(bidirectional).collect();
        assert_eq!(escaped, expected);
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_shown_by_number() {
        let given = b"a\x9b31m\xe9\xc3\xa9\x1b]0;title\x07";
        let shown = "a\\x9b31m\\xe9\u{e9}\\u001b]0;title\\u0007";
        assert_eq!(bytes(given).as_ref(), shown.as_bytes());
        assert!(matches!(bytes("plain: \u{e9}\n".as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn a_line_of_json_stays_json() {
        let line = serde_json::json!({"topic": "a\u{202e}b\u{9b}c\u{7f}\u{1b}"}).to_string();
        let shown = text(&line);
        assert!(shown.is_ascii());
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["topic"], "a\u{202e}b\u{9b}c\u{7f}\u{1b}");
    }
}
