//! Values as people write them in files: durations, QoS, packet types.

use std::time::Duration;

use evenkeel_codec::{PacketType, QoS, TopicFilter, TopicName};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// One packet type by its name in the specification; the word `any` stands for all.
pub(crate) struct PacketFilter(pub(crate) Option<PacketType>);

/// A duration with its unit.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Time(#[serde(deserialize_with = "duration")] pub(crate) Duration);

/// A topic filter.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Filter(#[serde(deserialize_with = "topic_filter")] pub(crate) TopicFilter);

/// Reads `1500ms`, `1.5s`, `2m` or `1h`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..)?;
    let seconds_per_unit = match unit {
        "us" => 0.000_001,
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let value: f64 = digits.trim().parse().ok()?;
    Duration::try_from_secs_f64(value * seconds_per_unit).ok()
}

fn read_duration<E: Error>(text: &str) -> Result<Duration, E> {
    parse_duration(text).ok_or_else(|| {
        E::custom(format!(
            "`{text}` is not a duration; write a number with its unit (us, ms, s, m or h), such as \"1.5s\""
        ))
    })
}

pub(crate) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    read_duration(&String::deserialize(from)?)
}

/// The word `off` stands for none.
pub(crate) fn optional_duration<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    if text == "off" { Ok(None) } else { read_duration(&text).map(Some) }
}

pub(crate) fn some_duration<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

pub(crate) fn qos<'de, D: Deserializer<'de>>(from: D) -> Result<QoS, D::Error> {
    let level = u8::deserialize(from)?;
    QoS::from_level(level)
        .ok_or_else(|| D::Error::custom(format!("QoS {level} does not exist; use 0, 1 or 2")))
}

impl<'de> Deserialize<'de> for PacketFilter {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text == "any" {
            return Ok(Self(None));
        }
        let all = || (1..=15).filter_map(|number| PacketType::from_first_byte(number << 4));
        match all().find(|kind| kind.name().eq_ignore_ascii_case(&text)) {
            Some(kind) => Ok(Self(Some(kind))),
            None => {
                let names: Vec<&str> = all().map(PacketType::name).collect();
                let names = names.join(", ");
                let text = format!("`{text}` is no packet type; use one of {names}, or any");
                Err(D::Error::custom(text))
            }
        }
    }
}

pub(crate) fn topic_name<'de, D: Deserializer<'de>>(from: D) -> Result<TopicName, D::Error> {
    let text = String::deserialize(from)?;
    TopicName::try_from(text.as_str())
        .map_err(|error| D::Error::custom(format!("topic `{text}`: {error}")))
}

pub(crate) fn topic_filter<'de, D: Deserializer<'de>>(from: D) -> Result<TopicFilter, D::Error> {
    let text = String::deserialize(from)?;
    TopicFilter::try_from(text.as_str())
        .map_err(|error| D::Error::custom(format!("topic filter `{text}`: {error}")))
}

/// Compares level by level: true if everything that `asked`, a topic or
/// another filter, could match belongs to `filter`.
pub(crate) fn covers(filter: &TopicFilter, asked: &str) -> bool {
    let mut levels = asked.split('/');
    for own in filter.pattern().split('/') {
        match (own, levels.next()) {
            ("#", _) => return true,
            ("+", Some(level)) if level != "#" => {}
            (own, Some(level)) if own == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Compares a text with a pattern in which `*` stands for any text.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        // Every piece but the last is found as early as it can be.
        if let Some(piece) = last.replace(piece) {
            let Some((_, behind)) = rest.split_once(piece) else { return false };
            rest = behind;
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("1500ms"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Some(Duration::from_secs(120)));
        assert_eq!(parse_duration("1h"), Some(Duration::from_secs(3600)));
        for bad in ["", "5", "s", "-1s", "1 fortnight", "1e400s", "NaNs"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let fitting = [("a", "a"), ("*", ""), ("*", "x"), ("pump-*", "pump-"), ("a*c", "abc")];
        for (pattern, text) in fitting.into_iter().chain([("*a*a", "aba"), ("a**b", "ab")]) {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        let others =
            [("a", "ab"), ("", "a"), ("a*", "b"), ("a*c", "ab"), ("a*a", "a"), ("*b", "bc")];
        for (pattern, text) in others {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
