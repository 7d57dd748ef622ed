//! What the numbers of a configuration stand for.

use core::time::Duration;

use evenkeel_codec::Version;
use evenkeel_proto::{
    OfflineQos0, RefusedPolicy, TakeOverPolicy, TopicAliases, TransportFailure, WhenFull,
    WhenUncertain,
};

/// The longest time that can be set: a hundred years, in milliseconds.
const LONGEST: f64 = 3.2e12;

/// A whole number that the field has room for.
pub(crate) fn whole<T: TryFrom<u64>>(value: f64) -> Result<T, &'static str> {
    let number = value as u64;
    let fits = if number as f64 == value { T::try_from(number).ok() } else { None };
    fits.ok_or("a whole number that the field has room for")
}

pub(crate) fn flag(value: f64) -> Result<bool, &'static str> {
    match whole(value) {
        Ok(0_u8) => Ok(false),
        Ok(1) => Ok(true),
        _ => Err("0 or 1"),
    }
}

/// Milliseconds, to the microsecond.
pub(crate) fn span(value: f64) -> Result<Duration, &'static str> {
    if !(0.0..=LONGEST).contains(&value) {
        return Err("milliseconds from 0 to 3.2e12");
    }
    Ok(Duration::from_micros((value * 1000.0 + 0.5) as u64))
}

/// One of a few, by its number.
pub(crate) fn choice<T>(value: f64, of: impl FnOnce(u32) -> Option<T>) -> Result<T, &'static str> {
    whole(value).ok().and_then(of).ok_or("a choice that there is")
}

pub(crate) fn version(value: f64) -> Result<Version, &'static str> {
    choice(value, |level| Version::from_level(u8::try_from(level).ok()?))
        .map_err(|_| "3 (MQTT 3.1), 4 (3.1.1) or 5")
}

pub(crate) const fn when_uncertain(number: u32) -> Option<WhenUncertain> {
    match number {
        0 => Some(WhenUncertain::Report),
        1 => Some(WhenUncertain::SendAnew),
        _ => None,
    }
}

pub(crate) const fn topic_aliases(number: u32) -> Option<TopicAliases> {
    match number {
        0 => Some(TopicAliases::Automatic),
        1 => Some(TopicAliases::Manual),
        2 => Some(TopicAliases::Off),
        _ => None,
    }
}

pub(crate) const fn refused(number: u32) -> Option<RefusedPolicy> {
    match number {
        0 => Some(RefusedPolicy::HaltUnlessProven),
        1 => Some(RefusedPolicy::Halt),
        2 => Some(RefusedPolicy::SlowLane),
        _ => None,
    }
}

pub(crate) const fn taken_over(number: u32) -> Option<TakeOverPolicy> {
    match number {
        0 => Some(TakeOverPolicy::Halt),
        1 => Some(TakeOverPolicy::SlowLane),
        _ => None,
    }
}

pub(crate) const fn offline_qos0(number: u32) -> Option<OfflineQos0> {
    match number {
        0 => Some(OfflineQos0::Queue),
        1 => Some(OfflineQos0::Refuse),
        _ => None,
    }
}

pub(crate) const fn when_full(number: u32) -> Option<WhenFull> {
    match number {
        0 => Some(WhenFull::Wait),
        1 => Some(WhenFull::Refuse),
        2 => Some(WhenFull::DropOldest),
        3 => Some(WhenFull::DropNewest),
        4 => Some(WhenFull::LatestPerTopic),
        _ => None,
    }
}

/// How a transport ended; `detail` and `after` belong to some of them.
pub(crate) fn failure(number: u32, detail: f64, after: f64) -> Option<TransportFailure> {
    let status = whole(detail).unwrap_or(0);
    Some(match number {
        320 => TransportFailure::Eof,
        321 => TransportFailure::Reset,
        322 => TransportFailure::Refused,
        323 => TransportFailure::Unreachable,
        324 => TransportFailure::TimedOut,
        325 => TransportFailure::Resolve,
        326 => TransportFailure::TlsRefused,
        327 => TransportFailure::CertificateNotYetValid,
        328 => TransportFailure::CertificateExpired,
        329 => TransportFailure::Tls,
        330 => TransportFailure::ProxyRefused,
        331 => TransportFailure::WebSocketRefused(status),
        332 => TransportFailure::TryLater { status, after: span(after).unwrap_or_default() },
        333 => TransportFailure::WebSocket,
        334 => TransportFailure::Credentials,
        335 => TransportFailure::Endpoint,
        336 => TransportFailure::Authenticator,
        337 => TransportFailure::Config,
        338 if detail.is_nan() => TransportFailure::Other(None),
        // Out of range it saturates, as no system has such a number.
        338 => TransportFailure::Other(Some(detail as i32)),
        339 => TransportFailure::ClockWrong { status },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Their numbers are those that the core tells.
    #[test]
    fn failures_have_the_numbers_of_the_core() {
        for number in 0..1000 {
            let named = failure(number, 503.0, 7000.0).map(|failure| failure.code());
            let expected = (320..=339).contains(&number).then_some(number as u16);
            assert_eq!(named, expected);
        }
        let after = Duration::from_secs(7);
        let later = Some(TransportFailure::TryLater { status: 503, after });
        assert_eq!(failure(332, 503.0, 7000.0), later);
        assert_eq!(failure(338, f64::NAN, 0.0), Some(TransportFailure::Other(None)));
        assert_eq!(failure(338, -110.0, 0.0), Some(TransportFailure::Other(Some(-110))));
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert_eq!((whole::<u16>(65_535.0), whole::<u16>(65_536.0).is_err()), (Ok(65_535), true));
        for wrong in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e300] {
            assert!(whole::<u32>(wrong).is_err(), "{wrong}");
            assert!(flag(wrong).is_err(), "{wrong}");
        }
        assert_eq!(span(1.5), Ok(Duration::from_micros(1500)));
        for wrong in [-0.001, f64::NAN, f64::INFINITY, 3.3e12] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
