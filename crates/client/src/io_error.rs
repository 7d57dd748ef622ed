//! I/O errors that can be cloned and compared.

use std::fmt;
use std::io;
use std::sync::Arc;

/// What the operating system, or a user-supplied stream, reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoError {
    kind: io::ErrorKind,
    os_code: Option<i32>,
    /// Kept only if there is no code to look the text up by.
    text: Option<Arc<str>>,
}

impl IoError {
    /// Returns the kind.
    pub const fn kind(&self) -> io::ErrorKind {
        self.kind
    }

    /// Returns the operating system's code (`errno` on Unix).
    pub const fn os_code(&self) -> Option<i32> {
        self.os_code
    }
}

impl From<&io::Error> for IoError {
    fn from(error: &io::Error) -> Self {
        let os_code = error.raw_os_error();
        let text = if os_code.is_none() { Some(error.to_string().into()) } else { None };
        Self { kind: error.kind(), os_code, text }
    }
}

impl From<io::Error> for IoError {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

impl From<io::ErrorKind> for IoError {
    fn from(kind: io::ErrorKind) -> Self {
        Self { kind, os_code: None, text: None }
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.os_code, &self.text) {
            (Some(code), _) => write!(f, "{}", io::Error::from_raw_os_error(code)),
            (None, Some(text)) => f.write_str(text),
            (None, None) => write!(f, "{}", self.kind),
        }
    }
}

impl std::error::Error for IoError {}
