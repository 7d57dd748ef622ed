//! How a log is to be read.

/// What cannot be told from a log's lines, or is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The format's name; told from the first lines if it is not given.
    pub format: Option<String>,
    /// The day on which a log without dates begins: year, month, day.
    pub start: Option<(i16, u8, u8)>,
}
