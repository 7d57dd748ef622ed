//! What is known of a rule before it looks at anything.

use crate::source::Vantage;

/// How bad it is if the rule is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Connections will die, or messages be lost, under load or in time.
    Warn,
    /// Connections die, or messages are lost.
    Error,
}

impl Severity {
    /// In lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Which sources can show what a rule names, and which only support it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vantages {
    /// Sources that show it.
    pub show: &'static [Vantage],
    /// Sources that make it likely: what they say is never more than
    /// [`Confidence::Suspect`](crate::Confidence::Suspect).
    pub support: &'static [Vantage],
}

/// A number of a rule, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Its name, such as `KA01.within_ms`.
    pub name: &'static str,
    /// What it is if nobody sets it.
    pub value: u64,
    /// Why this number.
    pub reason: &'static str,
}

/// A rule, as `explain` and reports show it. Ids never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Such as `KA05`.
    pub id: &'static str,
    /// Such as `false-keepalive-death`.
    pub slug: &'static str,
    /// How bad it is, unless a finding says otherwise.
    pub severity: Severity,
    /// What can show it.
    pub vantages: Vantages,
    /// How often it must be seen of one client before it is more than a suspicion.
    pub rounds: u32,
    /// The profile with which alone it is judged.
    pub profile: Option<&'static str>,
    /// The evidence cannot be had from files or traffic: it is only explained.
    pub explained_only: bool,
    /// What people see when this happens.
    pub sees: &'static str,
    /// What happens and how it is told apart, in Markdown.
    pub why: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// What would raise the confidence of a finding.
    pub raises: &'static str,
    /// Rules whose findings are consequences of this one, if both are found of
    /// one client.
    pub explains: &'static [&'static str],
    /// Where more can be read: statements of the specification, public issues.
    pub references: &'static [&'static str],
    /// The rule's numbers.
    pub thresholds: &'static [Threshold],
}

impl Meta {
    /// What every rule begins from.
    pub(crate) const EMPTY: Self = Self {
        id: "",
        slug: "",
        severity: Severity::Error,
        vantages: Vantages { show: &[], support: &[] },
        rounds: 2,
        profile: None,
        explained_only: false,
        sees: "",
        why: "",
        fix: "",
        raises: "",
        explains: &[],
        references: &[],
        thresholds: &[],
    };
}
