//! Percent-encoding as clouds sign it.

/// Encodes every byte but the unreserved ones (RFC 3986, section 2.3), with capital letters.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
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
    fn only_unreserved_bytes_stay() {
        for (text, expected) in [
            ("", ""),
            ("azAZ09-._~", "azAZ09-._~"),
            ("a+b/c=", "a%2Bb%2Fc%3D"),
            ("a b&c?d%20", "a%20b%26c%3Fd%2520"),
            ("é\n", "%C3%A9%0A"),
            ("@[`{", "%40%5B%60%7B"),
        ] {
            assert_eq!(encode(text), expected, "{text}");
        }
    }
}
