//! The command line checked: what contradicts itself or cannot work is
//! refused here, before anything is sent.

mod broker;
mod cloud;
mod connection;
mod payload;
mod profile;
mod property;
mod publish;
mod request;
mod secret_file;
mod servers;
mod store;
mod subscribe;
#[cfg(test)]
mod tests;
mod tls;
mod will;

use std::env;
use std::time::Duration;

use evenkeel::{TopicError, TopicFilter, TopicName};

pub(crate) use broker::{BrokerSettings, script as read_faults};
pub(crate) use cloud::{Authorizer, WayIn};
pub(crate) use connection::{ConnectionSettings, IdentitySettings};
pub(crate) use payload::{LARGEST as LARGEST_PAYLOAD, Payload, too_long, unreadable_file};
pub(crate) use profile::{named_or_read as profile_named_or_read, read as read_profile};
pub(crate) use publish::PublishSettings;
pub(crate) use request::{RequestSettings, no_way_back};
pub(crate) use secret_file::first_line;
pub(crate) use store::StoreSettings;
pub(crate) use subscribe::{Output, Selection, SubscribeSettings};

use crate::error::Failure;
use crate::personality::Personality;

/// What besides the flags decides: the program's name and its surroundings.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) personality: Personality,
    /// Looks an environment variable up.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// What stands in for flags.
const VARIABLES: [&str; 3] = ["EVENKEEL_URL", "EVENKEEL_USERNAME", "EVENKEEL_PASSWORD"];

fn is_text(variable: &str) -> bool {
    !matches!(env::var(variable), Err(env::VarError::NotUnicode(_)))
}

impl Context<'_> {
    /// The surroundings of this process.
    pub(crate) fn of_process(personality: Personality) -> Result<Self, Failure> {
        if !personality.is_mosquitto()
            && let Some(name) =
                VARIABLES.iter().chain(&cloud::VARIABLES).find(|name| !is_text(name))
        {
            return Err(Failure::usage(format!("the environment variable {name} is not UTF-8"))
                .why("URLs, user names and passwords are UTF-8 text here")
                .hint("give it as UTF-8, or unset it"));
        }
        let variable = &|name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Ok(Self { personality, variable })
    }

    fn is_mosquitto(&self) -> bool {
        self.personality.is_mosquitto()
    }
}

/// The time limit that was given; 0 is none, and for mosquitto's tools a mistake.
fn time_limit(given: Option<Duration>, context: Context<'_>) -> Result<Option<Duration>, Failure> {
    if given.is_some_and(|limit| limit.is_zero()) && context.is_mosquitto() {
        return Err(Failure::usage("'0' is no value for -W")
            .why("a time limit of zero leaves no time at all")
            .hint("leave the flag out for no limit"));
    }
    Ok(given.filter(|limit| !limit.is_zero()))
}

/// Checks a topic to publish to; `flag` is where it was given.
fn topic_name(text: &str, flag: &str) -> Result<TopicName, Failure> {
    TopicName::try_from(text).map_err(|error| {
        let failure =
            Failure::usage(format!("nothing can be published to the topic '{text}' of {flag}"));
        let failure = failure.why(error);
        match error {
            TopicError::Empty => failure.hint("give a topic, such as -t site/7/level"),
            _ if text.contains(['+', '#']) => {
                failure.hint("'+' and '#' are for subscriptions; publish to each topic by its name")
            }
            _ => failure,
        }
    })
}

/// Checks a filter to subscribe to; `flag` is where it was given.
fn topic_filter(text: &str, flag: &str) -> Result<TopicFilter, Failure> {
    TopicFilter::try_from(text).map_err(|error| {
        Failure::usage(format!("the topic filter '{text}' of {flag} is not valid"))
            .why(error)
            .hint("'+' stands for a whole level (a/+/c), '#' for the rest and comes last (a/#)")
    })
}
