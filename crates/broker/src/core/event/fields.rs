//! How values are written in JSON.

use evenkeel_codec::{PacketType, ReasonCode};
use serde::{Serialize, Serializer};

pub(super) fn code<S: Serializer>(reason: &ReasonCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u8(reason.0)
}

/// As the specification writes it.
pub(super) fn packet<S: Serializer>(packet: &PacketType, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(packet.name())
}

pub(super) fn packet_or_null<S: Serializer>(
    packet: &Option<PacketType>,
    to: S,
) -> Result<S::Ok, S::Error> {
    packet.map(|packet| packet.name()).serialize(to)
}

/// A name in lower case with underscores, however it is written elsewhere.
pub(super) fn snake<S: Serializer>(name: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&snake_case(name))
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        let is_gap = matches!(letter, ' ' | '-');
        snake.push(if is_gap { '_' } else { letter.to_ascii_lowercase() });
    }
    snake
}

/// `TLSv1_3` as people write it: `1.3`.
pub(super) fn tls_version<S: Serializer>(version: &str, to: S) -> Result<S::Ok, S::Error> {
    match version.strip_prefix("TLSv") {
        Some(number) => to.serialize_str(&number.replace('_', ".")),
        None => to.serialize_str(version),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in references")]
pub(super) fn to_the_millisecond<S: Serializer>(seconds: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((seconds * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_style() {
        for (name, written) in [
            ("queue_full", "queue_full"),
            ("user name or password", "user_name_or_password"),
            ("disconnects-with", "disconnects_with"),
            ("RuleNotFound", "rule_not_found"),
            ("", ""),
        ] {
            assert_eq!(snake_case(name), written);
        }
    }
}
