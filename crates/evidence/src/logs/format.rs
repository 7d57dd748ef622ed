//! What a log format is: its name, how its lines are known, what they say.

use std::time::Duration;

use evenkeel_doctor::Vantage;

use super::facts::Facts;
use super::json::Json;

/// One format.
pub(crate) struct Format {
    /// Its name, for `--input`.
    pub(crate) name: &'static str,
    /// What writes it.
    pub(crate) of: &'static str,
    /// What kind of witness it is.
    pub(crate) vantage: Vantage,
    /// What it shows, in a few words.
    pub(crate) shows: &'static str,
    /// Texts that only this format has: two lines with one of them name it.
    pub(crate) signs: &'static [&'static str],
    /// Texts that say something, and who reads the line they are in. Of several
    /// in a line the first one counts, of several at one place the longest.
    pub(crate) anchors: &'static [Anchor],
    pub(crate) times: Times,
    /// Looks at each line before its anchors; true if that was all.
    pub(crate) before: fn(&str, &mut Facts<'_>) -> bool,
    /// The log has ended.
    pub(crate) finish: fn(&mut Facts<'_>),
}

impl Format {
    /// What every format begins from.
    pub(crate) const EMPTY: Self = Self {
        name: "",
        of: "",
        vantage: Vantage::ClientLog,
        shows: "",
        signs: &[],
        anchors: &[],
        times: Times::Before,
        before: |_, _| false,
        finish: |_| {},
    };
}

/// Which time of a line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// The one before the text.
    Before,
    /// The one within the text, with this resolution; with a date or without.
    Within(Duration, bool),
    /// The one within, with this resolution: with a date if this text is in one of the
    /// first lines.
    WithinBy(Duration, &'static str),
    /// The one before the text, or the one within if there is none.
    Either(Duration),
}

/// A text that says something, and who reads the line it is in.
pub(crate) type Anchor = (&'static str, fn(&Hit<'_>, &mut Facts<'_>));

/// A line with an anchor in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'a> {
    pub(crate) line: &'a str,
    pub(crate) before: &'a str,
    pub(crate) after: &'a str,
}

impl<'a> Hit<'a> {
    /// The line's JSON object, whatever stands around it.
    pub(crate) fn json(&self) -> Option<Json<'a>> {
        let from = self.line.find('{')?;
        let to = self.line.rfind('}')?;
        Json::read(self.line.get(from..=to)?)
    }

    /// What the line has after the anchor, without a full stop.
    pub(crate) fn rest(&self) -> &'a str {
        self.after.trim().trim_end_matches('.')
    }
}
