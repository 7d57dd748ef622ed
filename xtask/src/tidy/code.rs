//! What the checks need to know of a line of Rust.

/// The line up to a comment. A `//` in a string cuts too much, never too little
/// of a comment.
pub(super) fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// The text of a comment that has the line to itself.
pub(super) fn comment(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("//")
}
