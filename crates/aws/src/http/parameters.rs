//! The parameters in the query of a request.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as TOKEN;

use super::HttpError;
use crate::gate::Query;
use crate::names;

/// The parameters of a request; those that nobody knows do not count.
pub(crate) struct Parameters(Query);

impl Parameters {
    pub(crate) fn parse(query: &str) -> Result<Self, HttpError> {
        let query = Query::parse(query);
        let query = query.map_err(|problem| HttpError::invalid(format!("The query has {problem}")));
        Ok(Self(query?))
    }

    /// A parameter's value; one that occurs twice could mean either.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, HttpError> {
        let mut values = self.0.pairs().filter(|(found, _)| *found == name);
        let value = values.next().map(|(_, value)| value);
        if values.next().is_some() { Err(invalid(name)) } else { Ok(value) }
    }

    /// `true` or `false`; false if it is not there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, HttpError> {
        match self.text(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(invalid(name)),
        }
    }

    /// A whole number within bounds.
    pub(crate) fn number(
        &self,
        name: &str,
        bounds: RangeInclusive<u64>,
    ) -> Result<Option<u64>, HttpError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_number && bounds.contains(number));
        number.map(Some).ok_or_else(|| invalid(name))
    }

    /// How many results a page has: the most there may be, unless less is asked for.
    pub(crate) fn page(&self, name: &str, most: usize) -> Result<usize, HttpError> {
        let asked = self.number(name, 1..=most as u64)?;
        Ok(asked.and_then(|count| usize::try_from(count).ok()).unwrap_or(most))
    }

    /// The name behind which the page begins; empty for the first one.
    pub(crate) fn after(&self) -> Result<String, HttpError> {
        let Some(token) = self.text("nextToken")? else { return Ok(String::new()) };
        let bytes = TOKEN.decode(token).ok();
        let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        name.ok_or_else(|| invalid("nextToken"))
    }

    /// The name of a shadow; none for the classic one.
    pub(crate) fn shadow(&self) -> Result<Option<&str>, HttpError> {
        match self.text("name")? {
            Some(name) if !names::is_shadow(name) => Err(invalid("name")),
            name => Ok(name),
        }
    }
}

/// What asks for the page behind this name.
pub(crate) fn next_token(name: &str) -> String {
    TOKEN.encode(name)
}

pub(super) fn invalid(name: &str) -> HttpError {
    HttpError::invalid(format!("Invalid {name}"))
}
