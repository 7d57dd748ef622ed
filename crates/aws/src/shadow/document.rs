//! The state document of a shadow, with the time of each of its values.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::delta::delta;
use super::request::{Change, Update};

/// `desired` or `reported`: values, and a tree of the same shape with their times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    pub(super) state: Map<String, Value>,
    pub(super) metadata: Map<String, Value>,
}

/// A shadow, or what is left of a deleted one: its version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) version: u64,
    pub(super) is_deleted: bool,
    desired: Section,
    reported: Section,
}

impl Document {
    /// The document behind an update, one version on.
    pub(super) fn updated(&self, update: &Update, seconds: u64) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next.is_deleted = false;
        next.desired.change(update.desired.as_ref(), seconds);
        next.reported.change(update.reported.as_ref(), seconds);
        next
    }

    /// Nothing but the version is kept: a shadow made anew goes on from there.
    pub(super) fn delete(&mut self) {
        *self = Self { version: self.version, is_deleted: true, ..Self::default() };
    }

    /// `state` of answers; a section that is empty is left out.
    pub(super) fn state(&self) -> Value {
        sections(&self.desired.state, &self.reported.state)
    }

    /// `metadata` of answers.
    pub(super) fn metadata(&self) -> Value {
        sections(&self.desired.metadata, &self.reported.metadata)
    }

    /// What is desired and not yet reported.
    pub(super) fn delta(&self) -> Option<Section> {
        delta(&self.desired, &self.reported)
    }

    /// As in `update/documents`.
    pub(super) fn summary(&self) -> Value {
        json!({"state": self.state(), "metadata": self.metadata(), "version": self.version})
    }
}

impl Section {
    fn change(&mut self, change: Option<&Change>, seconds: u64) {
        match change {
            None => {}
            Some(Change::Remove) => *self = Self::default(),
            Some(Change::Merge(update)) => {
                merge(&mut self.state, &mut self.metadata, update, seconds);
            }
        }
    }
}

fn sections(desired: &Map<String, Value>, reported: &Map<String, Value>) -> Value {
    let both = [("desired", desired), ("reported", reported)];
    let filled = both.into_iter().filter(|(_, section)| !section.is_empty());
    filled.map(|(name, section)| (name.to_owned(), Value::Object(section.clone()))).collect()
}

/// Merges an update: null removes a key, objects are merged, anything else is
/// taken whole. An object that ends up empty is removed.
fn merge(
    state: &mut Map<String, Value>,
    metadata: &mut Map<String, Value>,
    update: &Map<String, Value>,
    seconds: u64,
) {
    for (key, value) in update {
        let (value, times) = match value {
            Value::Null => (Value::Null, Value::Null),
            Value::Object(update) => {
                let (mut below, mut times) = (object(state, key), object(metadata, key));
                if !state.get(key).is_some_and(Value::is_object) {
                    times.clear();
                }
                merge(&mut below, &mut times, update, seconds);
                (Value::Object(below), Value::Object(times))
            }
            leaf => (leaf.clone(), times_of(leaf, seconds)),
        };
        if is_nothing(&value) {
            state.remove(key);
            metadata.remove(key);
        } else {
            state.insert(key.clone(), value);
            metadata.insert(key.clone(), times);
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

/// The object below a key; an empty one if there is none.
fn object(tree: &Map<String, Value>, key: &str) -> Map<String, Value> {
    tree.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The time of each value, in the shape of the values; those that are removed
/// have none.
pub(super) fn times_of(value: &Value, seconds: u64) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, member)| !is_nothing(member));
            kept.map(|(key, member)| (key.clone(), times_of(member, seconds))).collect()
        }
        Value::Array(items) => items.iter().map(|item| times_of(item, seconds)).collect(),
        _ => json!({"timestamp": seconds}),
    }
}
