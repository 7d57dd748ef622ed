//! What a refusal tells of this machine's clock.

use evenkeel_proto::record::UnixMillis;

use crate::transport::retry_after::http_date;

/// AWS and others take signatures that are off by so many seconds at most.
const TOLERANCE: u64 = 300;

/// By how many seconds the server's clock is ahead of this machine's, by the `Date` of its
/// answer, if that explains this status: what is signed with another time is not authorised.
pub(super) fn ahead(status: u16, date: Option<&str>, now: UnixMillis) -> Option<i64> {
    if !matches!(status, 401 | 403) {
        return None;
    }
    let (server, own) = (i64::try_from(http_date(date?)?), i64::try_from(now.0 / 1000));
    let ahead = server.ok()? - own.ok()?;
    (ahead.unsigned_abs() > TOLERANCE).then_some(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_five_minutes_explain_a_refusal() {
        const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        let by = |status, offset: i64| {
            let own = 784_111_777_u64.checked_add_signed(offset).unwrap();
            ahead(status, Some(DATE), UnixMillis(own * 1000 + 999))
        };
        for status in [401, 403] {
            for (offset, expected) in [
                (0, None),
                (300, None),
                (-300, None),
                (301, Some(-301)),
                (-301, Some(301)),
                (3600, Some(-3600)),
                (-784_111_777, Some(784_111_777)),
            ] {
                assert_eq!(by(status, offset), expected, "{offset}");
            }
        }
        for status in [101, 302, 400, 402, 404, 407, 429, 500] {
            assert_eq!(by(status, 3600), None, "{status}");
        }
        assert_eq!(ahead(403, None, UnixMillis(0)), None);
        assert_eq!(ahead(403, Some("yesterday"), UnixMillis(0)), None);
    }
}
