//! The text that a signature is made of.

use super::super::query::{self, Query};
use super::super::request::Request;
use super::SignatureError;

/// The SHA-256 of no bytes: a request to become a WebSocket has no body.
pub(super) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A request in the form in which it is signed.
pub(super) struct Canonical<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) query: &'a Query,
    /// The names of the signed headers, in order.
    pub(super) headers: &'a [String],
    /// The SHA-256 of the body, in hexadecimal digits.
    pub(super) payload: &'a str,
}

/// Which host is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// As the header says.
    Whole,
    /// Without the port of the header.
    WithoutPort,
}

impl Canonical<'_> {
    /// The canonical request, with the token of the query or without it.
    pub(super) fn text(&self, host: Host, with_token: bool) -> Result<String, SignatureError> {
        let mut headers = String::new();
        for name in self.headers {
            let value = self.header(name, host)?;
            headers.push_str(&format!("{name}:{value}\n"));
        }
        let method = self.request.method;
        let path = query::encode(self.request.path(), "/");
        let query = self.query(with_token);
        let names = self.headers.join(";");
        let payload = self.payload;
        Ok(format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{payload}"))
    }

    fn query(&self, with_token: bool) -> String {
        let is_signed = |(name, _): &(&str, &str)| match *name {
            "X-Amz-Signature" => false,
            "X-Amz-Security-Token" => with_token,
            _ => true,
        };
        let encode = |(name, value)| (query::encode(name, ""), query::encode(value, ""));
        let mut pairs: Vec<(String, String)> =
            self.query.pairs().filter(is_signed).map(encode).collect();
        pairs.sort();
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }

    /// The values of a header, without the spaces that do not count.
    fn header(&self, name: &str, host: Host) -> Result<String, SignatureError> {
        let values = self.request.header(name);
        let values: Vec<String> =
            values.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        if values.is_empty() {
            return Err(SignatureError::HeaderMissing(super::shortened(name)));
        }
        let value = values.join(",");
        if name != "host" {
            return Ok(value);
        }
        let value = value.to_ascii_lowercase();
        let is_port = |port: &str| !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit());
        Ok(match value.rsplit_once(':') {
            Some((name, port)) if host == Host::WithoutPort && is_port(port) => name.to_owned(),
            _ => value,
        })
    }
}
