//! An HTTP request, as far as it matters who sends it.

use std::fmt;

/// The head of an HTTP request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, for the upgrade to a WebSocket.
    pub method: &'a str,
    /// Path and query, as in the first line.
    pub target: &'a str,
    /// Names and values.
    pub headers: &'a [(String, String)],
}

impl<'a> Request<'a> {
    /// The values of a header, whose name has no case.
    pub fn header<'b>(&self, name: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        let fits = move |(found, _): &&(String, String)| found.eq_ignore_ascii_case(name);
        self.headers.iter().filter(fits).map(|(_, value)| value.as_str())
    }

    /// The path without its query, which may hold a signature or a token.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query without its question mark.
    #[must_use]
    pub fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

impl fmt::Debug for Request<'_> {
    /// Shows neither the query nor what headers hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}
