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
        | TransportFailure::ClockWrong { .. }
        | TransportFailure::TryLater { .. }
        | TransportFailure::WebSocket => Closer::Peer,
        TransportFailure::Unreachable
        | TransportFailure::TimedOut
        | TransportFailure::Resolve
        | TransportFailure::Other(_) => Closer::Network,
        TransportFailure::CertificateNotYetValid
        | TransportFailure::CertificateExpired
        | TransportFailure::Tls
        | TransportFailure::Credentials
        | TransportFailure::Endpoint
        | TransportFailure::Authenticator
        | TransportFailure::Config => Closer::Client,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    /// The name in lower case, with underscores between its words.
    fn snake(name: &str) -> String {
        let mut label = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !label.is_empty() {
                label.push('_');
            }
            label.extend(letter.to_lowercase());
        }
        label
    }

    fn names_of(of: &str) -> Vec<&'static str> {
        let all = crate::words::names::ALL.iter().filter(|(kind, ..)| *kind == of);
        all.map(|(_, _, name)| *name).collect()
    }

    #[test]
    fn labels_are_the_names_in_lower_case_with_underscores() {
        let classes = CauseClass::ALL.map(|class| class.name());
        assert_eq!(classes.as_slice(), names_of("CauseClass"), "each class, in order");
        for class in CauseClass::ALL {
            assert_eq!(class.label(), snake(class.name()));
        }
        let paces = [
            Pace::AtOnce,
            Pace::BackOff,
            Pace::Floor,
            Pace::Budget,
            Pace::SlowLane,
            Pace::Throttled,
            Pace::Ban,
        ];
        assert_eq!(paces.len(), names_of("Pace").len());
        for pace in paces {
            assert_eq!(pace.label(), snake(pace.name()));
        }
        let halts = [Halt::Disabled, Halt::Refused, Halt::TakenOver, Halt::Attempts(3)];
        assert_eq!(halts.len(), names_of("Halt").len());
        for halt in halts {
            assert_eq!(halt.label(), snake(halt.name()));
        }
    }

    #[test]
    fn it_is_known_who_ended_it() {
        let of = |failure| DisconnectCause::Transport { failure, phase: None }.closer();
        assert_eq!(of(TransportFailure::Eof), Closer::Peer);
        assert_eq!(of(TransportFailure::TimedOut), Closer::Network);
        assert_eq!(of(TransportFailure::CertificateExpired), Closer::Client);
        assert_eq!(DisconnectCause::Shutdown.closer(), Closer::Client);
        assert_eq!(Closer::Peer.label(), "peer");
    }
}
