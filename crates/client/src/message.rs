//! Messages from the server and their acknowledgement.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use evenkeel_codec::{Properties, Publish, QoS, ReasonCode, TopicFilter};

use crate::pace::Pace;
use crate::shared::{Inner, Shared};
use crate::streams::{AckShare, Next, Parcel, StreamId, Taken};

/// A message from the server.
///
/// Unless its stream acknowledges manually, it is acknowledged when it is
/// dropped: the end of a loop's body is the end of its handling. A panic
/// while it is held leaves it unacknowledged. What is dropped unacknowledged
/// comes again on the next connection, if the server keeps the session.
pub struct Message {
    publish: Publish,
    ack: Option<Pending>,
}

/// An acknowledgement that is owed.
struct Pending {
    shared: Arc<Shared>,
    share: AckShare,
    manual: bool,
}

impl Message {
    fn new(parcel: Parcel, shared: &Arc<Shared>, manual: bool) -> Self {
        let ack = parcel.ack.map(|share| Pending { shared: shared.clone(), share, manual });
        Self { publish: parcel.publish, ack }
    }

    /// The topic it was published to.
    pub fn topic(&self) -> &str {
        self.publish.topic.as_str()
    }

    /// The content; cloning shares it.
    pub const fn payload(&self) -> &Bytes {
        &self.publish.payload
    }

    /// The QoS it was delivered with.
    pub const fn qos(&self) -> QoS {
        self.publish.qos
    }

    /// True for a retained message sent because of a new subscription, or
    /// with *retain as published* for what was published so.
    pub const fn retain(&self) -> bool {
        self.publish.retain
    }

    /// True where the server may have sent it before.
    pub const fn dup(&self) -> bool {
        self.publish.dup
    }

    /// The identifier it came under; `None` for QoS 0.
    pub fn packet_id(&self) -> Option<u16> {
        self.publish.packet_id.map(evenkeel_codec::PacketId::get)
    }

    /// Its MQTT 5 properties; empty before MQTT 5.
    pub const fn properties(&self) -> &Properties {
        &self.publish.properties
    }

    /// Acknowledges it now. Does nothing for QoS 0.
    pub fn ack(self) {
        self.ack_with(ReasonCode::SUCCESS);
    }

    /// Acknowledges it with a reason code; codes from `0x80` up refuse it
    /// (MQTT 5; before that every answer is success). Where the message went
    /// to several streams, the last answer counts.
    pub fn ack_with(mut self, reason: ReasonCode) {
        if let Some(pending) = self.ack.take() {
            pending.settle(reason);
        }
    }
}

impl Pending {
    fn settle(self, reason: ReasonCode) {
        if let Some(key) = self.share.settle() {
            let mut inner = self.shared.lock();
            inner.gathered.settled.push((key, Some(reason)));
            Inner::signal(inner);
        }
    }
}

impl Pending {
    /// Nobody will answer: what the server sends again is to be delivered again.
    fn give_back(self) {
        // Of several streams, another may yet finish it.
        if let AckShare::Alone(key) = self.share {
            let mut inner = self.shared.lock();
            inner.gathered.settled.push((key, None));
            Inner::signal(inner);
        }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        let Some(pending) = self.ack.take() else { return };
        if pending.manual || std::thread::panicking() {
            pending.give_back();
        } else {
            pending.settle(ReasonCode::SUCCESS);
        }
    }
}

impl std::fmt::Debug for Message {
    /// Shows no payload.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.publish.topic)
            .field("qos", &self.publish.qos)
            .field("retain", &self.publish.retain)
            .field("payload_len", &self.publish.payload.len())
            .finish_non_exhaustive()
    }
}

/// The messages of one subscription, in the order they came.
///
/// Dropping it unsubscribes, unless [`keep`](Self::keep) was called, and
/// acknowledges what it had buffered: nobody will handle it, and it would hold
/// back what comes after. To leave that to the next connection of a session,
/// shut the client down before. A stream that is not read holds back the
/// server once its buffer is full.
pub struct Messages {
    shared: Arc<Shared>,
    id: StreamId,
    granted: Vec<(TopicFilter, Result<QoS, ReasonCode>)>,
    manual: bool,
    keep: bool,
    pace: Pace,
    /// Taken under one lock, for the next calls.
    taken: Taken,
}

impl Messages {
    pub(crate) fn new(shared: Arc<Shared>, id: StreamId, manual: bool) -> Self {
        shared.add_user();
        let taken = shared.lock().streams.handle(id);
        let (granted, pace) = (Vec::new(), Pace::default());
        Self { shared, id, granted, manual, keep: false, pace, taken }
    }

    /// Notes the server's answer. Refused filters are this stream's no more.
    pub(crate) fn set_granted(&mut self, granted: Vec<(TopicFilter, Result<QoS, ReasonCode>)>) {
        let mut inner = self.shared.lock();
        let now = inner.core.now();
        inner.streams.granted(self.id, now);
        for (filter, _) in granted.iter().filter(|(_, result)| result.is_err()) {
            inner.streams.remove_filter(self.id, filter);
        }
        drop(inner);
        self.granted = granted;
    }

    /// What the server granted: one entry for each filter, in order.
    pub fn granted(&self) -> &[(TopicFilter, Result<QoS, ReasonCode>)] {
        &self.granted
    }

    /// The next message; `None` once the client is closed or has halted and
    /// everything was taken.
    ///
    /// Cancel-safe: a message is taken only when the future is ready. It may be
    /// pending for a turn although there are messages, so that acknowledgements
    /// go out; [`try_next`](Self::try_next) gives what there is.
    pub async fn next(&mut self) -> Option<Message> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`next`](Self::next) for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if let Some(parcel) = self.taken.next() {
            return Poll::Ready(Some(Message::new(parcel, &self.shared, self.manual)));
        }
        let part = {
            let inner = self.shared.lock();
            let waiting = self.taken.len() + inner.streams.waiting(self.id);
            self.pace.next_part(waiting, inner.gathered.settled.len())
        };
        // Acknowledgements are to be sent before this stream gives out more.
        // Where the driver runs on another thread, it mostly has.
        let Some(part) = part else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        let polled = self.poll_take(cx, part);
        if polled.is_pending() {
            self.pace.end_batch();
        }
        polled
    }

    fn poll_take(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<Option<Message>> {
        let mut inner = self.shared.lock();
        match inner.streams.take(self.id, most, &mut self.taken, cx.waker()) {
            Next::Parcel(parcel) => {
                drop(inner);
                Poll::Ready(Some(Message::new(parcel, &self.shared, self.manual)))
            }
            Next::Unblocked(parcel) => {
                // The driver moves what waits in the core.
                Inner::signal(inner);
                Poll::Ready(Some(Message::new(parcel, &self.shared, self.manual)))
            }
            Next::Empty => Poll::Pending,
            Next::Ended => Poll::Ready(None),
        }
    }

    /// A message that is here already; `None` where there is none.
    pub fn try_next(&mut self) -> Option<Message> {
        if let Some(parcel) = self.taken.next() {
            return Some(Message::new(parcel, &self.shared, self.manual));
        }
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match self.poll_take(&mut cx, usize::MAX) {
            Poll::Ready(message) => message,
            Poll::Pending => None,
        }
    }

    /// Lets the subscription outlive this stream: messages that come after it
    /// was dropped are unmatched, see [`Client::unmatched`](crate::Client::unmatched).
    pub fn keep(&mut self) {
        self.keep = true;
    }
}

impl futures_core::Stream for Messages {
    type Item = Message;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Message>> {
        Self::poll_next(&mut self, cx)
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        let Self { id, taken, keep, .. } = self;
        let (id, keep) = (*id, *keep);
        self.shared.command(|inner| {
            let now = inner.core.now();
            let (orphans, unseen) = inner.streams.close(id, taken, keep);
            let unseen = unseen.into_iter().map(|key| (key, ReasonCode::SUCCESS));
            inner.core.acknowledge_all(now, unseen);
            if !keep && !orphans.is_empty() {
                let none = Properties::new();
                let token = evenkeel_proto::Token::NONE;
                // Refused only where the client is closed anyway.
                let _ = inner.core.unsubscribe(now, orphans, none, token);
            }
        });
        self.shared.remove_user();
    }
}

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("granted", &self.granted).finish_non_exhaustive()
    }
}
