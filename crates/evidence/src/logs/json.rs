//! Fields of logs in JSON.

use std::borrow::Cow;

use serde_json::Value;

use super::clock::{Stamp, When};

/// A text field; empty if there is none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A number, also one that is written as text.
pub(crate) fn number<T: TryFrom<u64>>(value: &Value, key: &str) -> Option<T> {
    let field = value.get(key)?;
    let number = field.as_u64().or_else(|| field.as_str()?.parse().ok())?;
    T::try_from(number).ok()
}

pub(crate) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// An object within, also one that is text in JSON.
pub(crate) fn inner<'a>(value: &'a Value, key: &str) -> Option<Cow<'a, Value>> {
    match value.get(key)? {
        Value::String(text) => serde_json::from_str(text).ok().map(Cow::Owned),
        other => Some(Cow::Borrowed(other)),
    }
}

/// A time: text, or seconds, milliseconds, microseconds or nanoseconds since
/// 1970, told apart by their size.
pub(crate) fn time(value: &Value, key: &str) -> Option<Stamp> {
    let field = value.get(key)?;
    if let Some(text) = field.as_str()
        && let Some((stamp, _)) = Stamp::read(text)
    {
        return Some(stamp);
    }
    let number: i64 = number::<u64>(value, key)?.try_into().ok()?;
    let unit: u32 = match number.checked_ilog10() {
        None | Some(..11) => 1_000_000_000,
        Some(11..14) => 1_000_000,
        Some(14..17) => 1_000,
        Some(17..) => 1,
    };
    let when = When::Dated(number.saturating_mul(unit.into()));
    Some(Stamp { when, resolution: unit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_of_every_size_are_one_instant() {
        let expected = When::Dated(1_767_323_045_000_000_000);
        for value in [
            json!(1_767_323_045_u64),
            json!(1_767_323_045_000_u64),
            json!(1_767_323_045_000_000_u64),
            json!(1_767_323_045_000_000_000_u64),
            json!("1767323045000"),
            json!("2026-01-02T03:04:05Z"),
        ] {
            let stamp = time(&json!({ "t": value }), "t").expect("a time");
            assert_eq!(stamp.when, expected, "{value}");
        }
        for value in [json!(null), json!("x"), json!(-1), json!(1.5), json!(u64::MAX)] {
            assert_eq!(time(&json!({ "t": value }), "t"), None, "{value}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_none() {
        assert_eq!(number::<u8>(&json!({ "n": 255 }), "n"), Some(255));
        assert_eq!(number::<u8>(&json!({ "n": 256 }), "n"), None);
        assert_eq!(number::<u8>(&json!({ "n": "7" }), "n"), Some(7));
        assert_eq!(number::<u8>(&json!([]), "n"), None);
    }
}
