//! Why connections end: all there is, by the names of events.

use super::event::CloseReason;

impl CloseReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Disconnected,
        Self::ConnectionLost,
        Self::NoConnect,
        Self::Refused,
        Self::KeepAliveTimeout,
        Self::TakenOver,
        Self::ProtocolError,
        Self::AnswerTooLarge,
        Self::Limit,
        Self::NotAuthorized,
        Self::Quota,
        Self::Fault,
        Self::Administrative,
        Self::Stopped,
    ];

    /// The reason as events and metrics write it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::ConnectionLost => "connection_lost",
            Self::NoConnect => "no_connect",
            Self::Refused => "refused",
            Self::KeepAliveTimeout => "keep_alive_timeout",
            Self::TakenOver => "taken_over",
            Self::ProtocolError => "protocol_error",
            Self::AnswerTooLarge => "answer_too_large",
            Self::Limit => "limit",
            Self::NotAuthorized => "not_authorized",
            Self::Quota => "quota",
            Self::Fault => "fault",
            Self::Administrative => "administrative",
            Self::Stopped => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_what_events_write() {
        for (place, reason) in CloseReason::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.label());
            assert_eq!(reason as usize, place);
        }
    }
}
