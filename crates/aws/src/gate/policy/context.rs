//! What is known of a connection: the values of variables and condition keys.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::super::date;

/// The values of variables and condition keys for one connection.
///
/// Keys are compared without regard to case, as AWS does, except the name of
/// an attribute in brackets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more value of a key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.add(key, value);
        self
    }

    /// Adds a value of a key, behind those it has.
    pub fn add(&mut self, key: &str, value: impl Into<String>) {
        self.0.entry(folded(key)).or_default().push(value.into());
    }

    /// At this time since the beginning of 1970, in place of any earlier one.
    #[must_use]
    pub fn at(mut self, unix: Duration) -> Self {
        let times = [
            ("aws:CurrentTime", date::to_text(unix)),
            ("aws:EpochTime", unix.as_secs().to_string()),
        ];
        for (key, time) in times {
            self.0.insert(folded(key), vec![time]);
        }
        self
    }

    /// The values of a key; none if it is unknown.
    ///
    /// `KEY.0` is the first of several, `KEY.1` the next.
    #[must_use]
    pub fn get(&self, key: &str) -> &[String] {
        let key = folded(key);
        if let Some(values) = self.0.get(&key) {
            return values;
        }
        let indexed = key.rsplit_once('.').and_then(|(key, index)| {
            let index: usize = index.parse().ok()?;
            self.0.get(key)?.get(index..=index)
        });
        indexed.unwrap_or_default()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

/// The key in lower case up to a bracket.
fn folded(key: &str) -> String {
    let end = key.find('[').unwrap_or(key.len());
    let (name, attribute) = key.split_at(end);
    name.to_ascii_lowercase() + attribute
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_no_case_and_attributes_do() {
        let context = Context::new().with("iot:Connection.Thing.Attributes[Site]", "a");
        assert_eq!(context.get("IOT:connection.thing.attributes[Site]"), ["a"]);
        assert!(context.get("iot:Connection.Thing.Attributes[site]").is_empty());
    }

    #[test]
    fn there_is_one_time() {
        let context = Context::new().at(Duration::ZERO).at(Duration::from_secs(86_400));
        assert_eq!(context.get("aws:CurrentTime"), ["1970-01-02T00:00:00Z"]);
        assert_eq!(context.get("aws:EpochTime"), ["86400"]);
    }

    #[test]
    fn one_of_several_values_has_an_index() {
        let key = "iot:Certificate.Subject.Organization";
        let context = Context::new().with(key, "first").with(key, "second");
        assert_eq!(context.get(key), ["first", "second"]);
        assert_eq!(context.get(&format!("{key}.0")), ["first"]);
        assert_eq!(context.get(&format!("{key}.1")), ["second"]);
        assert!(context.get(&format!("{key}.2")).is_empty());
        assert!(context.get(&format!("{key}.99999999999999999999")).is_empty());
    }
}
