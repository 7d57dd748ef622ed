//! Queries of URLs, and of the user names that carry one.

use std::fmt;

/// Most parameters that are read.
const PARAMETERS: usize = 64;

/// The parameters of a query, decoded, in the order of the text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

/// Why a text is no query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryProblem {
    /// `%` without two hexadecimal digits, or with bytes that are no UTF-8.
    Escape,
    /// More parameters than are read.
    TooMany,
}

impl fmt::Display for QueryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escape => f.write_str("a malformed escape; hint: %25 is a percent sign"),
            Self::TooMany => write!(f, "more than {PARAMETERS} parameters"),
        }
    }
}

impl std::error::Error for QueryProblem {}

impl Query {
    /// Reads `a=b&c=d`. A plus sign is a plus sign: it occurs in signatures and
    /// tokens that are not escaped.
    pub(crate) fn parse(text: &str) -> Result<Self, QueryProblem> {
        let parts = text.split('&').filter(|part| !part.is_empty());
        let mut pairs = Vec::new();
        for part in parts {
            if pairs.len() == PARAMETERS {
                return Err(QueryProblem::TooMany);
            }
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self(pairs))
    }

    /// All parameters.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs().filter(move |(found, _)| *found == name).map(|(_, value)| value)
    }
}

/// The text with its escapes replaced.
pub(crate) fn decode(text: &str) -> Result<String, QueryProblem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(QueryProblem::Escape);
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_error| QueryProblem::Escape)
}

/// The text with all but unreserved characters escaped, as signatures of AWS
/// want it.
pub(super) fn encode(text: &str, keep: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let letter = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(letter) || keep.contains(letter) {
            encoded.push(letter);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_replaced_and_plus_is_kept() {
        let query = Query::parse("a=b%2Fc+d&&a=2&empty&x%3D=%c3%A4=").unwrap();
        let pairs: Vec<_> = query.pairs().collect();
        assert_eq!(pairs, [("a", "b/c+d"), ("a", "2"), ("empty", ""), ("x=", "ä=")]);
        assert_eq!(query.all("a").count(), 2);
        assert_eq!(query.all("b").count(), 0);
    }

    #[test]
    fn malformed_escapes_and_crowds_are_refused() {
        for text in ["a=%", "a=%4", "%zz=1", "a=%ff", "a=%-1"] {
            assert_eq!(Query::parse(text).err(), Some(QueryProblem::Escape), "{text}");
        }
        assert!(Query::parse(&"a=1&".repeat(PARAMETERS)).is_ok());
        let crowd = Query::parse(&"a=1&".repeat(PARAMETERS + 1));
        assert_eq!(crowd.err(), Some(QueryProblem::TooMany));
    }

    #[test]
    fn encoding_keeps_unreserved_characters() {
        assert_eq!(encode("aZ0-._~ /+=%ä", ""), "aZ0-._~%20%2F%2B%3D%25%C3%A4");
        assert_eq!(encode("/mqtt/a b", "/"), "/mqtt/a%20b");
    }
}
