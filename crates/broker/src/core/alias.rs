//! Topic aliases of one connection, in both directions.

use std::collections::BTreeMap;

use evenkeel_codec::{Publish, TopicAliasUse, TopicName};

/// Topic aliases the client has defined, at most as many as announced to it.
#[derive(Debug, Default)]
pub(crate) struct ReceivedAliases {
    maximum: u16,
    topics: BTreeMap<u16, TopicName>,
}

impl ReceivedAliases {
    pub(crate) const fn new(maximum: u16) -> Self {
        Self { maximum, topics: BTreeMap::new() }
    }

    /// True for an alias the client may use.
    //= [MQTT-3.3.2-8]
    pub(crate) const fn is_allowed(&self, alias: u16) -> bool {
        alias != 0 && alias <= self.maximum
    }

    /// Lets an alias stand for a topic, in place of what it stood for.
    pub(crate) fn define(&mut self, alias: u16, topic: TopicName) {
        self.topics.insert(alias, topic);
    }

    /// Takes the alias that a message gives which is not for anybody.
    pub(crate) fn learn(&mut self, publish: &Publish) {
        if let Some(alias) = publish.properties.topic_alias()
            && self.is_allowed(alias)
            && let Ok(topic) = TopicName::try_from(publish.topic.as_str())
        {
            self.define(alias, topic);
        }
    }

    pub(crate) fn topic(&self, alias: u16) -> Option<&TopicName> {
        self.topics.get(&alias)
    }

    /// The topic a packet means; empty if its alias stands for none.
    pub(crate) fn meant<'a>(&'a self, publish: &'a Publish) -> &'a str {
        let own = publish.topic.as_str();
        if !own.is_empty() {
            return own;
        }
        let alias = publish.properties.topic_alias();
        alias.and_then(|alias| self.topic(alias)).map_or(own, |topic| topic.as_str())
    }
}

/// Topic aliases given to a client, the first topics first.
#[derive(Debug, Default)]
pub(crate) struct SentAliases {
    maximum: u16,
    aliases: BTreeMap<TopicName, u16>,
}

impl SentAliases {
    pub(crate) const fn new(maximum: u16) -> Self {
        Self { maximum, aliases: BTreeMap::new() }
    }

    /// How to name this topic; [`SentAliases::defined`] must follow once it is sent.
    //= [MQTT-3.1.2-26]
    //= [MQTT-3.1.2-27]
    pub(crate) fn choose(&self, topic: &TopicName) -> TopicAliasUse {
        if self.maximum == 0 {
            return TopicAliasUse::None;
        }
        match (self.aliases.get(topic), u16::try_from(self.aliases.len() + 1)) {
            (Some(alias), _) => TopicAliasUse::Use(*alias),
            (None, Ok(next)) if next <= self.maximum => TopicAliasUse::Define(next),
            (None, _) => TopicAliasUse::None,
        }
    }

    pub(crate) fn defined(&mut self, topic: &TopicName, alias: u16) {
        self.aliases.insert(topic.clone(), alias);
    }
}
