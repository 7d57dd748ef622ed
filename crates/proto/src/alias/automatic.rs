//! Aliases that the client gives by itself. To decide about a message costs less
//! than a tenth of its publishing, however many topics there are.

use alloc::vec::Vec;

use evenkeel_codec::{Text, TopicAliasUse};

use crate::hash::hash;

/// A Topic Alias takes so many bytes: to leave out a topic that is no longer
/// saves nothing.
const ALIAS_SIZE: usize = 3;

/// A topic is seen so often beside the aliases before one may move to it: that
/// costs bytes, and is worth it for a topic that comes back.
const SIGHTINGS: u8 = 3;

/// How much longer the holder of an alias must have rested than the newcomer:
/// else topics that take turns would take each other's aliases.
const REST: u32 = 8;

/// Topics with an alias each. The first ones get theirs at once. If there are
/// more topics than aliases, an alias moves from a topic that has not been
/// published to for long to one that comes again and again.
#[derive(Debug, Default)]
pub(super) struct Automatic {
    maximum: u16,
    /// What each alias stands for, from alias 1 on.
    holders: Vec<Holder>,
    /// The first holder of those whose topics have the same hash, as far as
    /// that is looked at.
    chains: Vec<Link>,
    /// Topics without an alias that were published to lately.
    newcomers: Vec<Newcomer>,
    /// The holder that is looked at next.
    hand: usize,
    /// Messages so far.
    clock: u32,
}

#[derive(Debug)]
struct Holder {
    topic: Text,
    hash: u64,
    /// The next one of its chain.
    next: Link,
    /// When it was last published to.
    used: u32,
    /// False if the PUBLISH that was to define the alias was not sent.
    defined: bool,
}

/// The alias of a holder, or 0 for none.
type Link = u16;

#[derive(Clone, Copy, Debug, Default)]
struct Newcomer {
    tag: u32,
    sightings: u8,
}

impl Automatic {
    pub(super) fn new(maximum: u16) -> Self {
        Self { maximum, ..Self::default() }
    }

    #[inline]
    pub(super) fn assign(&mut self, topic: &Text) -> TopicAliasUse {
        if topic.len() <= ALIAS_SIZE {
            return TopicAliasUse::None;
        }
        let hash = hash(topic.as_bytes());
        self.clock = self.clock.wrapping_add(1);
        let Some((alias, holder)) = self.find(hash, topic) else {
            return self.admit(hash, topic);
        };
        if core::mem::replace(&mut holder.defined, true) {
            TopicAliasUse::Use(alias)
        } else {
            TopicAliasUse::Define(alias)
        }
    }

    /// The server never saw the PUBLISH that was to define this topic's alias.
    pub(super) fn forget(&mut self, topic: &Text) {
        let rested = self.clock.wrapping_sub(self.rest());
        if let Some((_, holder)) = self.find(hash(topic.as_bytes()), topic) {
            holder.defined = false;
            holder.used = rested;
        }
    }

    #[inline]
    fn find(&mut self, hash: u64, topic: &Text) -> Option<(u16, &mut Holder)> {
        let mut link = *self.chains.get(place(hash, self.chains.len()))?;
        loop {
            let holder = self.holders.get(usize::from(link).checked_sub(1)?)?;
            if holder.hash == hash && holder.topic == *topic {
                break;
            }
            link = holder.next;
        }
        let holder = self.holders.get_mut(usize::from(link) - 1)?;
        holder.used = self.clock;
        Some((link, holder))
    }

    // ---- topics without an alias ----

    fn admit(&mut self, hash: u64, topic: &Text) -> TopicAliasUse {
        let given = self.holders.len();
        if given < usize::from(self.maximum) {
            self.grow();
            let holder =
                Holder { topic: topic.clone(), hash, next: 0, used: self.clock, defined: true };
            self.holders.push(holder);
            return self.chain(given);
        }
        if !self.comes_again(hash) {
            return TopicAliasUse::None;
        }
        match self.rested_holder() {
            Some(index) => self.hand_over(index, hash, topic),
            None => TopicAliasUse::None,
        }
    }

    /// True for a topic that has come often enough while hardly any others did.
    #[inline]
    fn comes_again(&mut self, hash: u64) -> bool {
        if self.newcomers.is_empty() {
            self.newcomers.resize(self.room() as usize, Newcomer::default());
        }
        let place = place(hash, self.newcomers.len());
        let Some(newcomer) = self.newcomers.get_mut(place) else { return false };
        let tag = hash as u32;
        if newcomer.tag != tag {
            *newcomer = Newcomer { tag, sightings: 0 };
        }
        newcomer.sightings = newcomer.sightings.saturating_add(1);
        newcomer.sightings >= SIGHTINGS
    }

    /// Looks at one holder, each time at another.
    fn rested_holder(&mut self) -> Option<usize> {
        let index = self.hand;
        self.hand = if index + 1 < self.holders.len() { index + 1 } else { 0 };
        let holder = self.holders.get(index)?;
        (self.clock.wrapping_sub(holder.used) >= self.rest()).then_some(index)
    }

    /// How many newcomers are remembered.
    fn room(&self) -> u32 {
        (u32::from(self.maximum) * 2).next_power_of_two().max(16)
    }

    /// Messages without one to its topic after which a holder may give way.
    fn rest(&self) -> u32 {
        self.room() * REST
    }

    fn hand_over(&mut self, index: usize, hash: u64, topic: &Text) -> TopicAliasUse {
        self.unchain(index);
        if let Some(holder) = self.holders.get_mut(index) {
            let (topic, used) = (topic.clone(), self.clock);
            *holder = Holder { topic, hash, next: 0, used, defined: true };
        }
        self.chain(index)
    }

    // ---- chains ----

    /// Puts a holder at the head of its chain.
    fn chain(&mut self, index: usize) -> TopicAliasUse {
        let len = self.chains.len();
        let Ok(alias) = u16::try_from(index + 1) else { return TopicAliasUse::None };
        let Some(holder) = self.holders.get_mut(index) else { return TopicAliasUse::None };
        if let Some(head) = self.chains.get_mut(place(holder.hash, len)) {
            holder.next = core::mem::replace(head, alias);
        }
        TopicAliasUse::Define(alias)
    }

    fn unchain(&mut self, index: usize) {
        let Some(holder) = self.holders.get(index) else { return };
        let (next, place) = (holder.next, place(holder.hash, self.chains.len()));
        let is_it = |link: Link| usize::from(link) == index + 1;
        let Some(head) = self.chains.get_mut(place) else { return };
        if is_it(*head) {
            *head = next;
            return;
        }
        let mut link = *head;
        while let Some(before) =
            usize::from(link).checked_sub(1).and_then(|index| self.holders.get_mut(index))
        {
            if is_it(before.next) {
                before.next = next;
                return;
            }
            link = before.next;
        }
    }

    /// Keeps chains short: there are at least twice as many as holders.
    fn grow(&mut self) {
        let wanted = ((self.holders.len() + 1) * 2).next_power_of_two().max(8);
        if wanted <= self.chains.len() {
            return;
        }
        self.chains.clear();
        self.chains.resize(wanted, 0);
        for index in 0..self.holders.len() {
            self.chain(index);
        }
    }
}

/// Where to look among `len` places, a power of two: by the high bits, as the
/// low ones tell newcomers apart.
#[inline]
const fn place(hash: u64, len: usize) -> usize {
    (hash >> 32) as usize & len.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    fn text(text: &str) -> Text {
        Text::try_from(text).unwrap()
    }

    fn topic(number: usize) -> Text {
        text(&format!("site/{number}/level"))
    }

    /// A server that knows its aliases, and the bytes that they save it.
    #[derive(Default)]
    struct Server {
        topics: BTreeMap<u16, Text>,
        defined: usize,
        used: usize,
        saved: isize,
    }

    impl Server {
        fn take(&mut self, topic: &Text, named: TopicAliasUse) {
            match named {
                TopicAliasUse::None => {}
                TopicAliasUse::Define(alias) => {
                    self.topics.insert(alias, topic.clone());
                    self.defined += 1;
                    self.saved -= 3;
                }
                TopicAliasUse::Use(alias) => {
                    assert_eq!(self.topics.get(&alias), Some(topic), "what was meant");
                    self.used += 1;
                    self.saved += topic.len() as isize - 3;
                }
            }
        }
    }

    /// So many messages to topics of such numbers, and what the server made of
    /// the second half.
    fn run(maximum: u16, messages: usize, mut number: impl FnMut(usize) -> usize) -> Server {
        let (mut aliases, mut server) = (Automatic::new(maximum), Server::default());
        for at in 0..messages {
            let topic = topic(number(at));
            server.take(&topic, aliases.assign(&topic));
            assert!(server.topics.keys().all(|alias| (1..=maximum).contains(alias)));
            if at == messages / 2 {
                server = Server { topics: server.topics, ..Server::default() };
            }
        }
        server
    }

    /// Numbers below `bound` without any order.
    fn random(bound: usize) -> impl FnMut(usize) -> usize {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        move |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % bound
        }
    }

    #[test]
    fn as_many_topics_as_the_server_takes_get_an_alias_at_once() {
        for maximum in [1, 2, 10, 64] {
            let topics = usize::from(maximum);
            let mut aliases = Automatic::new(maximum);
            for number in 0..topics {
                let alias = number as u16 + 1;
                assert_eq!(aliases.assign(&topic(number)), TopicAliasUse::Define(alias));
            }
            for number in (0..topics).rev() {
                let alias = number as u16 + 1;
                assert_eq!(aliases.assign(&topic(number)), TopicAliasUse::Use(alias));
            }
            assert_eq!(aliases.assign(&topic(topics)), TopicAliasUse::None, "one more");
        }
    }

    #[test]
    fn a_topic_no_longer_than_an_alias_has_none() {
        let mut aliases = Automatic::new(10);
        for topic in ["a", "abc", "a", "abc"].map(text) {
            assert_eq!(aliases.assign(&topic), TopicAliasUse::None, "{topic}");
        }
        assert_eq!(aliases.assign(&text("abcd")), TopicAliasUse::Define(1));
        assert_eq!(aliases.assign(&text("abcd")), TopicAliasUse::Use(1));
    }

    /// Topics that take turns do not take each other's aliases, however many.
    #[test]
    fn no_alias_moves_while_topics_take_turns() {
        for maximum in [1, 10, 64] {
            let most = usize::from(maximum);
            for topics in [most, most + 1, 2 * most, 5 * most, 20 * most, 100 * most, 2_000] {
                let messages = (20 * topics).max(4_000);
                let server = run(maximum, messages, |at| at % topics);
                let (defined, used) = (server.defined, server.used);
                assert!(defined * 100 <= messages, "{maximum} for {topics}: {defined} moved");
                assert!(server.saved >= 0, "{maximum} for {topics}: {}", server.saved);
                let share = messages / 2 * most / topics.max(most);
                assert!(used * 2 >= share, "{maximum} for {topics}: {used} of {share}");
            }
        }
    }

    #[test]
    fn topics_without_any_order_cost_no_bytes() {
        for maximum in [1, 10, 64] {
            for topics in [2, 10, 50, 100, 1_000, 10_000] {
                let server = run(maximum, 40_000, random(topics));
                assert!(server.saved >= 0, "{maximum} for {topics}: {}", server.saved);
                let defined = server.defined;
                assert!(defined <= 200, "{maximum} for {topics}: {defined} moved");
            }
        }
    }

    /// Others come into use: the aliases move to them, once each.
    #[test]
    fn topics_that_are_used_no_more_give_their_aliases_away() {
        let (mut aliases, mut server) = (Automatic::new(10), Server::default());
        for number in 0..10 {
            aliases.assign(&topic(number));
        }
        for at in 0..5_000 {
            let topic = topic(100 + at % 10);
            server.take(&topic, aliases.assign(&topic));
        }
        assert_eq!(server.defined, 10);
        assert!(server.used >= 4_000, "{}", server.used);
    }

    /// A few topics that are used much have aliases amid many that are not.
    #[test]
    fn what_is_used_most_has_aliases_in_the_end() {
        let mut random = random(10_000);
        let server = run(10, 100_000, |at| match at % 4 {
            0 => at / 4 % 8,
            _ => 100 + random(at),
        });
        assert!(server.used >= 10_000, "{} of 12,500", server.used);
        assert!(server.defined <= 500, "{}", server.defined);
    }

    #[test]
    fn a_forgotten_alias_is_defined_by_the_next_message_to_its_topic() {
        let mut aliases = Automatic::new(2);
        assert_eq!(aliases.assign(&text("one/")), TopicAliasUse::Define(1));
        assert_eq!(aliases.assign(&text("two/")), TopicAliasUse::Define(2));
        aliases.forget(&text("two/"));
        assert_eq!(aliases.assign(&text("two/")), TopicAliasUse::Define(2));
        assert_eq!(aliases.assign(&text("two/")), TopicAliasUse::Use(2));
        aliases.forget(&text("one/"));
        let named: BTreeMap<_, _> =
            (0..3).map(|at| (at.to_string(), aliases.assign(&text("three")))).collect();
        assert_eq!(named["2"], TopicAliasUse::Define(1), "the first to go: {named:?}");
    }

    /// Every topic is found again, whatever the chains went through.
    #[test]
    fn chains_hold_what_was_put_in() {
        let mut aliases = Automatic::new(200);
        let mut random = random(600);
        for at in 0..200_000 {
            // A window that moves over the topics.
            let topic = topic(random(at) + at / 20_000 * 600);
            aliases.assign(&topic);
        }
        for index in 0..aliases.holders.len() {
            let (hash, topic) = (aliases.holders[index].hash, aliases.holders[index].topic.clone());
            let found = aliases.find(hash, &topic).map(|(alias, _)| usize::from(alias));
            assert_eq!(found, Some(index + 1));
        }
        let mut links = 0;
        for head in &aliases.chains {
            let mut link = usize::from(*head);
            while link > 0 {
                links += 1;
                link = usize::from(aliases.holders[link - 1].next);
            }
        }
        assert_eq!(links, aliases.holders.len(), "and nothing else");
    }
}
