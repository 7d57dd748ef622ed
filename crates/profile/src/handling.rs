//! What the client does about each limit, and what of it it does today.

/// What a client does so that a limit is not broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Uses the nearest value that is allowed.
    Clamps,
    /// Refuses what the application asks for, before it is queued or sent.
    Refuses,
    /// Sends it in several packets.
    Splits,
    /// Waits before it sends.
    Delays,
    /// Counts, and refuses what would be one too many.
    Counts,
    /// Connects anew before the connection's end.
    Renews,
    /// Nothing: no packet of a client can break it. It is there to be known.
    Informs,
}

/// Whether the client of today does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Obeyed {
    /// It does.
    Yes,
    /// It does a part of it; the text says which.
    Partly(&'static str),
    /// It does not: a broker can meet packets that break the limit.
    No,
}

/// How the client treats one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handling {
    /// The limit's name.
    pub limit: &'static str,
    /// What its number counts; empty for values that are no numbers.
    pub unit: &'static str,
    /// What the client does about it.
    pub action: Action,
    /// Whether the client of today does it.
    pub obeyed: Obeyed,
}

impl Action {
    /// As a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clamps => "clamps",
            Self::Refuses => "refuses",
            Self::Splits => "splits",
            Self::Delays => "delays",
            Self::Counts => "counts",
            Self::Renews => "renews",
            Self::Informs => "informs",
        }
    }
}

impl Obeyed {
    /// As a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly(_) => "partly",
            Self::No => "no",
        }
    }

    /// True if the client does at least a part of it.
    pub const fn is_some(self) -> bool {
        !matches!(self, Self::No)
    }
}

impl Handling {
    /// How the limit of this name is treated.
    pub fn of(limit: &str) -> Option<&'static Self> {
        HANDLINGS.iter().find(|handling| handling.limit == limit)
    }
}

use Action::{Clamps, Counts, Delays, Informs, Refuses, Renews, Splits};
use Obeyed::{No, Partly, Yes};

const fn row(limit: &'static str, unit: &'static str, action: Action, obeyed: Obeyed) -> Handling {
    Handling { limit, unit, action, obeyed }
}

/// Every limit there is. A test of the core compares the last column with what
/// the client does.
#[rustfmt::skip]
pub const HANDLINGS: &[Handling] = &[
    row("versions",                          "",              Clamps,  Yes),
    row("keep_alive",                        "s",             Refuses, Yes),
    row("keep_alive_grace",                  "",              Clamps,  Yes),
    row("min_ping_spacing",                  "",              Delays,  Yes),
    row("connect_floor",                     "",              Delays,  Yes),
    row("expected_connects",                 "connects",      Clamps,  Yes),
    row("ban",                               "",              Delays,  Yes),
    row("account_connect_rate",              "connects",      Delays,  Partly(
        "with account_share alone: how many clients share the rate")),
    row("client_id_length",                  "B",             Refuses, Yes),
    row("client_id_reserved_prefix",         "",              Refuses, Yes),
    row("assigned_client_id_reusable",       "",              Clamps,  Yes),
    row("kept_sessions_available",           "",              Refuses, Yes),
    row("maximum_session_expiry",            "",              Clamps,  Yes),
    row("maximum_connection_age",            "",              Renews,  Yes),
    row("maximum_packet_size",               "B",             Refuses, Yes),
    row("maximum_packet_size_v5",            "B",             Refuses, Yes),
    row("byte_rate",                         "B",             Delays,  Yes),
    row("will_available",                    "",              Refuses, Yes),
    row("enhanced_authentication_available", "",              Refuses, Yes),
    row("authentication",                    "",              Informs, No),
    row("forbidden_properties",              "",              Refuses, Yes),
    row("maximum_qos",                       "",              Refuses, Yes),
    row("retain_available",                  "",              Refuses, Yes),
    row("maximum_payload_size",              "B",             Refuses, Yes),
    row("publish_rate",                      "messages",      Delays,  Yes),
    row("publish_rates",                     "messages",      Delays,  Yes),
    row("publish_rate_per_topic",            "messages",      Delays,  Yes),
    row("delivery_rate",                     "messages",      Informs, No),
    row("replay_rate",                       "messages",      Informs, No),
    row("receive_maximum",                   "messages",      Delays,  Yes),
    row("delivery_receive_maximum",          "messages",      Clamps,  Yes),
    row("maximum_topic_length",              "B",             Refuses, Yes),
    row("maximum_topic_levels",              "levels",        Refuses, Yes),
    row("uncounted_topic_prefixes",          "",              Informs, No),
    row("publish_topics",                    "",              Refuses, Yes),
    row("topic_alias_maximum",               "",              Clamps,  Yes),
    row("user_properties_size",              "B",             Refuses, Yes),
    row("correlation_data_size",             "B",             Refuses, Yes),
    row("response_topic_length",             "B",             Refuses, Yes),
    row("content_type_length",               "B",             Refuses, Yes),
    row("maximum_message_expiry",            "",              Clamps,  Yes),
    row("filters_per_subscribe",             "filters",       Splits,  Yes),
    row("filters_per_unsubscribe",           "filters",       Splits,  Yes),
    row("subscriptions_per_connection",      "subscriptions", Counts,  Yes),
    row("subscribe_packet_rate",             "packets",       Delays,  Yes),
    row("account_subscribe_rate",            "filters",       Delays,  Partly(
        "with account_share alone: how many clients share the rate")),
    row("filters",                           "",              Refuses, Yes),
    row("wildcards_available",               "",              Refuses, Yes),
    row("identifiers_available",             "",              Refuses, Yes),
    row("shared_available",                  "",              Refuses, Yes),
    row("maximum_share_name_length",         "B",             Refuses, Yes),
    row("retained_on_wildcard",              "",              Informs, No),
    row("hash_matches_parent",               "",              Informs, No),
];
