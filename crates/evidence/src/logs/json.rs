//! Fields of logs in JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::clock::{Stamp, When};

/// A value: its texts are those of the line, if they have no escapes in them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Flag(bool),
    Number(u64),
    /// A number below 0, or one that is not whole.
    Real(f64),
    Text(Cow<'a, str>),
    /// No log has anything in lists that is read.
    List,
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Json<'a> {
    /// The value that a text is; `None` if it is none.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// A field of an object: the last one of this name.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn as_u64(&self) -> Option<u64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

/// A key, borrowed if it can be.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match from.deserialize_str(Reader)? {
            Json::Text(text) => Ok(Self(text)),
            _ => Err(Error::custom("a key is a text")),
        }
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json<'de>, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(u64::try_from(number).map_or(Json::Real(number as f64), Json::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Real(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Json::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        // No room in advance: a line may have thousands of empty ones.
        let mut fields = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            fields.push((key, value));
        }
        Ok(Json::Object(fields))
    }
}

/// A text field; empty if there is none.
pub(crate) fn text<'a>(value: &'a Json<'_>, key: &str) -> &'a str {
    value.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// A number, also one that is written as text.
pub(crate) fn number<T: TryFrom<u64>>(value: &Json<'_>, key: &str) -> Option<T> {
    let field = value.get(key)?;
    let number = field.as_u64().or_else(|| field.as_str()?.parse().ok())?;
    T::try_from(number).ok()
}

pub(crate) fn flag(value: &Json<'_>, key: &str) -> bool {
    value.get(key) == Some(&Json::Flag(true))
}

/// An object within, also one that is text in JSON.
pub(crate) fn inner<'a>(value: &'a Json<'_>, key: &str) -> Option<Cow<'a, Json<'a>>> {
    match value.get(key)? {
        Json::Text(text) => Json::read(text).map(Cow::Owned),
        other => Some(Cow::Borrowed(other)),
    }
}

/// A time: text, or seconds, milliseconds, microseconds or nanoseconds since
/// 1970, told apart by their size.
pub(crate) fn time(value: &Json<'_>, key: &str) -> Option<Stamp> {
    let field = value.get(key)?;
    if let Some(text) = field.as_str()
        && !text.bytes().all(|byte| byte.is_ascii_digit())
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

    #[track_caller]
    fn read(text: &str) -> Json<'_> {
        Json::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn values_are_those_that_another_reader_sees() {
        let text =
            r#" {"a":"b\"c","d":[1,{"e":2}],"f":{"g":null},"h":-1,"i":1.5,"j":true,"a":"z"} "#;
        let (value, other) = (read(text), serde_json::from_str::<serde_json::Value>(text).unwrap());
        for key in ["a", "d", "f", "h", "i", "j", "k"] {
            let (value, other) = (value.get(key), other.get(key));
            assert_eq!(value.is_some(), other.is_some(), "{key}");
            let (Some(value), Some(other)) = (value, other) else { continue };
            assert_eq!(value.as_str(), other.as_str(), "{key}");
            assert_eq!(value.as_u64(), other.as_u64(), "{key}");
            assert_eq!(value.as_f64(), other.as_f64(), "{key}");
            assert_eq!(*value == Json::Flag(true), other.as_bool() == Some(true), "{key}");
        }
        assert_eq!(read(r#""b\"c""#), Json::Text("b\"c".into()));
        assert_eq!(value.get("f").and_then(|it| it.get("g")), Some(&Json::Null));
        let deep = "[".repeat(4000);
        for text in ["", "{", "{\"a\":}", "{1:2}", "[1", "\"a", "x", "{} {}", &deep] {
            assert_eq!(Json::read(text), None, "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err());
        }
    }

    #[test]
    fn times_of_every_size_are_one_instant() {
        let expected = When::Dated(1_767_323_045_000_000_000);
        for value in [
            "1767323045",
            "1767323045000",
            "1767323045000000",
            "1767323045000000000",
            r#""1767323045000""#,
            r#""2026-01-02T03:04:05Z""#,
        ] {
            let text = format!(r#"{{"t":{value}}}"#);
            let stamp = time(&read(&text), "t").expect("a time");
            assert_eq!(stamp.when, expected, "{value}");
        }
        for value in ["null", r#""x""#, "-1", "1.5", "18446744073709551615"] {
            let text = format!(r#"{{"t":{value}}}"#);
            assert_eq!(time(&read(&text), "t"), None, "{value}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_none() {
        assert_eq!(number::<u8>(&read(r#"{"n":255}"#), "n"), Some(255));
        assert_eq!(number::<u8>(&read(r#"{"n":256}"#), "n"), None);
        assert_eq!(number::<u8>(&read(r#"{"n":"7"}"#), "n"), Some(7));
        assert_eq!(number::<u8>(&read("[]"), "n"), None);
    }
}
