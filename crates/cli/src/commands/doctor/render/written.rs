//! JSON that is written one item at a time: as one value, a report of many clients would
//! take many times the memory of its text.

use std::fmt::Write as _;

use serde_json::Value;

/// An object in the making.
pub(super) struct Written(String);

impl Written {
    /// Begins with some fields, one at least.
    pub(super) fn new(fields: &Value) -> Self {
        let mut text = fields.to_string();
        text.pop();
        Self(text)
    }

    /// Adds a list under a key that JSON need not escape.
    pub(super) fn list(mut self, key: &str, items: impl IntoIterator<Item = Value>) -> Self {
        // Nothing that is written to a string fails.
        let _ = write!(self.0, ",\"{key}\":[");
        for (at, item) in items.into_iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ = write!(self.0, "{comma}{item}");
        }
        self.0.push(']');
        self
    }

    /// The whole object.
    pub(super) fn done(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_the_object_that_it_would_be_at_once() {
        let written = Written::new(&json!({ "v": 1 }))
            .list("none", [])
            .list("some", [json!("a\"b"), json!({ "c": [2] })])
            .done();
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read, json!({ "v": 1, "none": [], "some": ["a\"b", { "c": [2] }] }));
    }
}
