//! Topic aliases: state of one connection, in each direction.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use evenkeel_codec::{Publish, Text, TopicAliasUse};

use crate::config::TopicAliases;
use crate::tuning;

/// Aliases we define for the server.
#[derive(Debug)]
pub(crate) struct OutgoingAliases {
    maximum: u16,
    given: Given,
}

/// Who gives them.
#[derive(Debug)]
enum Given {
    ByUs(LatestTopics),
    /// What the server knows each to stand for.
    ByApplication(BTreeMap<u16, Text>),
}

/// The topics used last, each with an alias; the least recently used gives way.
#[derive(Debug, Default)]
struct LatestTopics {
    maximum: u16,
    known: BTreeMap<Text, Known>,
    clock: u64,
}

#[derive(Debug)]
struct Known {
    alias: u16,
    used: u64,
    /// False if the PUBLISH that was to define it was not sent.
    defined: bool,
}

impl OutgoingAliases {
    //= [MQTT-3.1.2-26]
    //= [MQTT-3.3.2-9]
    pub(crate) fn new(who: TopicAliases, server_maximum: u16) -> Option<Box<Self>> {
        let maximum = server_maximum.min(tuning::ALIASES);
        let given = match who {
            _ if server_maximum == 0 => return None,
            TopicAliases::Off => return None,
            TopicAliases::Manual => Given::ByApplication(BTreeMap::new()),
            TopicAliases::Automatic => {
                Given::ByUs(LatestTopics { maximum, ..LatestTopics::default() })
            }
        };
        Some(Box::new(Self { maximum: server_maximum, given }))
    }

    /// How to name the topic of this message in its PUBLISH.
    #[inline]
    pub(crate) fn assign(&mut self, publish: &Publish) -> TopicAliasUse {
        match &mut self.given {
            Given::ByUs(topics) => topics.assign(&publish.topic),
            Given::ByApplication(topics) => {
                let alias = publish.properties.topic_alias();
                match alias.filter(|alias| *alias <= self.maximum) {
                    None => TopicAliasUse::None,
                    Some(alias) if topics.get(&alias) == Some(&publish.topic) => {
                        TopicAliasUse::Use(alias)
                    }
                    Some(alias) => {
                        topics.insert(alias, publish.topic.clone());
                        TopicAliasUse::Define(alias)
                    }
                }
            }
        }
    }

    /// The server never saw the PUBLISH that was to define this alias.
    pub(crate) fn forget(&mut self, publish: &Publish, alias: u16) {
        match &mut self.given {
            Given::ByUs(topics) => topics.forget(&publish.topic),
            Given::ByApplication(topics) => drop(topics.remove(&alias)),
        }
    }
}

impl LatestTopics {
    #[inline]
    fn assign(&mut self, topic: &Text) -> TopicAliasUse {
        self.clock += 1;
        if let Some(known) = self.known.get_mut(topic) {
            known.used = self.clock;
            return if core::mem::replace(&mut known.defined, true) {
                TopicAliasUse::Use(known.alias)
            } else {
                TopicAliasUse::Define(known.alias)
            };
        }
        let alias = match u16::try_from(self.known.len()) {
            Ok(count) if count < self.maximum => count + 1,
            _ => self.evict(),
        };
        self.known.insert(topic.clone(), Known { alias, used: self.clock, defined: true });
        TopicAliasUse::Define(alias)
    }

    /// The server never saw the PUBLISH that was to define this topic's alias.
    fn forget(&mut self, topic: &Text) {
        if let Some(known) = self.known.get_mut(topic) {
            known.used = 0;
            known.defined = false;
        }
    }

    fn evict(&mut self) -> u16 {
        let oldest = self.known.iter().min_by_key(|(_, known)| known.used);
        let Some(topic) = oldest.map(|(topic, _)| topic.clone()) else { return 1 };
        self.known.remove(&topic).map_or(1, |known| known.alias)
    }
}

/// Aliases the server defines for us.
#[derive(Debug, Default)]
pub(crate) struct IncomingAliases {
    maximum: u16,
    topics: Vec<Option<Text>>,
}

/// The server used an alias it may not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidAlias;

impl IncomingAliases {
    pub(crate) const fn new(our_maximum: u16) -> Self {
        Self { maximum: our_maximum, topics: Vec::new() }
    }

    //= [MQTT-3.3.2-8]
    //= [MQTT-3.3.2-11]
    /// The topic that a PUBLISH with this topic and alias means.
    pub(crate) fn resolve(&mut self, topic: Text, alias: u16) -> Result<Text, InvalidAlias> {
        if alias == 0 || alias > self.maximum {
            return Err(InvalidAlias);
        }
        let index = usize::from(alias) - 1;
        if topic.is_empty() {
            return self.topics.get(index).cloned().flatten().ok_or(InvalidAlias);
        }
        if self.topics.len() <= index {
            self.topics.resize(index + 1, None);
        }
        if let Some(slot) = self.topics.get_mut(index) {
            // A copy: a slice would keep the whole read buffer alive.
            *slot = Some(topic.detached());
        }
        Ok(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> Text {
        Text::from_static(text).unwrap()
    }

    #[test]
    fn the_least_recently_used_alias_is_redefined() {
        let mut aliases = LatestTopics { maximum: 2, ..LatestTopics::default() };
        assert_eq!(aliases.assign(&text("a")), TopicAliasUse::Define(1));
        assert_eq!(aliases.assign(&text("b")), TopicAliasUse::Define(2));
        assert_eq!(aliases.assign(&text("a")), TopicAliasUse::Use(1));
        assert_eq!(aliases.assign(&text("c")), TopicAliasUse::Define(2));
        assert_eq!(aliases.assign(&text("b")), TopicAliasUse::Define(1));
    }

    #[test]
    fn a_forgotten_alias_is_defined_when_it_is_used_next() {
        let mut aliases = LatestTopics { maximum: 2, ..LatestTopics::default() };
        assert_eq!(aliases.assign(&text("a")), TopicAliasUse::Define(1));
        assert_eq!(aliases.assign(&text("b")), TopicAliasUse::Define(2));
        aliases.forget(&text("b"));
        assert_eq!(aliases.assign(&text("b")), TopicAliasUse::Define(2));
        assert_eq!(aliases.assign(&text("b")), TopicAliasUse::Use(2));
        aliases.forget(&text("a"));
        assert_eq!(aliases.assign(&text("c")), TopicAliasUse::Define(1), "the first to go");
    }

    //= [MQTT-3.1.2-26] test
    #[test]
    fn a_maximum_of_zero_means_no_alias() {
        for who in [TopicAliases::Automatic, TopicAliases::Manual, TopicAliases::Off] {
            assert!(OutgoingAliases::new(who, 0).is_none(), "{who:?}");
        }
    }

    #[test]
    fn incoming_aliases_are_checked_on_both_sides_of_the_maximum() {
        let mut aliases = IncomingAliases::new(2);
        assert_eq!(aliases.resolve(text("t"), 2), Ok(text("t")));
        assert_eq!(aliases.resolve(Text::default(), 2), Ok(text("t")));
        assert_eq!(aliases.resolve(text("t"), 3), Err(InvalidAlias));
        assert_eq!(aliases.resolve(text("t"), 0), Err(InvalidAlias));
        assert_eq!(aliases.resolve(Text::default(), 1), Err(InvalidAlias), "never defined");
        assert_eq!(aliases.resolve(text("u"), 2), Ok(text("u")), "redefined");
        assert_eq!(aliases.resolve(Text::default(), 2), Ok(text("u")));
    }
}
