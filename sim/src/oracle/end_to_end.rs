//! D3 and D13 across the whole world: what publishers were promised, and what
//! subscribers got. The broker's journal says who had subscribed when a
//! message came; nothing else of the broker is believed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use evenkeel_codec::{QoS, TopicFilter, TopicName};
use evenkeel_proto::record::Record;
use evenkeel_proto::{Config, DeliveryError, WhenUncertain};

use super::Verdict;
use super::copies::Copies;
use crate::message::MessageId;
use crate::observation::Delivery;
use crate::view::is_end;

/// Accounts of all messages of a world.
#[derive(Debug, Default)]
pub struct Ledger {
    messages: BTreeMap<MessageId, Account>,
    sessions: BTreeMap<String, Mirror>,
    subscribers: BTreeMap<usize, Subscriber>,
    /// Clients that share their identifier with another: one's QoS 2 message
    /// may pass for a copy of the other's.
    rivals: BTreeSet<u16>,
    /// Clients that send anew what may be lost: their QoS 2 messages may come
    /// more than once.
    generous: BTreeSet<u16>,
    /// Clients whose store knows that a session may have begun.
    unproven: BTreeSet<usize>,
    /// Clients that connected although their store, which failed, does not know it.
    blind: BTreeSet<usize>,
}

/// One message.
#[derive(Debug, Default)]
struct Account {
    /// Received by the broker so often.
    received: u32,
    /// The publisher's session, counted by its losses, it was received in last.
    received_in: Option<u32>,
    /// Sessions its publisher lost while it was not over.
    sessions_lost: u32,
    is_over: bool,
    /// The publisher's store has let go of it, so that no later process sends it.
    is_gone: bool,
    /// Its publisher died blind: the next process can't know of a loss of the
    /// session, and takes PUBCOMP for the end.
    is_misjudged: bool,
    /// QoS 2: PUBREL reached the broker in the session that had taken it.
    is_taken: bool,
    /// May vanish after some time.
    expires: bool,
}

/// A session as the broker's journal tells of it.
#[derive(Debug, Default)]
struct Mirror {
    /// The clients that use its identifier.
    clients: Vec<usize>,
    filters: BTreeMap<TopicFilter, QoS>,
    /// QoS 2 messages that wait for PUBREL, by packet identifier. What comes
    /// under one of these is taken for a copy.
    held: BTreeMap<u16, MessageId>,
}

/// Messages whose order is kept: publisher, topic and QoS of publishing, and
/// the QoS they are delivered with.
type Stream = ((u16, u8, u8), QoS);

/// What one client has and is owed.
#[derive(Debug, Default)]
struct Subscriber {
    got: BTreeMap<MessageId, u32>,
    /// Copies of QoS 1, each with its identifier, and how often such came again: that
    /// says nothing of copies of another QoS.
    at_least_once: BTreeSet<(MessageId, Option<u16>)>,
    again: BTreeMap<MessageId, u32>,
    /// How often it had got those that a process took and had not stored.
    forgiven: BTreeMap<MessageId, u32>,
    /// In the order the broker received them; whether they must come.
    due: BTreeMap<Stream, VecDeque<(MessageId, bool)>>,
    /// Of its streams, if it has them.
    copies: Copies,
}

impl Subscriber {
    /// How often a message came, and how many of these were a copy of QoS 1 once more.
    fn count(&mut self, delivery: &Delivery) -> (u32, u32) {
        let message = delivery.message;
        let count = self.got.entry(message).or_default();
        *count += 1;
        let again = self.again.entry(message).or_default();
        if delivery.qos == QoS::AtLeastOnce {
            let is_new = self.at_least_once.insert((message, delivery.packet_id));
            *again += u32::from(!is_new);
        }
        (*count, *again)
    }

    /// How often it may get a message that is delivered like this.
    fn allowed(&self, delivery: &Delivery, account: &Account, is_generous: bool) -> u32 {
        let message = delivery.message;
        match (message.qos(), delivery.qos) {
            (QoS::AtMostOnce, _) => 1,
            (QoS::AtLeastOnce, _) | (_, QoS::AtLeastOnce) => u32::MAX,
            _ if is_generous => u32::MAX,
            (QoS::ExactlyOnce, _) => {
                let forgiven = self.forgiven.get(&message).copied().unwrap_or_default();
                1 + account.sessions_lost + forgiven
            }
        }
    }
}

impl Ledger {
    /// No accounts.
    pub const fn new() -> Self {
        Self {
            messages: BTreeMap::new(),
            sessions: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            rivals: BTreeSet::new(),
            generous: BTreeSet::new(),
            unproven: BTreeSet::new(),
            blind: BTreeSet::new(),
        }
    }

    /// A client exists; whether it begins after all others with its identifier
    /// have stopped.
    pub fn enrol(&mut self, client: usize, config: &Config, is_successor: bool) {
        let client_id = config.connect.client_id.as_str();
        let clients = &mut self.sessions.entry(client_id.to_owned()).or_default().clients;
        clients.push(client);
        if clients.len() > 1 && !is_successor {
            self.rivals.extend(clients.iter().filter_map(|client| u16::try_from(*client).ok()));
        }
        self.subscribers.entry(client).or_default();
        if let (WhenUncertain::SendAnew, Ok(client)) =
            (config.when_uncertain, u16::try_from(client))
        {
            self.generous.insert(client);
        }
    }

    /// A client accepted a message; whether it may expire.
    pub fn accepted(&mut self, message: MessageId, expires: bool) {
        self.messages.insert(message, Account { expires, ..Account::default() });
    }

    /// A publish is over.
    pub fn completed<T>(
        &mut self,
        message: MessageId,
        result: &Result<T, DeliveryError>,
        verdict: &mut Verdict,
    ) {
        let Some(account) = self.messages.get_mut(&message) else { return };
        account.is_over = is_end(result);
        let is_promised = message.qos > 0 && result.is_ok();
        verdict.require("D3", !is_promised || account.received > 0, || {
            format!("{message} is called delivered, the broker never got it")
        });
        let is_checked = is_promised
            && message.qos() == QoS::ExactlyOnce
            && !self.rivals.contains(&message.publisher)
            && !account.is_misjudged;
        verdict.require("D13", !is_checked || account.is_taken, || {
            format!("{message} is called delivered, and no session took it to the end")
        });
    }

    /// The broker got a QoS 2 message of this client under this identifier.
    pub fn holds(&mut self, client: usize, id: u16, message: MessageId) {
        if let Some(session) = self.session_of(client) {
            session.held.entry(id).or_insert(message);
        }
    }

    /// PUBREL for this identifier reached the broker.
    pub fn released(&mut self, client: usize, id: u16) {
        let message = self.session_of(client).and_then(|session| session.held.remove(&id));
        if let Some(account) = message.and_then(|message| self.messages.get_mut(&message)) {
            account.is_taken = true;
        }
    }

    /// The broker has refused what came under this identifier.
    pub fn refused(&mut self, client: usize, id: u16) {
        if let Some(session) = self.session_of(client) {
            session.held.remove(&id);
        }
    }

    fn session_of(&mut self, client: usize) -> Option<&mut Mirror> {
        self.sessions.values_mut().find(|session| session.clients.contains(&client))
    }

    /// A client's process died; these receipts were stored. What else its
    /// application had taken, it may get again.
    pub fn died(&mut self, client: usize, receipts: &BTreeMap<MessageId, u32>) {
        if self.blind.remove(&client) {
            for (message, account) in &mut self.messages {
                account.is_misjudged |= usize::from(message.publisher) == client;
            }
        }
        let Some(subscriber) = self.subscribers.get_mut(&client) else { return };
        for (message, count) in &subscriber.got {
            let stored = receipts.get(message).copied().unwrap_or_default();
            subscriber.forgiven.insert(*message, count.saturating_sub(stored));
        }
    }

    /// CONNECT goes out, by which a session may begin.
    pub fn connects(&mut self, client: usize) {
        if !self.unproven.contains(&client) {
            self.blind.insert(client);
        }
    }

    /// The store of a client is told of its session.
    pub fn stored(&mut self, client: usize, record: &Record) {
        match record {
            Record::Unproven => {
                self.unproven.insert(client);
                self.blind.remove(&client);
            }
            Record::SessionLost => drop(self.blind.remove(&client)),
            Record::Proven => drop(self.unproven.remove(&client)),
            _ => {}
        }
    }

    /// The store of a publisher has let go of a message.
    pub fn gone(&mut self, message: MessageId) {
        if let Some(account) = self.messages.get_mut(&message) {
            account.is_gone = true;
        }
    }

    /// The next process of a client takes up what its store holds: an outcome that
    /// was told and not stored is void, and so is one that said nobody knows
    /// whether the message is stored.
    pub fn recovered(&mut self, client: usize) {
        for (message, account) in &mut self.messages {
            account.is_over &= account.is_gone || usize::from(message.publisher) != client;
        }
    }

    /// The broker received a message from a client.
    pub fn received(&mut self, message: MessageId) {
        let Some(account) = self.messages.get_mut(&message) else { return };
        account.received += 1;
        let may_vanish = account.expires
            || message.qos() == QoS::ExactlyOnce && self.rivals.contains(&message.publisher);
        let before = account.received_in.replace(account.sessions_lost);
        if message.qos() == QoS::ExactlyOnce && before == Some(account.sessions_lost) {
            // A second copy, which goes no further.
            return;
        }
        let Ok(topic) = TopicName::try_from(message.topic_name().as_str()) else { return };
        for session in self.sessions.values() {
            let matching = session.filters.iter().filter(|(filter, _)| filter.matches_name(&topic));
            let Some(granted) = matching.clone().map(|(_, qos)| *qos).max() else { continue };
            // Two instances that fight for an identifier are owed nothing.
            let [client] = *session.clients else { continue };
            let Some(subscriber) = self.subscribers.get_mut(&client) else { continue };
            let subscriptions = matching.map(|(filter, qos)| (filter.clone(), *qos));
            subscriber.copies.receive(message, subscriptions, !may_vanish);
            let qos = granted.min(message.qos());
            let due = subscriber.due.entry((message.stream(), qos)).or_default();
            let is_known = subscriber.got.contains_key(&message)
                || due.iter().any(|(other, _)| *other == message);
            if !is_known {
                due.push_back((message, qos > QoS::AtMostOnce && !may_vanish));
            }
        }
    }

    /// The broker granted a filter.
    pub fn subscribed(&mut self, client_id: &str, filter: TopicFilter, granted: QoS) {
        let session = self.sessions.entry(client_id.to_owned()).or_default();
        session.filters.insert(filter, granted);
    }

    /// The broker ended a subscription: what waits may still come.
    pub fn unsubscribed(&mut self, client_id: &str, filter: &TopicFilter) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        session.filters.remove(filter);
        self.forgive(client_id, false);
    }

    /// The broker dropped a message for this client.
    pub fn dropped(&mut self, client_id: &str) {
        self.forgive(client_id, false);
    }

    /// The broker forgot a session, and with it what it owed.
    pub fn session_ended(&mut self, client_id: &str) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        session.filters.clear();
        session.held.clear();
        let clients = session.clients.clone();
        let open = self.messages.iter_mut().filter(|(message, account)| {
            !account.is_over && clients.contains(&usize::from(message.publisher))
        });
        for (_, account) in open {
            account.sessions_lost += 1;
        }
        self.forgive(client_id, true);
    }

    fn forgive(&mut self, client_id: &str, forget: bool) {
        let Some(session) = self.sessions.get(client_id) else { return };
        for client in &session.clients {
            let Some(subscriber) = self.subscribers.get_mut(client) else { continue };
            subscriber.copies.forgive();
            if forget {
                subscriber.due.clear();
            }
            for (_, must) in subscriber.due.values_mut().flatten() {
                *must = false;
            }
        }
    }

    /// An application took a message.
    pub fn taken(&mut self, client: usize, delivery: &Delivery, verdict: &mut Verdict) {
        let message = delivery.message;
        let Some(account) = self.messages.get(&message) else {
            return verdict.broken("D3", format!("{message} was never published"));
        };
        let Some(subscriber) = self.subscribers.get_mut(&client) else { return };
        let is_generous = self.generous.contains(&message.publisher);
        let allowed = subscriber.allowed(delivery, account, is_generous);
        let allowed = subscriber.copies.in_all(allowed, message);
        let (count, again) = subscriber.count(delivery);
        verdict.require("D3", count - again <= allowed, || {
            format!("{message} came {count} times with {:?}, {again} by QoS 1", delivery.qos)
        });
        // A second copy may be due as well: sent anew in another session, with another QoS.
        let Some(due) = subscriber.due.get_mut(&(message.stream(), delivery.qos)) else { return };
        if !due.iter().any(|(other, _)| *other == message) {
            return;
        }
        while let Some((other, must)) = due.pop_front() {
            if other == message {
                break;
            }
            verdict.require("D3", !must, || format!("{message} came before {other}"));
        }
    }

    /// The streams of a client get messages of a server that sends a copy for each
    /// subscription, or does not; whether copies can be told apart.
    pub fn copies(&mut self, client: usize, are_several: bool, are_alike: bool) {
        if let Some(subscriber) = self.subscribers.get_mut(&client) {
            subscriber.copies.are_several = are_several;
            subscriber.copies.are_alike = are_alike;
        }
    }

    /// A client has a stream for this filter.
    pub fn opened_stream(&mut self, client: usize, filter: &TopicFilter) {
        if let Some(subscriber) = self.subscribers.get_mut(&client) {
            subscriber.copies.open(filter);
        }
    }

    /// A message came out of the stream of this filter.
    pub fn reached(
        &mut self,
        client: usize,
        filter: &TopicFilter,
        delivery: &Delivery,
        verdict: &mut Verdict,
    ) {
        let Some(account) = self.messages.get(&delivery.message) else { return };
        let Some(subscriber) = self.subscribers.get_mut(&client) else { return };
        let is_generous = self.generous.contains(&delivery.message.publisher);
        let allowed = subscriber.allowed(delivery, account, is_generous);
        let again = subscriber.again.get(&delivery.message).copied().unwrap_or_default();
        subscriber.copies.reach(filter, delivery, (allowed, again), verdict);
    }

    /// A stream of a client that has yet to get a message.
    pub fn owed_to_stream(&self, client: usize) -> Option<&(TopicFilter, MessageId)> {
        self.subscribers.get(&client)?.copies.owed()
    }

    /// Messages that a client has yet to get.
    pub fn owed(&self, client: usize) -> Vec<MessageId> {
        let subscriber = self.subscribers.get(&client);
        let due = subscriber.into_iter().flat_map(|subscriber| subscriber.due.values().flatten());
        due.filter(|(_, must)| *must).map(|(message, _)| *message).collect()
    }

    /// The filters the broker holds for a client identifier.
    pub fn filters(&self, client_id: &str) -> BTreeMap<TopicFilter, QoS> {
        self.sessions.get(client_id).map(|session| session.filters.clone()).unwrap_or_default()
    }

    /// How often a client got a message.
    pub fn got(&self, client: usize) -> &BTreeMap<MessageId, u32> {
        static NONE: BTreeMap<MessageId, u32> = BTreeMap::new();
        self.subscribers.get(&client).map_or(&NONE, |subscriber| &subscriber.got)
    }
}
