//! A notation for bytes.

/// Bytes from hexadecimal digits and 'text', separated by spaces.
pub(crate) fn wire(notation: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for token in notation.split_whitespace() {
        if let Some(text) = token.strip_prefix('\'') {
            bytes.extend_from_slice(text.strip_suffix('\'').unwrap().as_bytes());
        } else {
            assert_eq!(token.len() % 2, 0, "{token}");
            for at in (0..token.len()).step_by(2) {
                bytes.push(u8::from_str_radix(&token[at..at + 2], 16).unwrap());
            }
        }
    }
    bytes
}
