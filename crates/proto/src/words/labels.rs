//! Names in one style for logs and metrics: lower case with underscores.

use crate::cause::{CauseClass, Closer, DisconnectCause, TransportFailure};
use crate::reconnect::{Halt, Pace};

impl CauseClass {
    /// Every class, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Refused,
        Self::CertificateTime,
        Self::TakenOver,
        Self::Throttled,
        Self::Redirect,
        Self::ServerGoingAway,
        Self::KeepAliveDeath,
        Self::PacketFault,
        Self::Network,
        Self::Local,
    ];

    /// The class as metrics and events write it; it never changes.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::CertificateTime => "certificate_time",
            Self::TakenOver => "taken_over",
            Self::Throttled => "throttled",
            Self::Redirect => "redirect",
            Self::ServerGoingAway => "server_going_away",
            Self::KeepAliveDeath => "keep_alive_death",
            Self::PacketFault => "packet_fault",
            Self::Network => "network",
            Self::Local => "local",
        }
    }
}

impl Pace {
    /// The pace as metrics and events write it; it never changes.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::BackOff => "back_off",
            Self::Floor => "floor",
            Self::Budget => "budget",
            Self::SlowLane => "slow_lane",
            Self::Throttled => "throttled",
            Self::Ban => "ban",
        }
    }
}

impl Halt {
    /// The reason as metrics and events write it; it never changes.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Refused => "refused",
            Self::TakenOver => "taken_over",
            Self::Attempts(_) => "attempts",
        }
    }
}

impl Closer {
    /// Who closed as metrics and events write it; it never changes.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Peer => "peer",
            Self::Network => "network",
        }
    }
}

impl DisconnectCause {
    /// Who ended the connection, or let the attempt fail.
    pub const fn closer(&self) -> Closer {
        match self {
            Self::Refused { .. } | Self::ServerDisconnect { .. } => Closer::Server,
            Self::Transport { failure, .. } => closer_of(*failure),
            _ => Closer::Client,
        }
    }
}

const fn closer_of(failure: TransportFailure) -> Closer {
    match failure {
        TransportFailure::Eof
        | TransportFailure::Reset
        | TransportFailure::Refused
        | TransportFailure::TlsRefused
        | TransportFailure::ProxyRefused
        | TransportFailure::WebSocketRefused(_)
        | TransportFailure::TryLater { .. }
        | TransportFailure::WebSocket => Closer::Peer,
        TransportFailure::Unreachable
        | TransportFailure::TimedOut
        | TransportFailure::Resolve
        | TransportFailure::Other(_) => Closer::Network,
        _ => Closer::Client,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_name_in_lower_case_with_underscores() {
        for class in CauseClass::ALL {
            let mut label = alloc::string::String::new();
            for letter in class.name().chars() {
                if letter.is_uppercase() && !label.is_empty() {
                    label.push('_');
                }
                label.extend(letter.to_lowercase());
            }
            assert_eq!(class.label(), label);
        }
        let numbers = CauseClass::ALL.map(|class| class.code());
        assert_eq!(numbers, core::array::from_fn(|index| 400 + index as u16));
    }
}
