//! A state as it was written, line by line.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Parts, StateError, VERSION};

/// A state that was written down.
///
/// It may hold ownership tokens, so `Debug` shows its size alone.
#[derive(Default)]
pub struct WrittenState {
    lines: usize,
    parts: BTreeMap<String, Part>,
}

/// The value of a part.
pub(crate) struct Part {
    line: usize,
    value: Value,
}

/// What is read first, whatever else a newer program may write.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

impl WrittenState {
    /// The line of these parts, with its end.
    #[must_use]
    pub fn line<'a>(parts: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
        let mut line = String::from("{");
        for (name, value) in parts {
            if line.len() > 1 {
                line.push(',');
            }
            line.push_str(&Value::from(name).to_string());
            line.push(':');
            line.push_str(value.unwrap_or("null"));
        }
        line.push_str("}\n");
        line
    }

    /// The line of changes.
    #[must_use]
    pub fn line_of(changes: &Parts) -> String {
        Self::line(changes.iter().map(|(name, value)| (name.as_str(), value.as_deref())))
    }

    /// Takes the next line. One without its end is what a process was writing as it
    /// was killed: nothing of it was answered, and whoever reads the lines leaves it out.
    ///
    /// # Errors
    /// If it is damaged, or the first one is of a newer program.
    pub fn add(&mut self, line: &[u8]) -> Result<(), StateError> {
        self.lines += 1;
        let number = self.lines;
        let wrong = |source| StateError::Line { line: number, source };
        if number == 1 {
            let value: Value = serde_json::from_slice(line).map_err(wrong)?;
            let Ok(Version { version }) = Version::deserialize(value) else {
                return Err(StateError::NoVersion);
            };
            if version > VERSION {
                return Err(StateError::Newer { found: version, known: VERSION });
            }
        }
        let parts: BTreeMap<String, Value> = serde_json::from_slice(line).map_err(wrong)?;
        for (name, value) in parts {
            match value {
                Value::Null => drop(self.parts.remove(&name)),
                value => drop(self.parts.insert(name, Part { line: number, value })),
            }
        }
        Ok(())
    }

    /// True if no line was taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Takes one part out.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, StateError> {
        match self.parts.remove(name) {
            Some(part) => part.read(name),
            None => Part { line: 1, value: Value::Null }.read(name),
        }
    }

    /// Takes out all parts whose names begin like this, without that beginning.
    /// It ends in a slash.
    pub(crate) fn take_all<T: DeserializeOwned>(
        &mut self,
        prefix: &str,
    ) -> Result<Vec<(String, T)>, StateError> {
        let mut found = self.parts.split_off(prefix);
        let is_of = |name: &String| name.starts_with(prefix);
        let behind = found.keys().find(|name| !is_of(name)).cloned();
        if let Some(behind) = behind {
            self.parts.append(&mut found.split_off(&behind));
        }
        let read = found.into_iter().map(|(name, part)| {
            let value = part.read(&name)?;
            Ok((name.get(prefix.len()..).unwrap_or_default().to_owned(), value))
        });
        read.collect()
    }

    /// Refuses what nobody has taken out.
    pub(crate) fn end(mut self) -> Result<(), StateError> {
        match self.parts.pop_first() {
            None => Ok(()),
            Some((part, Part { line, .. })) => Err(StateError::Unknown { line, part }),
        }
    }
}

impl Part {
    fn read<T: DeserializeOwned>(self, name: &str) -> Result<T, StateError> {
        let Self { line, value } = self;
        T::deserialize(value).map_err(|source| StateError::Malformed {
            line,
            part: name.to_owned(),
            source,
        })
    }
}

impl fmt::Debug for WrittenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, parts } = self;
        f.debug_struct("WrittenState").field("lines", lines).field("parts", &parts.len()).finish()
    }
}
