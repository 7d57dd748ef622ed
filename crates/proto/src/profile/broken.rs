//! The error for what a profile does not allow (P3).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use evenkeel_profile::{Handling, Limit, LimitValue};

/// A limit of the broker's profile, and what was asked for that would break it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenLimit {
    /// The limit's name, as in TOML: `maximum_topic_length`.
    pub limit: &'static str,
    /// Its value, for people, with its unit: `256 B`.
    pub value: String,
    /// What was asked for, for people: `a topic of 300 B`.
    pub asked: String,
    /// Where the value comes from, as the profile says.
    pub source: Cow<'static, str>,
}

impl BrokenLimit {
    pub(super) fn new<T: LimitValue>(
        name: &'static str,
        limit: &Limit<T>,
        asked: impl Into<String>,
    ) -> Box<Self> {
        let unit = Handling::of(name).map_or("", |handling| handling.unit);
        Box::new(Self {
            limit: name,
            value: limit.value.text(unit),
            asked: asked.into(),
            source: limit.source.clone(),
        })
    }

    /// What is wrong, without the hint.
    pub fn fact(&self) -> String {
        let Self { limit, value, asked, source } = self;
        format!("{asked} breaks {limit} of the profile, {value} ({source})")
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        hint(self.limit)
    }
}

fn hint(limit: &str) -> &'static str {
    match limit {
        "keep_alive" => "ask for a keep-alive within the range, or give another profile",
        "keep_alive_grace" => "raise the keep-alive, or give another profile",
        "versions" => "ask for another version, or give another profile",
        "client_id_length" | "client_id_reserved_prefix" => {
            "choose another client identifier, or give another profile"
        }
        "kept_sessions_available" => {
            "ask for a clean start and no session expiry, or give another profile"
        }
        "will_available"
        | "enhanced_authentication_available"
        | "forbidden_properties"
        | "retain_available"
        | "identifiers_available" => "leave it out, or give another profile",
        "publish_topics" => "publish to a topic of the list, or give another profile",
        "filters" => "subscribe to a filter of the list, or give another profile",
        "wildcards_available" | "shared_available" => {
            "subscribe to plain topics, or give another profile"
        }
        "subscriptions_per_connection" => {
            "unsubscribe from others first, use wildcards, or give another profile"
        }
        "maximum_topic_levels" => "use fewer levels, or give a profile that allows more",
        _ => "ask for less, or give a profile that allows more",
    }
}

impl fmt::Display for BrokenLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the feature there is none, and its texts are left out.
        if cfg!(feature = "profiles") {
            write!(f, "{}; hint: {}", self.fact(), self.hint())?;
        }
        Ok(())
    }
}

impl core::error::Error for BrokenLimit {}
