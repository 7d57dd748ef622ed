//! Topic aliases: state of one connection, in each direction.

mod automatic;

use alloc::boxed::Box;
use alloc::vec::Vec;

use evenkeel_codec::{Publish, Text, TopicAliasUse};

use crate::config::TopicAliases;
use crate::sorted::Map;
use crate::tuning;

use automatic::Automatic;

/// Aliases we define for the server.
#[derive(Debug)]
pub(crate) struct OutgoingAliases {
    maximum: u16,
    given: Given,
}

/// Who gives them.
#[derive(Debug)]
enum Given {
    ByUs(Automatic),
    /// What the server knows each to stand for.
    ByApplication(Map<u16, Text>),
}

impl OutgoingAliases {
    //= [MQTT-3.1.2-26]
    //= [MQTT-3.3.2-9]
    pub(crate) fn new(who: TopicAliases, server_maximum: u16) -> Option<Box<Self>> {
        let maximum = server_maximum.min(tuning::ALIASES);
        let given = match who {
            _ if server_maximum == 0 => return None,
            TopicAliases::Off => return None,
            TopicAliases::Manual => Given::ByApplication(Map::new()),
            TopicAliases::Automatic => Given::ByUs(Automatic::new(maximum)),
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
