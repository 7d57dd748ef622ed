//! The units of times and sizes.

/// Units of time and their length in seconds.
pub(crate) const TIMES: [(&str, f64); 8] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("hour", 3600.0),
    ("hours", 3600.0),
    ("day", 86_400.0),
    ("days", 86_400.0),
];

/// Units of size and their length in bytes.
pub(crate) const SIZES: [(&str, u32); 3] = [("B", 1), ("KiB", 1024), ("MiB", 1024 * 1024)];

/// A number and its unit, with or without a blank between them.
pub(crate) fn split(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    (number.trim_end(), unit)
}
