//! Findings that somebody knows of and does not want to hear again.
//!
//! ```toml
//! [[suppress]]
//! rule = "NW03"                 # an id or a slug
//! client = "phone"              # this client alone; every one if left out
//! reason = "it roams"
//! until = "2027-03-01"          # the last day on which it counts
//! ```

use std::io::{self, Read};
use std::path::Path;

use evenkeel_doctor::Finding;
use jiff::civil::Date;
use serde::Deserialize;

use crate::error::Failure;

/// No file of suppressions is longer.
const LARGEST: u64 = 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    suppress: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    client: Option<String>,
    reason: String,
    until: String,
}

/// What is left out, and until when.
#[derive(Clone, Debug, Default)]
pub(super) struct Suppressions(Vec<Suppression>);

#[derive(Clone, Debug)]
struct Suppression {
    rule: &'static str,
    client: Option<String>,
}

impl Suppressions {
    /// Those of a file that have not expired.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let today = jiff::Zoned::now().date();
        let failed = |why: String| {
            Failure::usage(format!("the suppressions in '{}' cannot be used", path.display()))
                .why(why)
                .hint("each [[suppress]] has rule, reason and until, and may have client")
        };
        let text = read(path).map_err(|error| failed(error.to_string()))?;
        if text.len() as u64 > LARGEST {
            return Err(failed(format!("it is longer than {LARGEST} bytes")));
        }
        let file: File = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let mut all = Vec::new();
        for entry in file.suppress {
            if let Some(suppression) = entry.check(today).map_err(failed)? {
                all.push(suppression);
            }
        }
        Ok(Self(all))
    }

    /// Whether one of them names this finding.
    pub(super) fn name(&self, finding: &Finding) -> bool {
        self.0.iter().any(|suppression| {
            suppression.rule == finding.rule.id
                && suppression.client.as_ref().is_none_or(|client| *client == finding.client)
        })
    }
}

/// The text of a file, and a byte more than its bound if it is longer: a device
/// does not say how long it is.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    Ok(text)
}

impl Entry {
    /// The suppression, if it still counts.
    fn check(self, today: Date) -> Result<Option<Suppression>, String> {
        let rule = evenkeel_doctor::rule(&self.rule)
            .ok_or_else(|| format!("there is no rule '{}'", self.rule))?;
        if self.reason.trim().is_empty() {
            return Err(format!("the reason for {} is empty", rule.id));
        }
        let until: Date = (self.until.parse())
            .map_err(|_| format!("'{}' is no day; one is written 2027-03-01", self.until))?;
        Ok((today <= until).then_some(Suppression { rule: rule.id, client: self.client }))
    }
}
