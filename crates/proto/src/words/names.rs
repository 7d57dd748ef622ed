//! Numbers and names for programs: neither ever changes its meaning, and no
//! number is given twice, whatever the type.

use crate::cause::{
    CauseClass, ConnectPhase, DisconnectCause, ProtocolError, Refusal, TransportFailure,
};
use crate::config::ConfigError;
use crate::event::{Event, State};
use crate::keepalive::{Death, Pong};
use crate::operation::{
    AckError, DeliveryError, PublishLimit, QueueError, RejectReason, SubscribeError,
    SubscribeFeature,
};
use crate::reconnect::{Halt, Pace};
use crate::record::{NoticeKind, StorageFailure};
use crate::time::Timer;

/// Gives each variant its number and its name, exhaustively.
macro_rules! names {
    ($($type:ident { $($code:literal $name:literal $pattern:pat,)+ })+) => {
        $(impl $type {
            /// The number of this variant, for bindings; it never changes. What
            /// the variant holds is no part of it.
            pub const fn code(&self) -> u16 {
                match self { $($pattern => $code,)+ }
            }

            /// The short name of this variant, for logs and bindings; it never
            /// changes. For people there is [`Display`](core::fmt::Display).
            pub const fn name(&self) -> &'static str {
                match self { $($pattern => $name,)+ }
            }
        })+

        /// Type, number and name of all.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, u16, &str)] = &[$($((stringify!($type), $code, $name),)+)+];
    };
}

names! {
    Event {
        100 "connecting" Self::Connecting { .. },
        101 "connected" Self::Connected(_),
        102 "reauthenticated" Self::Reauthenticated { .. },
        103 "disconnected" Self::Disconnected { .. },
        104 "retry" Self::RetryScheduled { .. },
        105 "halted" Self::Halted(_),
        106 "version_fallback" Self::VersionFallback(_),
        107 "loop" Self::Loop(_),
        108 "ping_sent" Self::PingSent,
        109 "pong" Self::PongReceived(Pong::Matched { .. }),
        110 "pong_unsolicited" Self::PongReceived(Pong::Unsolicited),
        111 "ping_unanswered" Self::PingUnanswered { .. },
        112 "subscriptions_restoring" Self::SubscriptionsRestoring { .. },
        113 "subscription_lost" Self::SubscriptionLost { .. },
        114 "reading_paused" Self::ReadingPaused,
        115 "reading_resumed" Self::ReadingResumed,
        116 "receive_maximum_exceeded" Self::ReceiveMaximumExceeded { .. },
        117 "delivery_stalled" Self::DeliveryStalled { .. },
        118 "delivery_resumed" Self::DeliveryResumed,
        119 "quarantined" Self::Quarantined { .. },
        120 "recovered" Self::Recovered { .. },
        121 "store_notice" Self::StoreNotice(_),
        122 "settled" Self::Settled { .. },
        123 "store_failed" Self::StoreFailed { .. },
        124 "store_restored" Self::StoreRestored,
        125 "files_renewed" Self::FilesRenewed { .. },
        126 "files_kept" Self::FilesKept { .. },
        127 "lagged" Self::Lagged { .. },
        128 "subscriptions_forgotten" Self::SubscriptionsForgotten { .. },
        129 "answered" Self::Answered(_),
        130 "renewed" Self::Renewed { .. },
        131 "acknowledgements_withheld" Self::AcknowledgementsWithheld { .. },
        132 "rate_reached" Self::RateReached(_),
    }
    State {
        200 "stopped" Self::Stopped,
        201 "waiting" Self::Waiting { .. },
        202 "connecting" Self::Connecting { .. },
        203 "online" Self::Online { .. },
        204 "halted" Self::Halted { .. },
        205 "closed" Self::Closed,
    }
    DisconnectCause {
        300 "refused" Self::Refused { .. },
        301 "server_disconnect" Self::ServerDisconnect { .. },
        302 "transport" Self::Transport { .. },
        303 "connect_timeout" Self::ConnectTimeout { .. },
        304 "keep_alive" Self::KeepAlive(_),
        305 "malformed" Self::Malformed(_),
        306 "protocol_error" Self::ProtocolError(_),
        307 "authentication" Self::Authentication,
        308 "reconnect_requested" Self::ReconnectRequested,
        309 "shutdown" Self::Shutdown,
        310 "renewal" Self::Renewal,
    }
    TransportFailure {
        320 "eof" Self::Eof,
        321 "reset" Self::Reset,
        322 "refused" Self::Refused,
        323 "unreachable" Self::Unreachable,
        324 "timed_out" Self::TimedOut,
        325 "resolve" Self::Resolve,
        326 "tls_refused" Self::TlsRefused,
        327 "certificate_not_yet_valid" Self::CertificateNotYetValid,
        328 "certificate_expired" Self::CertificateExpired,
        329 "tls" Self::Tls,
        330 "proxy_refused" Self::ProxyRefused,
        331 "websocket_refused" Self::WebSocketRefused(_),
        332 "try_later" Self::TryLater { .. },
        333 "websocket" Self::WebSocket,
        334 "credentials" Self::Credentials,
        335 "endpoint" Self::Endpoint,
        336 "authenticator" Self::Authenticator,
        337 "config" Self::Config,
        338 "other" Self::Other(_),
        339 "clock_wrong" Self::ClockWrong { .. },
    }
    ProtocolError {
        350 "not_connack" Self::NotConnAck,
        351 "second_connack" Self::SecondConnAck,
        352 "client_packet" Self::ClientPacket,
        353 "unexpected_session" Self::UnexpectedSession,
        354 "receive_maximum_exceeded" Self::ReceiveMaximumExceeded,
        355 "topic_alias_invalid" Self::TopicAliasInvalid,
        356 "unexpected_auth" Self::UnexpectedAuth,
        357 "wrong_code_count" Self::WrongCodeCount,
        358 "tls_answer" Self::TlsAnswer,
        359 "http_answer" Self::HttpAnswer,
    }
    Death {
        370 "not_written" Self::NotWritten { .. },
        371 "no_response" Self::NoResponse { .. },
    }
    Refusal {
        380 "reason" Self::Reason(_),
        381 "transport" Self::Transport(_),
        382 "authentication" Self::Authentication,
    }
    CauseClass {
        400 "Refused" Self::Refused,
        401 "CertificateTime" Self::CertificateTime,
        402 "TakenOver" Self::TakenOver,
        403 "Throttled" Self::Throttled,
        404 "Redirect" Self::Redirect,
        405 "ServerGoingAway" Self::ServerGoingAway,
        406 "KeepAliveDeath" Self::KeepAliveDeath,
        407 "PacketFault" Self::PacketFault,
        408 "Network" Self::Network,
        409 "Local" Self::Local,
    }
    ConnectPhase {
        420 "credentials" Self::Credentials,
        421 "endpoint" Self::Endpoint,
        422 "resolve" Self::Resolve,
        423 "connect" Self::Connect,
        424 "proxy" Self::Proxy,
        425 "tls" Self::Tls,
        426 "websocket" Self::WebSocket,
        427 "handshake" Self::Handshake,
    }
    Halt {
        440 "Disabled" Self::Disabled,
        441 "Refused" Self::Refused,
        442 "TakenOver" Self::TakenOver,
        443 "Attempts" Self::Attempts(_),
    }
    Pace {
        460 "AtOnce" Self::AtOnce,
        461 "BackOff" Self::BackOff,
        462 "Floor" Self::Floor,
        463 "Budget" Self::Budget,
        464 "SlowLane" Self::SlowLane,
        465 "Throttled" Self::Throttled,
        466 "Ban" Self::Ban,
    }
    Timer {
        480 "reconnect" Self::Reconnect,
        481 "connect_timeout" Self::ConnectTimeout,
        482 "ping" Self::Ping,
        483 "ping_response" Self::PingResponse,
        484 "sign_of_life" Self::SignOfLife,
        485 "message_expiry" Self::MessageExpiry,
        486 "shutdown" Self::Shutdown,
        487 "inbox" Self::Inbox,
        488 "store" Self::Store,
        489 "stall" Self::Stall,
        490 "identifiers" Self::Identifiers,
        491 "renewal" Self::Renewal,
        492 "acknowledgements" Self::Acknowledgements,
        493 "rate" Self::Rate,
        494 "retry" Self::Retry,
    }
    DeliveryError {
        500 "refused" Self::Refused { .. },
        501 "wrong_acknowledgement" Self::WrongAcknowledgement { .. },
        502 "expired" Self::Expired { .. },
        503 "connection_lost" Self::ConnectionLost,
        504 "quarantined" Self::Quarantined { .. },
        505 "not_allowed" Self::NotAllowed(_),
        506 "abandoned" Self::Abandoned { .. },
        507 "connection_refused" Self::ConnectionRefused { .. },
        508 "still_stored" Self::StillStored { .. },
        509 "not_stored" Self::NotStored(_),
        510 "dropped" Self::Dropped,
        511 "superseded" Self::Superseded,
        512 "removed" Self::Removed,
        513 "uncertain" Self::Uncertain { .. },
        514 "withdrawn" Self::Withdrawn { .. },
    }
    RejectReason {
        530 "queue_full" Self::QueueFull { .. },
        531 "write_buffer_full" Self::WriteBufferFull,
        532 "offline" Self::Offline,
        533 "not_allowed" Self::NotAllowed(_),
        534 "expired" Self::Expired,
        535 "closed" Self::Closed,
        536 "connection_refused" Self::ConnectionRefused(_),
        537 "store_busy" Self::StoreBusy,
        538 "storage" Self::Storage(_),
        539 "no_identifier" Self::NoIdentifier,
    }
    SubscribeError {
        550 "no_filter" Self::NoFilter,
        551 "too_many_operations" Self::TooManyOperations { .. },
        552 "not_supported" Self::NotSupported(_),
        553 "not_allowed" Self::NotAllowed(_),
        554 "quarantined" Self::Quarantined { .. },
        555 "abandoned" Self::Abandoned,
        556 "connection_refused" Self::ConnectionRefused(_),
    }
    SubscribeFeature {
        570 "wildcards" Self::Wildcards,
        571 "shared_subscriptions" Self::SharedSubscriptions,
        572 "subscription_identifiers" Self::SubscriptionIdentifiers,
        573 "properties" Self::Properties,
        574 "no_local" Self::NoLocal,
        575 "retain_as_published" Self::RetainAsPublished,
        576 "retain_handling" Self::RetainHandling,
    }
    PublishLimit {
        590 "packet_size" Self::PacketSize { .. },
        591 "qos" Self::QoS { .. },
        592 "retain" Self::Retain,
        593 "property" Self::Property { .. },
        594 "encode" Self::Encode(_),
        595 "topic_alias" Self::TopicAlias { .. },
        596 "unknown_topic_alias" Self::UnknownTopicAlias { .. },
        597 "profile" Self::Profile(_),
    }
    QueueError {
        610 "unknown" Self::Unknown,
        611 "in_flight" Self::InFlight,
        612 "not_quarantined" Self::NotQuarantined,
        613 "rejected" Self::Rejected(_),
        614 "storage" Self::Storage(_),
    }
    StorageFailure {
        630 "full" Self::Full,
        631 "read_only" Self::ReadOnly,
        632 "permission" Self::Permission,
        633 "corrupt" Self::Corrupt,
        634 "too_large" Self::TooLarge,
        635 "closed" Self::Closed,
        636 "timed_out" Self::TimedOut,
        637 "other" Self::Other(_),
    }
    ConfigError {
        650 "no_server" Self::NoServer,
        651 "ping_spacing" Self::PingSpacing { .. },
        652 "response_timeout" Self::ResponseTimeout,
        653 "receive_maximum" Self::ReceiveMaximum,
        654 "maximum_packet_size" Self::MaximumPacketSize,
        655 "in_flight" Self::InFlight,
        656 "filters" Self::Filters,
        657 "write_buffer" Self::WriteBuffer,
        658 "inbox" Self::Inbox,
        659 "client_id_required" Self::ClientIdRequired,
        660 "client_id_length" Self::ClientIdLength { .. },
        661 "password_without_username" Self::PasswordWithoutUsername,
        662 "property" Self::Property(_),
        663 "authentication_version" Self::AuthenticationVersion,
        664 "needs_v5" Self::NeedsV5(_),
        665 "too_long" Self::TooLong { .. },
        666 "disconnect_property" Self::DisconnectProperty(_),
        667 "disconnect_expiry" Self::DisconnectExpiry,
        668 "window" Self::Window,
        669 "client_id_of_store" Self::ClientIdOfStore,
        670 "disconnect_reason" Self::DisconnectReason(_),
        671 "profile" Self::Profile(_),
        672 "connection_age" Self::ConnectionAge,
        673 "rate" Self::Rate,
        674 "retry_version" Self::RetryVersion,
        675 "retry_time" Self::RetryTime,
    }
    NoticeKind {
        690 "torn" Self::Torn { .. },
        691 "unfinished" Self::Unfinished { .. },
        692 "put_aside" Self::PutAside { .. },
        693 "lost" Self::Lost { .. },
        694 "gave_way" Self::GaveWay,
        695 "exposed" Self::Exposed,
    }
    AckError {
        720 "needs_v5" Self::NeedsV5,
        721 "reason" Self::Reason(_),
        722 "property" Self::Property(_),
        723 "stale" Self::Stale,
        724 "profile" Self::Profile(_),
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::string::String;
    use core::fmt::Write;

    use super::*;

    /// What programs compare with. Lines may be added, none may change.
    const PINNED: &str = include_str!("names.txt");

    #[test]
    fn numbers_and_names_are_those_of_every_version_before() {
        let mut now = String::new();
        for (kind, code, name) in ALL {
            writeln!(now, "{code} {kind} {name}").unwrap();
        }
        assert_eq!(now, PINNED);
    }

    #[test]
    fn no_number_is_given_twice_and_no_name_twice_in_one_type() {
        let numbers: BTreeSet<u16> = ALL.iter().map(|(_, code, _)| *code).collect();
        assert_eq!(numbers.len(), ALL.len());
        let names: BTreeSet<_> = ALL.iter().map(|(kind, _, name)| (kind, name)).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
