//! Small readers for the texts of lines.

use std::str::FromStr;

/// What stands between two texts.
pub(crate) fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(found, _)| found)
}

/// The number that a text begins with.
pub(crate) fn number<T: FromStr>(text: &str) -> Option<T> {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// The number after a text, such as 7 in `rc 7` after `rc `.
pub(crate) fn number_after<T: FromStr>(text: &str, key: &str) -> Option<T> {
    number(text.split_once(key)?.1)
}

/// The number with or without a sign after a text.
pub(crate) fn signed_after(text: &str, key: &str) -> Option<i32> {
    let (_, rest) = text.split_once(key)?;
    let end = rest
        .char_indices()
        .find(|(at, char)| !(char.is_ascii_digit() || (*at == 0 && *char == '-')))
        .map_or(rest.len(), |(at, _)| at);
    rest.get(..end)?.parse().ok()
}

/// The first word.
pub(crate) fn word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// Without the quotes around it.
pub(crate) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    for quote in ['\'', '"', '`'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

/// Host and port of a URL, without what may be secret: user, password, path
/// and query.
pub(crate) fn host_of_url(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#', ' ', '\'', '"', ',']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// The pairs of an object as Node prints it: `{ cmd: 'publish', qos: 1 }`, on
/// one line or on several. A nested object is one value.
pub(crate) fn inspected(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let inner = text.split_once('{').map_or("", |(_, rest)| rest);
    let mut rest = inner;
    core::iter::from_fn(move || {
        let (key, after) = rest.split_once(':')?;
        let end = value_end(after);
        let value = after.get(..end)?;
        rest = after.get(end..)?.trim_start_matches([',', ' ', '\n']);
        Some((unquoted(key), value.trim()))
    })
}

/// Where a value ends: at a comma or a bracket that is not within it.
fn value_end(text: &str) -> usize {
    let (mut depth, mut quote, mut escaped) = (0_u32, None, false);
    for (at, char) in text.char_indices() {
        match (quote, char) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == char => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(char),
            (None, '{' | '[' | '<' | '(') => depth = depth.saturating_add(1),
            (None, '}' | ']' | '>' | ')') if depth > 0 => depth -= 1,
            (None, '}' | ']' | ',') if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_their_secrets() {
        assert_eq!(host_of_url("mqtt://user:pw@broker:1883/x?token=1"), "broker:1883");
        assert_eq!(host_of_url("wss://a.example/mqtt?X-Amz-Signature=1"), "a.example");
        assert_eq!(host_of_url("broker"), "broker");
    }

    #[test]
    fn printed_objects_are_read() {
        let text = "{ cmd: 'publish', topic: 'a, b: c', properties: { x: [ 1, 2 ] }, qos: 1 }";
        let pairs: Vec<_> = inspected(text).collect();
        let expected = [
            ("cmd", "'publish'"),
            ("topic", "'a, b: c'"),
            ("properties", "{ x: [ 1, 2 ] }"),
            ("qos", "1"),
        ];
        assert_eq!(pairs, expected);
        let lines = "Packet {\n  cmd: 'connect',\n  keepalive: 4,\n  username: undefined\n}";
        let pairs: Vec<_> = inspected(lines).collect();
        assert_eq!(pairs, [("cmd", "'connect'"), ("keepalive", "4"), ("username", "undefined")]);
        assert_eq!(inspected("{").count(), 0);
        assert_eq!(inspected("").count(), 0);
    }

    #[test]
    fn numbers_are_found() {
        assert_eq!(number_after::<u16>("rc 7.", "rc "), Some(7));
        assert_eq!(signed_after("rc -2. Retry", "rc "), Some(-2));
        assert_eq!(signed_after("rc x", "rc "), None);
        assert_eq!(number::<u8>("999"), None);
    }
}
