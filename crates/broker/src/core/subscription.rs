//! One subscription, and the session it belongs to.

use evenkeel_codec::QoS;

use super::ids::SessionId;

/// What one session asked for with one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) identifier: Option<u32>,
}

/// A session that a message goes to, by one of its subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) session: SessionId,
    pub(crate) subscription: Subscription,
}
