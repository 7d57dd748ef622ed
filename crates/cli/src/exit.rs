//! The one table of exit codes; docs/cli.md repeats it and a test compares them.

macro_rules! exits {
    ($($code:literal $name:ident $meaning:literal;)*) => {
        /// How the program ended, as the shell sees it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Exit {
            $(#[doc = concat!("`", $code, "`: ", $meaning, ".")] $name,)*
        }

        impl Exit {
            /// Every ending, in the order of the codes.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// The process's exit code.
            pub(crate) const fn code(self) -> u8 {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What the code says, for people.
            #[cfg(test)]
            pub(crate) const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

exits! {
    0 Done "the job was done";
    1 Failed "anything not listed here, such as output that could not be written";
    2 Usage "a flag, file or setting is wrong; nothing was sent";
    3 RefusedCredentials "the server refused the user name, the password or the right to connect";
    4 Network "no server could be reached";
    5 Timeout "the time given by --timeout ran out";
    6 Tls "TLS failed: certificate, host name or protocol version";
    7 RefusedMessage "a message was refused, by the server or by the limits it announced";
    8 NotAcknowledged "a message was sent or queued but not acknowledged, not with the QoS asked for, or may be lost";
    9 BadVerdict "demo or soak saw a message lost or a law broken, or advisor a client that fails";
    10 RefusedIdentifier "the server refused the client identifier";
    11 RefusedVersion "the server does not speak the protocol version asked for";
    12 RefusedBusy "the server is unavailable, busy, shutting down or limits the rate";
    13 RefusedMoved "the server sent the client to another server";
    14 RefusedOther "the server refused the connection for another reason";
    15 SubscriptionRefused "every subscription was refused";
    16 SubscriptionPartly "some subscriptions were refused, others granted";
    17 TakenOver "another client with the same identifier took the session over";
    18 ServerFault "the server does not speak MQTT, or broke its rules";
    20 Interrupted "a signal stopped the program before the job was done";
    21 StoreHeld "the store is in use by another process";
    22 StoreUnusable "the store is not there, damaged, of a newer version, or cannot be written";
    23 NoSuchMessage "the store has no such message, or the message is in a state that forbids it";
    24 Findings "doctor found something as bad as --fail-on";
    25 Unreadable "doctor could read none of its files";
    130 Aborted "a second signal stopped the program at once";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_only_done_is_zero() {
        for (at, exit) in Exit::ALL.iter().enumerate() {
            assert_eq!(exit.code() == 0, *exit == Exit::Done, "{exit:?}");
            for other in Exit::ALL.iter().skip(at + 1) {
                assert_ne!(exit.code(), other.code(), "{exit:?} and {other:?}");
            }
        }
    }

    #[test]
    fn codes_leave_the_shells_range_alone() {
        for exit in Exit::ALL {
            assert!(exit.code() < 126 || exit.code() == 128 + 2, "{exit:?}");
        }
    }

    #[test]
    fn the_reference_has_the_same_table() {
        let reference = include_str!("../../../docs/cli.md");
        let written: Vec<&str> = reference
            .lines()
            .filter(|line| line.starts_with("| `") && line.contains("` | "))
            .collect();
        for exit in Exit::ALL {
            let row = format!("| `{}` | {} |", exit.code(), exit.meaning());
            assert!(written.contains(&row.as_str()), "docs/cli.md lacks the row {row:?}");
        }
    }
}
