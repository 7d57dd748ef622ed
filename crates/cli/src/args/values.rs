//! Parsers of single flag values; each mistake says why and what to write.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use evenkeel::store::Fsync;
use evenkeel::{QoS, TopicName, Version};
use evenkeel_aws::advisor::{CASES, Case, Operation, Suite};
use evenkeel_broker::{Role, Strictness};
use evenkeel_doctor::Severity;
use jiff::Timestamp;
use serde_json::Value;

use super::nearest;

/// Why a value is refused, and a value that would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadValue {
    /// The reason, as a clause.
    pub(crate) why: String,
    /// What to write instead.
    pub(crate) hint: String,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for BadValue {}

fn bad<T>(why: impl Into<String>, hint: impl Into<String>) -> Result<T, BadValue> {
    Err(BadValue { why: why.into(), hint: hint.into() })
}

/// `0`, `1` or `2`.
pub(crate) fn qos(text: &str) -> Result<QoS, BadValue> {
    match text.parse().ok().and_then(QoS::from_level) {
        Some(qos) => Ok(qos),
        None => {
            bad("MQTT has QoS 0, 1 and 2", "0: at most once, 1: at least once, 2: exactly once")
        }
    }
}

/// Which limits of a profile a broker enforces.
pub(crate) fn strictness(text: &str) -> Result<Strictness, BadValue> {
    match text {
        "documented" => Ok(Strictness::Documented),
        "observed" => Ok(Strictness::Observed),
        "harsh" => Ok(Strictness::Harsh),
        _ => bad("there is no such level", "use documented, observed or harsh"),
    }
}

/// What spans are divided by.
pub(crate) fn factor(text: &str) -> Result<NonZeroU32, BadValue> {
    match text.parse() {
        Ok(factor) => Ok(factor),
        Err(_) => bad(
            "spans are divided by a whole number from 1 on",
            "1440 makes a minute of a day, 1 leaves all as it is",
        ),
    }
}

/// A protocol version in mosquitto's spelling, as a number or as a wire level.
pub(crate) fn version(text: &str) -> Result<Version, BadValue> {
    match text {
        "mqttv31" | "31" | "3.1" | "3" => Ok(Version::V31),
        "mqttv311" | "311" | "3.1.1" | "4" => Ok(Version::V311),
        "mqttv5" | "5" | "5.0" => Ok(Version::V5),
        _ => bad("there is no such MQTT version", "use mqttv31, mqttv311 or mqttv5"),
    }
}

/// A TCP port that can be connected to or listened on.
pub(crate) fn port(text: &str) -> Result<u16, BadValue> {
    match text.parse() {
        Ok(0) | Err(_) => {
            bad("a port is a number from 1 to 65535", "MQTT uses 1883, and 8883 over TLS")
        }
        Ok(port) => Ok(port),
    }
}

/// A port to listen on; 0 asks the system for a free one.
pub(crate) fn listen_port(text: &str) -> Result<u16, BadValue> {
    match text.parse() {
        Ok(port) => Ok(port),
        Err(_) => bad("a port is a number from 0 to 65535", "use 0 for any free port"),
    }
}

/// A port of AWS IoT Core, and the port in its place.
pub(crate) fn role(text: &str) -> Result<(Role, u16), BadValue> {
    let parts = text.split_once('=').and_then(|(role, port)| {
        let role = Role::of(role.parse().ok()?)?;
        Some((role, port.parse().ok()?))
    });
    match parts {
        Some(parts) => Ok(parts),
        None => bad("a role is 8883, 8443 or 443, and a port behind =", "write 443=4443"),
    }
}

/// A keep-alive in whole seconds.
pub(crate) fn keep_alive(text: &str) -> Result<u16, BadValue> {
    match text.parse() {
        Ok(seconds) => Ok(seconds),
        Err(_) => bad(
            "the keep-alive is a whole number of seconds from 0 to 65535",
            "60 suits most links; 0 turns pings off",
        ),
    }
}

/// A count of messages after which to end.
pub(crate) fn count(text: &str) -> Result<u64, BadValue> {
    from_one(text, "leave the flag out for no limit")
}

/// How often to publish.
pub(crate) fn repetitions(text: &str) -> Result<u64, BadValue> {
    from_one(text, "leave the flag out to publish once")
}

/// A bound of the broker.
pub(crate) fn bound(text: &str) -> Result<u64, BadValue> {
    from_one(text, "leave the flag out for the broker's usual bound")
}

/// A count that cannot be zero.
fn from_one(text: &str, hint: &str) -> Result<u64, BadValue> {
    match text.parse() {
        Ok(0) | Err(_) => bad("a count is a whole number from 1 on", hint),
        Ok(count) => Ok(count),
    }
}

/// A number of messages in flight.
pub(crate) fn in_flight(text: &str) -> Result<u16, BadValue> {
    match text.parse() {
        Ok(0) | Err(_) => bad("the limit is a number from 1 to 65535", "20 is a common limit"),
        Ok(count) => Ok(count),
    }
}

/// A number of clients in one process.
pub(crate) fn clients(text: &str) -> Result<usize, BadValue> {
    match text.parse() {
        Ok(count @ 1..=5000) => Ok(count),
        _ => bad("the number of clients is from 1 to 5000", "200 suits most machines"),
    }
}

/// How long an attempt to connect may take, which always has a limit.
pub(crate) fn connect_timeout(text: &str) -> Result<Duration, BadValue> {
    above_zero(text, "an attempt needs time", "leave the flag out for 30 s")
}

/// How long a packet waits for its answer before it is sent again.
pub(crate) fn retry(text: &str) -> Result<Duration, BadValue> {
    match duration(text)? {
        after if after < Duration::from_secs(1) => bad(
            "a server needs a second to answer",
            "10s leaves it time; leave the flag out to wait",
        ),
        after => Ok(after),
    }
}

/// Time between two lines about the state.
pub(crate) fn status_period(text: &str) -> Result<Duration, BadValue> {
    above_zero(text, "lines need time between them", "write --status for a line every 10 s")
}

/// How long a soak lasts.
pub(crate) fn soak_time(text: &str) -> Result<Duration, BadValue> {
    above_zero(text, "trouble needs time", "leave the flag out for 10 minutes, or give 30s or 2m")
}

/// A length of time that cannot be zero.
fn above_zero(text: &str, why: &str, hint: &str) -> Result<Duration, BadValue> {
    match duration(text)? {
        Duration::ZERO => bad(why, hint),
        time => Ok(time),
    }
}

/// Seconds, with a fraction or a unit (`1.5`, `250ms`, `2m`, `1h`).
pub(crate) fn duration(text: &str) -> Result<Duration, BadValue> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("", 1.0)];
    let seconds = units.iter().find_map(|(unit, scale)| {
        let number: f64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        Duration::try_from_secs_f64(number * scale).ok()
    });
    match seconds {
        Some(time) => Ok(time),
        None => bad(
            "this is not a length of time",
            "use seconds, or a number with ms, s, m or h: 30, 1.5, 250ms, 2m",
        ),
    }
}

/// A case of AWS Device Advisor.
pub(crate) fn advisor_case(text: &str) -> Result<&'static Case, BadValue> {
    let ids = || CASES.iter().map(|case| case.id);
    Case::by_id(text).map_or_else(|| bad("there is no such case", near(text, ids())), Ok)
}

/// Cases of AWS Device Advisor that are run together.
pub(crate) fn advisor_suite(text: &str) -> Result<Suite, BadValue> {
    let names = || Suite::NAMES.iter().map(|(name, _)| *name);
    Suite::by_name(text).map_or_else(|| bad("there is no such suite", near(text, names())), Ok)
}

/// What a client does in the case of hours.
pub(crate) fn advisor_operation(text: &str) -> Result<Operation, BadValue> {
    let found = Operation::NAMES.iter().find(|(name, _)| *name == text);
    let names = || Operation::NAMES.iter().map(|(name, _)| *name);
    let unknown = || bad("there is no such operation", near(text, names()));
    found.map_or_else(unknown, |(_, operation)| Ok(*operation))
}

/// The known names that are nearest to this one; all if none is near.
fn near(text: &str, names: impl Iterator<Item = &'static str>) -> String {
    let mut names: Vec<(usize, &str)> =
        names.map(|name| (nearest::distance(text, name), name)).collect();
    names.sort_by_key(|(distance, _)| *distance);
    let far = text.chars().count() / 2;
    let is_near = names.first().is_some_and(|(distance, _)| *distance <= far);
    let known = |count| -> Vec<&str> { names.iter().take(count).map(|(_, name)| *name).collect() };
    if is_near {
        format!("did you mean {}?", known(3).join(", "))
    } else {
        format!("known are {}", known(names.len()).join(", "))
    }
}

/// The name of a shadow.
pub(crate) fn shadow_name(text: &str) -> Result<String, BadValue> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "$:_-".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    bad("AWS takes 1 to 64 letters, digits and $:_-", "config")
}

/// An object of JSON.
pub(crate) fn json_object(text: &str) -> Result<Value, BadValue> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => bad("this is no object of JSON", "{\"level\":4.2}"),
        Err(error) => bad(error.to_string(), "an object of JSON such as {\"level\":4.2}"),
    }
}

/// How long a case may take.
pub(crate) fn case_time(text: &str) -> Result<Duration, BadValue> {
    above_zero(text, "a case needs time", "leave the flag out for as long as at AWS")
}

/// How often a client is expected to connect again.
pub(crate) fn advisor_attempts(text: &str) -> Result<usize, BadValue> {
    match text.parse() {
        Ok(count @ 5..=10) => Ok(count),
        _ => bad("the number of attempts is from 5 to 10", "5 is what AWS waits for"),
    }
}

/// `NAME=NUMBER` for a threshold of a rule.
pub(crate) fn threshold(text: &str) -> Result<(String, u64), BadValue> {
    match text.split_once('=').map(|(name, number)| (name, number.parse())) {
        Some((name, Ok(number))) => Ok((name.to_owned(), number)),
        _ => bad("a threshold is a name and a whole number", "such as KA05.orphan_ms=20"),
    }
}

/// How bad a finding is.
pub(crate) fn severity(text: &str) -> Result<Severity, BadValue> {
    match text {
        "info" => Ok(Severity::Info),
        "warn" => Ok(Severity::Warn),
        "error" => Ok(Severity::Error),
        _ => bad("a severity is info, warn or error", "such as error"),
    }
}

/// An instant of the calendar.
pub(crate) fn instant(text: &str) -> Result<Timestamp, BadValue> {
    match text.parse() {
        Ok(stamp) => Ok(stamp),
        Err(_) => bad("a time has a day, a clock time and a zone", "such as 2026-11-30T12:00:00Z"),
    }
}

/// A topic that can be published to and subscribed to.
pub(crate) fn topic_name(text: &str) -> Result<String, BadValue> {
    match TopicName::try_from(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => bad(error.to_string(), "a topic such as site/7/level"),
    }
}

/// When a store is made safe from power cuts.
pub(crate) fn fsync(text: &str) -> Result<Fsync, BadValue> {
    match (text, duration(text)) {
        ("every-commit", _) => Ok(Fsync::EveryCommit),
        ("never", _) => Ok(Fsync::Never),
        (_, Ok(time)) if !time.is_zero() => Ok(Fsync::Every(time)),
        _ => bad(
            "this is no time at which to write to disk",
            "use every-commit, never, or a length of time such as 5ms",
        ),
    }
}

/// Seconds a session outlives its connection; -1 and ∞ mean without end.
pub(crate) fn session_expiry(text: &str) -> Result<u32, BadValue> {
    match text {
        "-1" | "∞" | "inf" | "never" => Ok(u32::MAX),
        _ => text.parse().or_else(|_| {
            bad(
                "the session expiry is a number of seconds from 0 to 4294967295",
                "use 3600 for an hour, -1 for a session that never expires",
            )
        }),
    }
}

/// A share of messages in percent.
pub(crate) fn percentage(text: &str) -> Result<f64, BadValue> {
    match text.parse::<f64>() {
        Ok(share) if (0.1..=100.0).contains(&share) => Ok(share),
        _ => bad(
            "the share is a number from 0.1 to 100",
            "use 50 to show about half of the messages",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_fractions_and_units() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "s", "-1", "1d", "nan", "1e300", "inf", "1 2"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
        assert!(retry("1").is_ok() && retry("999ms").is_err() && retry("-5").is_err());
        for above_zero in [connect_timeout, status_period, soak_time] {
            assert!(above_zero("0").is_err() && above_zero("0ms").is_err());
            assert!(above_zero("1ms").is_ok());
        }
    }

    #[test]
    fn each_bound_holds_on_both_sides() {
        assert_eq!(port("1"), Ok(1));
        assert_eq!(port("65535"), Ok(65535));
        assert!(port("0").is_err() && port("65536").is_err() && port("abc").is_err());
        assert_eq!(listen_port("0"), Ok(0));
        assert!(qos("2").is_ok() && qos("3").is_err() && qos("-1").is_err() && qos("").is_err());
        for from_one in [count, repetitions, bound] {
            assert!(from_one("1").is_ok() && from_one("0").is_err());
        }
        assert!(
            in_flight("65535").is_ok() && in_flight("65536").is_err() && in_flight("0").is_err()
        );
        assert!(
            keep_alive("0").is_ok() && keep_alive("65535").is_ok() && keep_alive("65536").is_err()
        );
        assert_eq!(session_expiry("-1"), Ok(u32::MAX));
        assert_eq!(session_expiry("∞"), Ok(u32::MAX));
        assert!(session_expiry("4294967295").is_ok() && session_expiry("4294967296").is_err());
        assert!(session_expiry("-2").is_err());
        assert!(percentage("0.1").is_ok() && percentage("100").is_ok());
        assert!(
            percentage("0.09").is_err()
                && percentage("100.1").is_err()
                && percentage("nan").is_err()
        );
    }

    #[test]
    fn fsync_is_a_word_or_a_length_of_time() {
        assert_eq!(fsync("every-commit"), Ok(Fsync::EveryCommit));
        assert_eq!(fsync("never"), Ok(Fsync::Never));
        assert_eq!(fsync("5ms"), Ok(Fsync::Every(Duration::from_millis(5))));
        assert_eq!(fsync("1"), Ok(Fsync::Every(Duration::from_secs(1))));
        for wrong in ["", "0", "0ms", "-1", "always", "commit"] {
            assert!(fsync(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn versions_have_three_spellings() {
        for (spellings, wanted) in [
            (["mqttv31", "31", "3"], Version::V31),
            (["mqttv311", "311", "4"], Version::V311),
            (["mqttv5", "5", "5.0"], Version::V5),
        ] {
            for spelling in spellings {
                assert_eq!(version(spelling), Ok(wanted), "{spelling}");
            }
        }
        assert!(version("6").is_err() && version("mqttv4").is_err());
    }
}
