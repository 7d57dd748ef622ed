//! The shadows of all things, and the requests to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::document::{Document, times_of};
use super::error::ShadowError;
use super::request::{Update, client_token};
use crate::effects::Effects;
use crate::json;
use crate::note::Note;
use crate::state::{self, Parts, StateError, WrittenState};
use crate::{Request, ShadowLimits, ShadowOperation, Time};

/// The name under which the classic shadow is kept; no named one can have it.
const CLASSIC: &str = "";

/// How its parts of the state begin.
const PREFIX: &str = "shadows/";

/// The shadows of all things.
#[derive(Debug)]
pub struct Shadows {
    limits: ShadowLimits,
    /// By thing and name.
    things: BTreeMap<String, BTreeMap<String, Document>>,
    count: usize,
    /// Thing and name of those that have changed since that was asked last.
    changed: BTreeSet<(String, String)>,
}

impl Shadows {
    pub(crate) const fn new(limits: ShadowLimits) -> Self {
        Self { limits, things: BTreeMap::new(), count: 0, changed: BTreeSet::new() }
    }

    /// A request that came by MQTT, and its answers.
    pub(crate) fn on_request(
        &mut self,
        request: &Request<'_>,
        thing: &str,
        name: Option<&str>,
        operation: ShadowOperation,
        out: &mut Effects,
    ) {
        let Request { time, topic, payload, .. } = *request;
        let token = match client_token(payload, &self.limits) {
            Ok(token) => token,
            Err(error) => {
                return out.publish_json(format!("{topic}/rejected"), &error.answer(time, None));
            }
        };
        let answered = match operation {
            ShadowOperation::Get => self.get(time, thing, name),
            ShadowOperation::Delete => self.delete(time, thing, name),
            ShadowOperation::Update => {
                // It publishes its own answers, as it does for HTTP.
                if let Err(error) = self.update(time, thing, name, payload, out) {
                    let answer = error.answer(time, token.as_deref());
                    out.publish_json(format!("{topic}/rejected"), &answer);
                }
                return;
            }
        };
        match answered {
            Ok(mut answer) => {
                json::add_token(&mut answer, token.as_deref());
                out.publish_json(format!("{topic}/accepted"), &answer);
            }
            Err(error) => {
                let answer = error.answer(time, token.as_deref());
                out.publish_json(format!("{topic}/rejected"), &answer);
            }
        }
    }

    /// The shadow with its delta: the answer of `get/accepted` and of HTTP.
    ///
    /// # Errors
    /// If there is no such shadow.
    pub fn get(&self, time: Time, thing: &str, name: Option<&str>) -> Result<Value, ShadowError> {
        let document = self.find(thing, name).filter(|document| !document.is_deleted);
        let document = document.ok_or_else(|| no_shadow(thing, name))?;
        let mut state = document.state();
        if let Some(delta) = document.delta() {
            json::set(&mut state, "delta", Value::Object(delta.state));
        }
        Ok(json!({
            "state": state,
            "metadata": document.metadata(),
            "version": document.version,
            "timestamp": time.unix_seconds(),
        }))
    }

    /// Merges an update, publishes `accepted`, `delta` and `documents`, and
    /// returns the answer of `accepted`.
    ///
    /// # Errors
    /// If the update is none, is for another version, or makes the document
    /// too large. Then nothing has changed and nothing is published.
    pub fn update(
        &mut self,
        time: Time,
        thing: &str,
        name: Option<&str>,
        payload: &[u8],
        out: &mut Effects,
    ) -> Result<Value, ShadowError> {
        let token = client_token(payload, &self.limits)?;
        let update = Update::parse(payload, &self.limits)?;
        let previous = self.find(thing, name).cloned().unwrap_or_default();
        if update.version.is_some_and(|version| version != previous.version) {
            return Err(ShadowError::VersionConflict);
        }
        let seconds = time.unix_seconds();
        let current = previous.updated(&update, seconds);
        if current.state().to_string().len() > self.limits.document_bytes {
            return Err(ShadowError::TooLarge);
        }
        self.put(thing, name, current.clone(), out)?;

        let prefix = prefix(thing, name);
        let answer = |mut answer: Value| {
            json::set(&mut answer, "timestamp", seconds);
            json::add_token(&mut answer, token.as_deref());
            answer
        };
        let accepted = answer(json!({
            "state": update.state,
            "metadata": times_of(&update.state, seconds),
            "version": current.version,
        }));
        out.publish_json(format!("{prefix}/update/accepted"), &accepted);
        if let Some(delta) = current.delta() {
            let delta = answer(json!({
                "state": delta.state,
                "metadata": delta.metadata,
                "version": current.version,
            }));
            out.publish_json(format!("{prefix}/update/delta"), &delta);
        }
        let documents = json!({"previous": previous.summary(), "current": current.summary()});
        out.publish_json(format!("{prefix}/update/documents"), &answer(documents));
        Ok(accepted)
    }

    /// Deletes a shadow and returns the answer; its version is kept.
    ///
    /// # Errors
    /// If there is no such shadow.
    pub fn delete(
        &mut self,
        time: Time,
        thing: &str,
        name: Option<&str>,
    ) -> Result<Value, ShadowError> {
        let shadows = self.things.get_mut(thing);
        let document = shadows.and_then(|shadows| shadows.get_mut(name.unwrap_or(CLASSIC)));
        let document = document.filter(|document| !document.is_deleted);
        let document = document.ok_or_else(|| no_shadow(thing, name))?;
        document.delete();
        let version = document.version;
        self.changed.insert((thing.to_owned(), name.unwrap_or(CLASSIC).to_owned()));
        Ok(json!({"version": version, "timestamp": time.unix_seconds()}))
    }

    /// The names of a thing's named shadows, in their order.
    pub fn names(&self, thing: &str) -> impl Iterator<Item = &str> {
        let shadows = self.things.get(thing).into_iter().flatten();
        let named = shadows.filter(|(name, shadow)| *name != CLASSIC && !shadow.is_deleted);
        named.map(|(name, _)| name.as_str())
    }

    /// What has changed since the last call.
    pub(crate) fn changes(&mut self, into: &mut Parts) {
        for (thing, name) in std::mem::take(&mut self.changed) {
            let document = self.things.get(&thing).and_then(|shadows| shadows.get(&name));
            into.insert(part(&thing, &name), document.map(state::text));
        }
    }

    /// All shadows, as they are written down.
    pub(crate) fn state(&self) -> impl Iterator<Item = (String, String)> {
        self.things.iter().flat_map(|(thing, shadows)| {
            let shadows = shadows.iter();
            shadows.map(move |(name, document)| (part(thing, name), state::text(document)))
        })
    }

    pub(crate) fn load(
        limits: ShadowLimits,
        written: &mut WrittenState,
    ) -> Result<Self, StateError> {
        let mut shadows = Self::new(limits);
        for (names, document) in written.take_all::<Document>(PREFIX)? {
            let (thing, name) = names.split_once('/').unwrap_or((&names, CLASSIC));
            let of_thing = shadows.things.entry(thing.to_owned()).or_default();
            of_thing.insert(name.to_owned(), document);
            shadows.count += 1;
        }
        state::at_most("shadow.shadows", limits.shadows, shadows.count)?;
        Ok(shadows)
    }

    fn find(&self, thing: &str, name: Option<&str>) -> Option<&Document> {
        self.things.get(thing)?.get(name.unwrap_or(CLASSIC))
    }

    fn put(
        &mut self,
        thing: &str,
        name: Option<&str>,
        document: Document,
        out: &mut Effects,
    ) -> Result<(), ShadowError> {
        if self.find(thing, name).is_none() {
            let value = self.limits.shadows;
            if self.count >= value {
                out.note(Note::LimitReached { limit: "shadow.shadows", value });
                return Err(ShadowError::Internal);
            }
            self.count += 1;
        }
        let shadows = self.things.entry(thing.to_owned()).or_default();
        shadows.insert(name.unwrap_or(CLASSIC).to_owned(), document);
        self.changed.insert((thing.to_owned(), name.unwrap_or(CLASSIC).to_owned()));
        Ok(())
    }
}

/// The name of a shadow in the state; no name of a thing has a slash.
fn part(thing: &str, name: &str) -> String {
    format!("{PREFIX}{thing}/{name}")
}

fn no_shadow(thing: &str, name: Option<&str>) -> ShadowError {
    ShadowError::NoShadow { name: name.unwrap_or(thing).to_owned() }
}

fn prefix(thing: &str, name: Option<&str>) -> String {
    match name {
        None => format!("$aws/things/{thing}/shadow"),
        Some(name) => format!("$aws/things/{thing}/shadow/name/{name}"),
    }
}
