//! What is counted.

/// Counters since the client was made. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections opened, successful or not.
    pub connects: u64,
    /// CONNACKs that accepted.
    pub connections: u64,
    /// PINGREQs written.
    pub pings_sent: u64,
    /// PINGRESPs that answered one.
    pub pongs: u64,
    /// PINGRESPs nobody waited for.
    pub pongs_unsolicited: u64,
    /// Pings written off: on a live link, or because the next one was due.
    pub pings_unanswered: u64,
    /// PUBLISH packets sent, repetitions included.
    pub publishes_sent: u64,
    /// PUBLISH packets sent again.
    pub publishes_resent: u64,
    /// QoS 2 messages that the server may have lost.
    pub uncertain: u64,
    /// Packet identifiers given back before their first use, as the server may
    /// hold them from a session that is not known.
    pub identifiers_released: u64,
    /// Publishes acknowledged (QoS 1 and 2).
    pub publishes_acknowledged: u64,
    /// PUBLISH packets received, repetitions included.
    pub publishes_received: u64,
    /// QoS 2 copies not delivered again.
    pub duplicates_suppressed: u64,
    /// Messages received beyond our receive maximum.
    pub receive_maximum_exceeded: u64,
    /// QoS 0 messages dropped because the inbox was full while an operation
    /// of ours waited for its answer.
    pub qos0_dropped: u64,
    /// Acknowledgements for exchanges that are not open.
    pub unknown_acknowledgements: u64,
    /// Publishes that the server answered as if of another QoS.
    pub wrong_acknowledgements: u64,
    /// Acknowledgements of the application that came too late to be useful.
    pub stale_acknowledgements: u64,
    /// Inputs that named a connection that is over.
    pub stale_inputs: u64,
    /// Messages that expired in the queue.
    pub expired: u64,
    /// Messages that gave way in a full queue, or to a later one of their topic.
    pub dropped: u64,
    /// Batches committed to the store.
    pub commits: u64,
    /// Records committed to the store.
    pub records: u64,
    /// Bytes the transport took.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
}
