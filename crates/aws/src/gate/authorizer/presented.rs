//! What a client presents to a custom authorizer, and by which way.

use super::super::query::{Query, QueryProblem};
use super::super::request::Request;

/// The parameter with the authorizer's name.
const NAME: &str = "x-amz-customauthorizer-name";
/// The parameter with the token's signature.
const SIGNATURE: &str = "x-amz-customauthorizer-signature";

/// By which way a client names its authorizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Behind a question mark in the user name of CONNECT.
    UserName,
    /// In headers of the upgrade to a WebSocket.
    Headers,
    /// In the query of the upgrade to a WebSocket.
    Query,
}

/// What a client presents. Its `Debug` output shows names alone.
#[derive(Clone)]
pub struct Presented {
    /// By which way.
    pub source: Source,
    pairs: Vec<(String, String)>,
}

impl Presented {
    /// What the user name carries: `user?x-amz-customauthorizer-name=NAME&..`.
    /// The metrics that SDKs append are parameters as any others.
    pub fn in_user_name(user_name: &str) -> Result<Self, QueryProblem> {
        let query = user_name.split_once('?').map_or("", |(_, query)| query);
        let pairs = owned(Query::parse(query)?.pairs());
        Ok(Self { source: Source::UserName, pairs })
    }

    /// What a request carries: in its headers, else in its query.
    pub fn in_request(request: &Request<'_>) -> Result<Self, QueryProblem> {
        if request.header(NAME).next().is_some() {
            let pairs = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            return Ok(Self { source: Source::Headers, pairs: owned(pairs) });
        }
        let pairs = owned(Query::parse(request.query())?.pairs());
        Ok(Self { source: Source::Query, pairs })
    }

    /// The authorizer's name, if the client names one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.get(NAME)
    }

    /// The token that is presented under this name.
    #[must_use]
    pub fn token(&self, key: &str) -> Option<&str> {
        self.get(key)
    }

    /// The token's signature in base64.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.get(SIGNATURE)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

fn owned<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.pairs.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Presented")
            .field("source", &self.source)
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_name_of_aws_own_sdk() {
        let user_name = "user1?x-amz-customauthorizer-name=MyAuth&\
            x-amz-customauthorizer-signature=sig%2B/%3D&tok=val&SDK=IoTDeviceSDK/Python";
        let presented = Presented::in_user_name(user_name).unwrap();
        assert_eq!(presented.name(), Some("MyAuth"));
        assert_eq!(presented.signature(), Some("sig+/="));
        assert_eq!(presented.token("tok"), Some("val"));
        assert_eq!(presented.token("other"), None);
        let shown = format!("{presented:?}");
        assert!(!shown.contains("val") && !shown.contains("sig+"), "{shown}");
    }

    #[test]
    fn headers_go_before_the_query() {
        let headers = [
            ("X-Amz-CustomAuthorizer-Name".to_owned(), "ByHeader".to_owned()),
            ("Tok".to_owned(), "a%2Fb".to_owned()),
        ];
        let target = "/mqtt?x-amz-customauthorizer-name=ByQuery&tok=a%2Fb";
        let request = Request { method: "GET", target, headers: &headers };
        let presented = Presented::in_request(&request).unwrap();
        assert_eq!((presented.source, presented.name()), (Source::Headers, Some("ByHeader")));
        assert_eq!(presented.token("tok"), Some("a%2Fb"), "headers are not escaped");
        let request = Request { headers: &[], ..request };
        let presented = Presented::in_request(&request).unwrap();
        assert_eq!((presented.source, presented.name()), (Source::Query, Some("ByQuery")));
        assert_eq!(presented.token("tok"), Some("a/b"));
    }

    #[test]
    fn nothing_presented_and_nonsense() {
        assert_eq!(Presented::in_user_name("user").unwrap().name(), None);
        assert_eq!(Presented::in_user_name("").unwrap().name(), None);
        assert_eq!(Presented::in_user_name("u?a=%x").err(), Some(QueryProblem::Escape));
    }
}
