//! Exchanges in flight, by packet identifier.

use alloc::boxed::Box;
use alloc::vec::Vec;

use evenkeel_codec::{PacketId, Publish, QoS};

use crate::operation::{Claim, Report};
use crate::record::Serial;
use crate::session::control::Control;
use crate::session::doubts::Doubts;
use crate::session::owed::Owed;
use crate::sorted::Map;
use crate::time::Instant;

/// One exchange that holds a packet identifier.
#[derive(Debug)]
pub(crate) struct Flight {
    /// Order of first sending; resending keeps it (D6).
    order: u64,
    /// When it was last sent.
    pub(crate) sent: Instant,
    /// When the message is of no more use; if that is not said here, its
    /// own interval counts, from its first sending.
    pub(crate) expires: Option<Instant>,
    /// How often it was sent.
    pub(crate) attempts: u32,
    pub(crate) suspicion: Suspicion,
    here: Here,
    /// Its PUBLISH has not gone out, or is to go out anew.
    is_new: bool,
    /// More than one PUBREL went out, or may have.
    repeated: bool,
    /// How often it was sent again on the present connection.
    repeats: u8,
    /// PUBCOMP will not tell whether the server took the message (D13).
    doubtful: bool,
    pub(crate) exchange: Exchange,
}

/// What an exchange has to do with the present connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Here {
    /// It is left from an earlier one, and not yet sent again.
    Not,
    /// It began here, and waits for the store.
    Begun,
    /// It was sent here.
    Sent {
        /// Where its packet begins among the bytes of the connection.
        begins: u64,
    },
}

/// What speaks for a packet being what the server cuts connections for (R7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Suspicion {
    /// It was in flight when the peer cut a connection: it goes out again
    /// alone, and after a sign of life or the wait for one.
    pub(crate) suspect: bool,
    /// Connections with a sign of life that were cut with it in flight.
    pub(crate) strikes: u8,
}

/// What the exchange is about and what it waits for.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// QoS 1 waits for PUBACK, QoS 2 for PUBREC.
    Publish { publish: Publish, claim: Claim },
    /// PUBREL is sent, PUBCOMP awaited. The message is kept if it may be
    /// sent anew.
    Release { claim: Claim, kept: Option<Box<Publish>> },
    /// The same, for the identifier alone: the message has its outcome, but the
    /// server may hold the identifier until PUBREL (D4).
    GivenUp,
    /// The application gave the message up: PUBACK of QoS 1 or PUBREC of QoS 2
    /// is awaited, and only the identifier is in use.
    Abandoned(QoS),
    /// PUBCOMP is awaited for an identifier that the server may hold from a session this
    /// client has no memory of (D13). It ends with its connection.
    Clearing,
    /// SUBACK or UNSUBACK is awaited.
    Control(Box<Control>),
}

/// What is left to tell of the exchange of a PUBLISH that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished {
    /// `None` if the message had been given up.
    pub(crate) claim: Option<Claim>,
    pub(crate) qos: QoS,
    pub(crate) is_doubtful: bool,
    pub(crate) attempts: u32,
    pub(crate) sent: Instant,
}

impl Flight {
    pub(crate) const fn is_begun(&self) -> bool {
        matches!(self.here, Here::Begun)
    }

    /// True if the server cannot have seen its PUBLISH.
    pub(crate) const fn is_new(&self) -> bool {
        self.is_new
    }

    pub(crate) const fn repeats(&self) -> u8 {
        self.repeats
    }

    pub(crate) const fn is_sent_here(&self) -> bool {
        matches!(self.here, Here::Sent { .. })
    }

    /// PUBREL is sent on the present connection, or to be sent.
    fn is_released_here(&self) -> bool {
        self.here != Here::Not && self.exchange.is_release()
    }

    /// True if the peer may have seen some of it.
    pub(crate) const fn is_out(&self, written: u64) -> bool {
        matches!(self.here, Here::Sent { begins } if begins < written)
    }

    /// True if the end of a connection that showed life from there on speaks
    /// against it: not where it was suspected before, and was sent again
    /// without a sign of life (D16).
    const fn is_evidence(&self, alive_from: u64) -> bool {
        !self.suspicion.suspect
            || matches!(self.here, Here::Sent { begins } if begins >= alive_from)
    }
}

impl Exchange {
    /// Who waits for the outcome of the message, if it is about one.
    pub(crate) const fn claim(&self) -> Option<Claim> {
        match self {
            Self::Publish { claim, .. } | Self::Release { claim, .. } => Some(*claim),
            Self::GivenUp | Self::Abandoned(_) | Self::Clearing | Self::Control(_) => None,
        }
    }

    pub(crate) const fn is_publish(&self) -> bool {
        !matches!(self, Self::Control(_))
    }

    /// The message has left it, and only its identifier is in use.
    pub(crate) const fn is_given_up(&self) -> bool {
        matches!(self, Self::GivenUp | Self::Abandoned(_))
    }

    /// PUBREL is sent, or to be sent.
    pub(crate) const fn is_release(&self) -> bool {
        matches!(self, Self::Release { .. } | Self::GivenUp)
    }

    const fn is_clearing(&self) -> bool {
        matches!(self, Self::Clearing)
    }

    /// The QoS of a publish exchange.
    pub(crate) const fn qos(&self) -> QoS {
        match self {
            Self::Publish { publish, .. } => publish.qos,
            Self::Release { .. } | Self::GivenUp => QoS::ExactlyOnce,
            Self::Abandoned(qos) => *qos,
            Self::Clearing | Self::Control(_) => QoS::AtMostOnce,
        }
    }
}

/// The exchanges in flight, by packet identifier: the one allocator for
/// PUBLISH, SUBSCRIBE and UNSUBSCRIBE (D4).
#[derive(Debug, Default)]
pub(crate) struct Flights {
    /// Index is the identifier less one; grows as needed, to 65,535 at most.
    slots: Vec<Option<Flight>>,
    counts: Counts,
    cursor: usize,
    order: u64,
    /// Identifiers of messages that wait in the queue; none mostly.
    reserved: Option<Box<Reserved>>,
    /// Identifiers that further answers are due for; none mostly.
    owed: Option<Box<Owed>>,
    /// Identifiers of the SUBSCRIBEs and UNSUBSCRIBEs that were answered last.
    answered: [Option<PacketId>; 4],
}

/// Identifiers that were told before their exchanges begin: they are in use (D4).
#[derive(Debug, Default)]
struct Reserved {
    by_id: Map<PacketId, Serial>,
    by_serial: Map<Serial, PacketId>,
}

/// How many exchanges there are of which kind.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    publishes: usize,
    /// Exchanges of PUBLISH of which the identifier alone is left.
    given_up: usize,
    /// Identifiers that are being given back before their first use.
    clearing: usize,
    /// Exchanges of PUBLISH that began or were sent on the present connection.
    open_here: usize,
    /// Those of them of which PUBREL is sent, or to be sent.
    released_here: usize,
    /// Exchanges of PUBLISH in doubt.
    doubtful: usize,
    /// Exchanges of SUBSCRIBE and UNSUBSCRIBE that are suspected.
    suspect_controls: usize,
}

impl Counts {
    fn add(&mut self, flight: &Flight) {
        self.all += 1;
        if flight.exchange.is_publish() {
            self.publishes += 1;
            self.given_up += usize::from(flight.exchange.is_given_up());
            self.clearing += usize::from(flight.exchange.is_clearing());
            self.open_here += usize::from(flight.here != Here::Not);
            self.released_here += usize::from(flight.is_released_here());
            self.doubtful += usize::from(flight.doubtful);
        } else {
            self.suspect_controls += usize::from(flight.suspicion.suspect);
        }
    }

    /// PUBCOMP of this exchange of PUBLISH will not tell whether the server took the message.
    fn doubt(&mut self, flight: &mut Flight) {
        self.doubtful += usize::from(!core::mem::replace(&mut flight.doubtful, true));
    }

    fn remove(&mut self, flight: &Flight) {
        self.all -= 1;
        if flight.exchange.is_publish() {
            self.publishes -= 1;
            self.given_up -= usize::from(flight.exchange.is_given_up());
            self.clearing -= usize::from(flight.exchange.is_clearing());
            self.open_here -= usize::from(flight.here != Here::Not);
            self.released_here -= usize::from(flight.is_released_here());
            self.doubtful -= usize::from(flight.doubtful);
        } else {
            self.suspect_controls -= usize::from(flight.suspicion.suspect);
        }
    }
}

impl Flights {
    /// Messages in flight: exchanges of PUBLISH that have one.
    pub(crate) const fn messages(&self) -> usize {
        self.counts.publishes - self.counts.given_up - self.counts.clearing
    }

    /// Identifiers that are being given back before their first use.
    pub(crate) const fn clearing(&self) -> usize {
        self.counts.clearing
    }

    /// All exchanges in flight.
    pub(crate) const fn len(&self) -> usize {
        self.counts.all
    }

    /// True if all 65,535 identifiers are in use.
    pub(crate) fn is_full(&self) -> bool {
        self.in_use() >= u16::MAX as usize
    }

    fn in_use(&self) -> usize {
        let reserved = self.reserved.as_ref().map_or(0, |reserved| reserved.by_id.len());
        self.counts.all + reserved + self.owed()
    }

    /// Exchanges of PUBLISH that the present connection has to do with.
    pub(crate) const fn publishes_open_here(&self) -> usize {
        self.counts.open_here
    }

    /// Those of them of which PUBREL is sent, or to be sent.
    pub(crate) const fn released_here(&self) -> usize {
        self.counts.released_here
    }

    /// Exchanges of SUBSCRIBE and UNSUBSCRIBE in flight.
    pub(crate) const fn controls(&self) -> usize {
        self.counts.all - self.counts.publishes
    }

    /// Exchanges that wait for an answer on the present connection.
    pub(crate) const fn unanswered(&self) -> usize {
        self.counts.open_here + self.controls()
    }

    pub(crate) fn get_mut(&mut self, id: PacketId) -> Option<&mut Flight> {
        self.slots.get_mut(index(id))?.as_mut()
    }

    pub(crate) fn get(&self, id: PacketId) -> Option<&Flight> {
        self.slots.get(index(id))?.as_ref()
    }

    //= [MQTT-2.2.1-3]
    //= [MQTT-2.2.1-2]
    /// The identifier the next [`insert`](Self::insert) will use; `None` if all 65,535 are in use.
    ///
    /// Identifiers rotate, so that one just freed is not taken again at once.
    pub(crate) fn reserve(&mut self) -> Option<PacketId> {
        self.grow();
        if self.reserved.is_some() || self.owed.is_some() {
            return self.reserve_where(|_| true);
        }
        if self.counts.all >= self.slots.len() {
            return None;
        }
        let free = match self.slots.get(self.cursor) {
            Some(None) => self.cursor,
            _ => self.next_free()?,
        };
        self.cursor = free;
        PacketId::new(u16::try_from(free + 1).ok()?)
    }

    /// As [`reserve`](Self::reserve), but none of those that the server may hold.
    #[cold]
    pub(crate) fn reserve_clear(&mut self, doubts: &Doubts) -> Option<PacketId> {
        self.grow();
        self.reserve_where(|id| !doubts.holds(id))
    }

    /// As [`reserve`](Self::reserve) for a SUBSCRIBE or UNSUBSCRIBE: the duplicate of
    /// an answer, which may lie unread for long, meets no other operation (D7).
    pub(crate) fn reserve_for_operation(&mut self) -> Option<PacketId> {
        self.grow();
        let answered = self.answered;
        self.reserve_where(|id| !answered.contains(&Some(id))).or_else(|| self.reserve())
    }

    /// The next free identifier of those that may be taken.
    #[cold]
    fn reserve_where(&mut self, may_be_taken: impl Fn(PacketId) -> bool) -> Option<PacketId> {
        let len = self.slots.len();
        let places = (self.cursor..len).chain(0..self.cursor.min(len));
        let free = places.filter(|place| matches!(self.slots.get(*place), Some(None)));
        let mut ids = free.filter_map(|place| PacketId::new(u16::try_from(place + 1).ok()?));
        let reserved = self.reserved.as_ref();
        let is_reserved = |id| reserved.is_some_and(|reserved| reserved.by_id.contains_key(&id));
        let is_owed = |id| self.owed.as_ref().is_some_and(|owed| owed.holds(id));
        let id = ids.find(|id| may_be_taken(*id) && !is_reserved(*id) && !is_owed(*id))?;
        self.cursor = index(id);
        Some(id)
    }

    // ---- identifiers told before their use ----

    /// The identifier is in use from now on, for this message that waits.
    pub(crate) fn hold(&mut self, id: PacketId, serial: Serial) {
        let reserved = self.reserved.get_or_insert_default();
        reserved.by_id.insert(id, serial);
        reserved.by_serial.insert(serial, id);
        self.cursor = index(id) + 1;
    }

    /// True if reserved identifiers have used up all that there are.
    pub(crate) fn lacks_reserved(&self) -> bool {
        self.reserved.is_some() && self.is_full()
    }

    /// The identifier that waits for this message.
    pub(crate) fn held(&self, serial: Serial) -> Option<PacketId> {
        self.reserved.as_ref()?.by_serial.get(&serial).copied()
    }

    /// The message that waits with this identifier.
    pub(crate) fn holder(&self, id: PacketId) -> Option<Serial> {
        self.reserved.as_ref()?.by_id.get(&id).copied()
    }

    /// The message waits no longer: its identifier is free, or goes into its
    /// exchange.
    #[inline]
    pub(crate) fn unhold(&mut self, serial: Serial) -> Option<PacketId> {
        let reserved = self.reserved.as_mut()?;
        let id = reserved.by_serial.remove(&serial)?;
        reserved.by_id.remove(&id);
        if reserved.by_id.is_empty() {
            self.reserved = None;
        }
        Some(id)
    }

    /// Half of the places are free, as far as there are identifiers.
    fn grow(&mut self) {
        if self.in_use() * 2 >= self.slots.len() {
            let target = (self.slots.len() * 2).clamp(16, usize::from(u16::MAX));
            self.slots.resize_with(target, || None);
        }
    }

    /// The index of the first free identifier from the cursor on, and then
    /// from the start.
    #[cold]
    fn next_free(&self) -> Option<usize> {
        let after = self.slots.iter().skip(self.cursor).position(Option::is_none);
        match after {
            Some(offset) => Some(self.cursor + offset),
            None => self.slots.iter().position(Option::is_none),
        }
    }

    /// Puts an exchange under the identifier that [`reserve`](Self::reserve)
    /// gave: it is sent, or waits for the store.
    #[inline]
    pub(crate) fn insert(&mut self, id: PacketId, exchange: Exchange, now: Instant, here: Here) {
        let suspicion = match &exchange {
            Exchange::Control(control) => control.suspicion,
            _ => Suspicion::default(),
        };
        // One of an earlier run may have been sent.
        let attempts = u32::from(here != Here::Begun);
        let Some(slot) = self.slots.get_mut(index(id)) else { return };
        self.order += 1;
        self.cursor = index(id) + 1;
        let (order, sent, expires) = (self.order, now, None);
        let (is_new, repeated, doubtful) = (here == Here::Begun, false, false);
        // Whatever a store says: an identifier has one exchange.
        if let Some(before) = slot.take() {
            self.counts.remove(&before);
        }
        let flight = Flight {
            order,
            sent,
            expires,
            attempts,
            suspicion,
            here,
            is_new,
            repeated,
            repeats: 0,
            doubtful,
            exchange,
        };
        self.counts.add(slot.insert(flight));
    }

    /// Takes up an exchange of an earlier run under its own identifier (D4).
    #[cfg(feature = "store")]
    pub(crate) fn restore(&mut self, id: PacketId, exchange: Exchange, now: Instant) {
        if self.slots.len() <= index(id) {
            self.slots.resize_with(index(id) + 1, || None);
        }
        self.insert(id, exchange, now, Here::Not);
        // The run before may have sent PUBREL.
        self.repeat_release(id);
    }

    /// The exchange goes out again, on the present connection.
    pub(crate) fn on_resent(&mut self, id: PacketId, now: Instant, begins: u64) {
        let Some(flight) = self.slots.get_mut(index(id)).and_then(Option::as_mut) else { return };
        flight.sent = now;
        flight.is_new = false;
        flight.attempts = flight.attempts.saturating_add(1);
        flight.repeats = 0;
        let here = core::mem::replace(&mut flight.here, Here::Sent { begins });
        if here == Here::Not && flight.exchange.is_publish() {
            self.counts.open_here += 1;
            self.counts.released_here += usize::from(flight.exchange.is_release());
        }
    }

    /// A copy of it goes out on the present connection.
    pub(crate) fn on_repeated(&mut self, id: PacketId, now: Instant) {
        let Some(flight) = self.get_mut(id) else { return };
        flight.sent = now;
        flight.attempts = flight.attempts.saturating_add(1);
        flight.repeats = flight.repeats.saturating_add(1);
    }

    /// Identifiers that further answers are due for, as copies went out.
    pub(crate) fn owed(&self) -> usize {
        self.owed.as_ref().map_or(0, |owed| owed.len())
    }

    /// An answer came for an identifier without exchange; true if it was due.
    pub(crate) fn pay(&mut self, id: PacketId) -> bool {
        let was_due = self.owed.as_mut().is_some_and(|owed| owed.pay(id));
        if self.owed.as_ref().is_some_and(|owed| owed.len() == 0) {
            self.owed = None;
        }
        was_due
    }

    /// Each copy may be answered, too: nothing else may have the identifier until then.
    fn owe(&mut self, id: PacketId, copies: u8) {
        if copies > 0 {
            self.owed.get_or_insert_default().owe(id, copies);
        }
    }

    /// The message of this exchange is of no more use from then on.
    pub(crate) fn set_expiry(&mut self, id: PacketId, expires: Option<Instant>) {
        if expires.is_some()
            && let Some(flight) = self.get_mut(id)
        {
            flight.expires = expires;
        }
    }

    /// The connection is over: nothing counts as sent on the next one.
    pub(crate) fn on_down(&mut self) {
        self.counts.open_here = 0;
        self.counts.released_here = 0;
        self.owed = None;
        for slot in &mut self.slots {
            let Some(flight) = slot else { continue };
            (flight.here, flight.repeats) = (Here::Not, 0);
            match flight.exchange {
                // A server keeps nothing of QoS 1 beyond the connection: the
                // exchange ends with it.
                Exchange::Abandoned(QoS::ExactlyOnce) => flight.exchange = Exchange::GivenUp,
                Exchange::Abandoned(_) => {
                    self.counts.remove(flight);
                    *slot = None;
                }
                _ => {}
            }
        }
    }

    /// The application gives up the message of an exchange, which goes on for
    /// its identifier alone. Returns what is left to tell.
    pub(crate) fn abandon_message(&mut self, id: PacketId) -> Option<(Claim, u32)> {
        let flight = self.slots.get_mut(index(id))?.as_mut()?;
        let (claim, next) = match &flight.exchange {
            Exchange::Publish { publish, claim } => (*claim, Exchange::Abandoned(publish.qos)),
            Exchange::Release { claim, .. } => (*claim, Exchange::GivenUp),
            _ => return None,
        };
        flight.exchange = next;
        self.counts.given_up += 1;
        Some((claim, flight.attempts))
    }

    /// Suspects all that went out, in part at least, on the connection that was
    /// cut and has no answer. `alive_from`: bytes that were queued when the
    /// connection showed its first sign of life; `None` if it showed none.
    /// Returns the only one, if its end is evidence.
    pub(crate) fn suspect_unanswered(
        &mut self,
        alive_from: Option<u64>,
        written: u64,
    ) -> Option<PacketId> {
        let mut only = None;
        let mut several = false;
        for (slot, place) in self.slots.iter_mut().zip(1..) {
            let Some(flight) = slot.as_mut().filter(|flight| flight.is_out(written)) else {
                continue;
            };
            several |= only.is_some();
            let strikes = alive_from.is_some_and(|from| flight.is_evidence(from));
            let first = !core::mem::replace(&mut flight.suspicion.suspect, true);
            self.counts.suspect_controls += usize::from(first && !flight.exchange.is_publish());
            flight.suspicion.strikes = flight.suspicion.strikes.saturating_add(strikes.into());
            only = PacketId::new(place).map(|id| (id, strikes));
        }
        only.filter(|(_, strikes)| *strikes && !several).map(|(id, _)| id)
    }

    /// The connection ends because of this exchange.
    pub(crate) fn blame(&mut self, id: PacketId) {
        let Some(flight) = self.slots.get_mut(index(id)).and_then(Option::as_mut) else { return };
        let first = !core::mem::replace(&mut flight.suspicion.suspect, true);
        self.counts.suspect_controls += usize::from(first && !flight.exchange.is_publish());
        flight.suspicion.strikes = flight.suspicion.strikes.saturating_add(1);
    }

    //= [MQTT-4.3.3-6]
    /// The server owns the QoS 2 message: PUBREL and PUBCOMP are left.
    pub(crate) fn release(&mut self, id: PacketId, keep: bool) -> Option<Claim> {
        let flight = self.slots.get_mut(index(id))?.as_mut()?;
        let (claim, next) = match &mut flight.exchange {
            Exchange::Abandoned(_) => (None, Exchange::GivenUp),
            Exchange::Publish { publish, claim } => {
                let (claim, publish) = (*claim, core::mem::take(publish));
                let kept = keep.then(|| Box::new(publish));
                flight.repeated = false;
                (Some(claim), Exchange::Release { claim, kept })
            }
            _ => return None,
        };
        flight.exchange = next;
        self.counts.released_here += usize::from(flight.is_released_here());
        claim
    }

    // ---- what is not certain (D13) ----

    /// PUBREL goes out again, or may have gone out before.
    pub(crate) fn repeat_release(&mut self, id: PacketId) {
        if let Some(flight) = self.get_mut(id) {
            flight.repeated = true;
        }
    }

    /// PUBREL went out once.
    pub(crate) fn is_first_release(&self, id: PacketId) -> bool {
        self.get(id).is_some_and(|flight| !flight.repeated)
    }

    /// PUBCOMP of this exchange will not tell whether the server took the message.
    pub(crate) fn doubt(&mut self, id: PacketId) {
        let Self { slots, counts, .. } = self;
        if let Some(flight) = slots.get_mut(index(id)).and_then(Option::as_mut) {
            counts.doubt(flight);
        }
    }

    /// No exchange is in doubt.
    pub(crate) const fn are_certain(&self) -> bool {
        self.counts.doubtful == 0
    }

    /// The session may be another one than that in which PUBRECs came.
    pub(crate) fn doubt_releases(&mut self) {
        let Self { slots, counts, .. } = self;
        let all = slots.iter_mut().flatten();
        all.filter(|it| it.exchange.is_release()).for_each(|flight| counts.doubt(flight));
    }

    /// The session is another one, in which the server may hold the identifiers
    /// of QoS 2 messages that were sent before.
    pub(crate) fn doubt_publishes(&mut self) {
        let Self { slots, counts, .. } = self;
        let was_sent = |it: &&mut Flight| it.exchange.qos() == QoS::ExactlyOnce && it.attempts > 0;
        slots.iter_mut().flatten().filter(was_sent).for_each(|flight| counts.doubt(flight));
    }

    /// A message that the server may have lost is to be sent anew, if it was
    /// kept and if that is still in doubt; returns its name.
    pub(crate) fn renew(&mut self, id: PacketId) -> Option<Serial> {
        let flight = self.slots.get_mut(index(id))?.as_mut().filter(|flight| flight.doubtful)?;
        let Exchange::Release { claim, kept } = &mut flight.exchange else { return None };
        let (claim, publish) = (*claim, *kept.take()?);
        self.counts.remove(flight);
        flight.exchange = Exchange::Publish { publish, claim };
        flight.doubtful = false;
        flight.is_new = true;
        flight.here = Here::Not;
        self.counts.add(flight);
        Some(claim.serial)
    }

    /// Ends the giving back of an identifier; false if that was not under way.
    pub(crate) fn end_clearing(&mut self, id: PacketId) -> bool {
        let is_clearing = self.get(id).is_some_and(|flight| flight.exchange.is_clearing());
        is_clearing && self.remove(id).is_some()
    }

    /// The same for all. True if the peer may have seen one of the PUBRELs.
    pub(crate) fn end_all_clearing(&mut self, written: u64) -> bool {
        if self.counts.clearing == 0 {
            return false;
        }
        let mut was_out = false;
        for slot in &mut self.slots {
            if let Some(flight) = slot.take_if(|flight| flight.exchange.is_clearing()) {
                was_out |= flight.is_out(written);
                self.counts.remove(&flight);
            }
        }
        was_out
    }

    /// Ends an exchange and frees its identifier.
    pub(crate) fn remove(&mut self, id: PacketId) -> Option<Flight> {
        let flight = self.slots.get_mut(index(id))?.take()?;
        self.counts.remove(&flight);
        Some(flight)
    }

    /// The same for a SUBSCRIBE or UNSUBSCRIBE that is answered.
    pub(crate) fn remove_answered(&mut self, id: PacketId) -> Option<Flight> {
        self.answered.rotate_right(1);
        if let Some(latest) = self.answered.first_mut() {
            *latest = Some(id);
        }
        let flight = self.remove(id)?;
        self.owe(id, flight.repeats);
        Some(flight)
    }

    /// Ends an exchange of a PUBLISH and frees its identifier; what is left of
    /// the message is dropped where it is.
    pub(crate) fn finish(&mut self, id: PacketId) -> Option<Finished> {
        let slot = self.slots.get_mut(index(id))?;
        let flight = slot.as_ref()?;
        let claim = match &flight.exchange {
            Exchange::Publish { claim, .. } | Exchange::Release { claim, .. } => Some(*claim),
            Exchange::GivenUp | Exchange::Abandoned(_) => None,
            Exchange::Clearing | Exchange::Control(_) => return None,
        };
        let finished = Finished {
            claim,
            qos: flight.exchange.qos(),
            is_doubtful: flight.doubtful,
            attempts: flight.attempts,
            sent: flight.sent,
        };
        // PUBCOMP comes behind every PUBREC, so that none is due any more.
        let copies = if finished.qos == QoS::AtLeastOnce { flight.repeats } else { 0 };
        self.counts.remove(flight);
        *slot = None;
        self.owe(id, copies);
        Some(finished)
    }

    /// The exchanges, by identifier.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PacketId, &Flight)> {
        let slots = self.slots.iter().zip(1..);
        slots.filter_map(|(slot, id)| Some((PacketId::new(id)?, slot.as_ref()?)))
    }

    /// The identifier under which this message is in flight.
    pub(crate) fn find(&self, serial: Serial) -> Option<PacketId> {
        let here = |flight: &Flight| flight.exchange.claim().is_some_and(|it| it.serial == serial);
        let index = self.slots.iter().position(|slot| slot.as_ref().is_some_and(here))?;
        PacketId::new(u16::try_from(index + 1).ok()?)
    }

    /// Nobody waits for outcomes any more, except of messages that are not yet
    /// in the store (from `stored_below` on). Returns who did, with the number
    /// of sendings, in order of first sending.
    pub(crate) fn abandon(&mut self, stored_below: Serial) -> Vec<(Claim, u32)> {
        let ids = self.publishes_in_order();
        let claims = ids.into_iter().filter_map(|id| {
            let flight = self.get_mut(id)?;
            let attempts = flight.attempts;
            let (Exchange::Publish { claim, .. } | Exchange::Release { claim, .. }) =
                &mut flight.exchange
            else {
                return None;
            };
            let left = *claim;
            (left.serial < stored_below).then(|| {
                claim.report = Report::Nobody;
                (left, attempts)
            })
        });
        claims.collect()
    }

    /// The identifiers of publish exchanges, in order of first sending.
    pub(crate) fn publishes_in_order(&self) -> Vec<PacketId> {
        self.ids_in_order(Exchange::is_publish)
    }

    /// Takes out SUBSCRIBE and UNSUBSCRIBE exchanges, in order of first sending.
    pub(crate) fn take_control(&mut self) -> Vec<Flight> {
        let ids = self.ids_in_order(|exchange| !exchange.is_publish());
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// The identifiers of SUBSCRIBE and UNSUBSCRIBE exchanges, in order of
    /// first sending.
    pub(crate) fn controls_in_order(&self) -> Vec<PacketId> {
        self.ids_in_order(|exchange| !exchange.is_publish())
    }

    /// The identifiers of everything, in order of first sending.
    pub(crate) fn all_in_order(&self) -> Vec<PacketId> {
        self.ids_in_order(|_| true)
    }

    /// Puts the end of a QoS 2 exchange in the place of one that was given up.
    pub(crate) fn give_up(&mut self, id: PacketId, now: Instant) {
        self.insert(id, Exchange::GivenUp, now, Here::Not);
    }

    /// True while a SUBSCRIBE or UNSUBSCRIBE is out that is suspected.
    pub(crate) const fn has_suspect_control(&self) -> bool {
        self.counts.suspect_controls > 0
    }

    fn ids_in_order(&self, wanted: impl Fn(&Exchange) -> bool) -> Vec<PacketId> {
        let mut found: Vec<(u64, PacketId)> = (self.slots.iter().enumerate())
            .filter_map(|(index, slot)| {
                let flight = slot.as_ref().filter(|flight| wanted(&flight.exchange))?;
                Some((flight.order, PacketId::new(u16::try_from(index + 1).ok()?)?))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id).collect()
    }
}

const fn index(id: PacketId) -> usize {
    id.get() as usize - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Here = Here::Sent { begins: 0 };

    fn release() -> Exchange {
        let claim = Claim { report: Report::Nobody, serial: Serial(1), stored: false };
        Exchange::Release { claim, kept: None }
    }

    //= [MQTT-2.2.1-3] test
    //= [MQTT-2.2.1-2] test
    #[test]
    fn identifiers_are_unique_until_all_are_used_and_reused_once_freed() {
        let mut flights = Flights::default();
        let mut seen = alloc::collections::BTreeSet::new();
        for _ in 0..u16::MAX {
            let id = flights.reserve().unwrap();
            assert!(seen.insert(id), "{id} was handed out twice");
            flights.insert(id, release(), Instant::default(), SENT);
        }
        assert_eq!(flights.reserve(), None);
        let freed = PacketId::new(777).unwrap();
        assert!(flights.remove(freed).is_some());
        assert_eq!(flights.reserve(), Some(freed));
        assert!(flights.remove(freed).is_none(), "an identifier is freed once");
    }

    /// An answer that comes late does not meet the next exchange.
    #[test]
    fn an_identifier_just_freed_is_not_taken_again_at_once() {
        let mut flights = Flights::default();
        let mut last = None;
        for _ in 0..100 {
            let id = flights.reserve().unwrap();
            assert_ne!(Some(id), last);
            flights.insert(id, release(), Instant::default(), SENT);
            flights.remove(id);
            last = Some(id);
        }
    }

    #[test]
    fn order_is_that_of_sending_not_of_identifiers() {
        let mut flights = Flights::default();
        let first: Vec<_> = (0..20)
            .map(|_| {
                let id = flights.reserve().unwrap();
                flights.insert(id, release(), Instant::default(), SENT);
                id
            })
            .collect();
        flights.remove(first[3]);
        flights.remove(first[4]);
        flights.cursor = 0;
        let late = flights.reserve().unwrap();
        flights.insert(late, release(), Instant::default(), SENT);
        assert_eq!(late, first[3], "the lowest free identifier follows the cursor");
        let mut expected = first;
        expected.drain(3..5);
        expected.push(late);
        assert_eq!(flights.publishes_in_order(), expected);
    }
}
