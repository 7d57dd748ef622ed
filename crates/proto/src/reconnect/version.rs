//! Which protocol version a server is asked for (R14).

use core::time::Duration;

use evenkeel_codec::Version;

use crate::time::Instant;

/// How long a server that would not have MQTT 5 is not asked for it again.
const NOT_ASKED_AGAIN: Duration = Duration::from_secs(3600);

/// What one server has shown of the versions it speaks, and which one it is
/// asked for next (R14).
///
/// Only words are evidence. A close or silence may be anything: MQTT 5 and
/// 3.1.1 are tried in turn then, and what is accepted after such a guess says
/// nothing of the next connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spoken {
    /// It has answered in MQTT 5: it is never asked for less.
    knows_v5: bool,
    /// It has refused 3.1.1 in words.
    refuses_v311: bool,
    /// It has refused MQTT 5 in words, and is not asked for it before `v5_again`.
    refuses_v5: bool,
    /// MQTT 5 met a close or silence: it is the turn of 3.1.1.
    turn_of_v311: bool,
    /// The connection that it accepted last spoke 3.1.1.
    accepted_v311: bool,
    /// When MQTT 5 met silence, if that was the last it met.
    silent_at: Option<Instant>,
    /// It is not asked for MQTT 5 before this.
    v5_again: Instant,
}

impl Spoken {
    /// That of a server that has answered in MQTT 5.
    pub(crate) const V5: Self = Self {
        knows_v5: true,
        refuses_v311: false,
        refuses_v5: false,
        turn_of_v311: false,
        accepted_v311: false,
        silent_at: None,
        v5_again: Instant::from_micros(0),
    };

    /// The version to ask for. `session_is_open`: a session that the server
    /// keeps has exchanges in flight, which would not survive another version.
    pub(crate) fn next(&self, now: Instant, session_is_open: bool) -> Version {
        let stays = session_is_open && self.accepted_v311;
        let less = stays || now < self.v5_again || self.turn_of_v311;
        if less && !self.knows_v5 && !self.refuses_v311 { Version::V311 } else { Version::V5 }
    }

    /// It answered in MQTT 5, whatever it said.
    pub(crate) const fn on_v5(&mut self) {
        self.knows_v5 = true;
    }

    pub(crate) fn on_accepted(&mut self, version: Version) {
        self.turn_of_v311 = false;
        self.accepted_v311 = version == Version::V311;
        match self.silent_at.take() {
            _ if version == Version::V5 => self.knows_v5 = true,
            // The silence was about the version, as the older one is answered.
            Some(silent_at) => self.v5_again = self.v5_again.max(silent_at + NOT_ASKED_AGAIN),
            None => {}
        }
    }

    /// It refused this version in words; true if the other one is left.
    pub(crate) fn on_refused(&mut self, version: Version, now: Instant) -> bool {
        if version == Version::V5 {
            (self.refuses_v5, self.v5_again) = (true, now + NOT_ASKED_AGAIN);
        } else {
            self.refuses_v311 = true;
        }
        let refuses_v5 = self.refuses_v5 && now < self.v5_again;
        if self.knows_v5 || refuses_v5 && self.refuses_v311 {
            // Nothing is left to try: the next time both are asked for.
            *self = Self { knows_v5: self.knows_v5, ..Self::default() };
            return false;
        }
        true
    }

    /// It closed when CONNACK was due, or said nothing.
    pub(crate) fn on_no_answer(&mut self, version: Version, silent: bool, now: Instant) {
        self.turn_of_v311 = version == Version::V5;
        if version == Version::V5 {
            self.silent_at = silent.then_some(now);
            // The hour is over, or it would not have been asked.
            self.refuses_v5 = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use Version::{V5, V311};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(1 << 40) + SECOND * u32::try_from(seconds).unwrap()
    }

    fn next(spoken: Spoken, seconds: u64) -> Version {
        spoken.next(at(seconds), false)
    }

    #[test]
    fn closes_give_each_version_its_turn() {
        let mut spoken = Spoken::default();
        for round in 0..6 {
            let version = if round % 2 == 0 { V5 } else { V311 };
            assert_eq!(next(spoken, round), version);
            spoken.on_no_answer(version, false, at(round));
        }
        spoken.on_no_answer(V5, false, at(10));
        spoken.on_accepted(V311);
        assert_eq!(next(spoken, 11), V5, "a guess lasts for its connection");
        assert_eq!(spoken.next(at(11), true), V311, "and while its session is open");
    }

    #[test]
    fn after_silence_the_older_version_is_asked_for_an_hour() {
        let mut spoken = Spoken::default();
        spoken.on_no_answer(V5, true, at(100));
        assert_eq!(next(spoken, 101), V311);
        spoken.on_no_answer(V311, true, at(130));
        assert_eq!(next(spoken, 131), V5, "it is silent to both: no evidence");
        spoken.on_no_answer(V5, true, at(160));
        spoken.on_accepted(V311);
        assert_eq!(next(spoken, 3759), V311);
        spoken.on_no_answer(V311, false, at(3759));
        assert_eq!(next(spoken, 3759), V311, "at most once an hour");
        assert_eq!(next(spoken, 3760), V5);
        spoken.on_no_answer(V5, true, at(3790));
        assert_eq!(next(spoken, 3791), V311, "and at once the one that is answered");
    }

    #[test]
    fn a_close_after_silence_takes_the_silence_back() {
        let mut spoken = Spoken::default();
        spoken.on_no_answer(V5, true, at(0));
        spoken.on_no_answer(V311, true, at(30));
        spoken.on_no_answer(V5, false, at(60));
        spoken.on_accepted(V311);
        assert_eq!(next(spoken, 61), V5);
    }

    #[test]
    fn who_has_answered_in_mqtt_5_is_never_asked_for_less() {
        let mut answered = Spoken::default();
        answered.on_v5();
        let mut accepted = Spoken::default();
        accepted.on_accepted(V5);
        for mut spoken in [answered, accepted] {
            spoken.on_no_answer(V5, true, at(0));
            assert!(!spoken.on_refused(V5, at(1)));
            assert_eq!(spoken.next(at(2), true), V5);
        }
    }

    #[test]
    fn words_hold_for_an_hour() {
        let mut spoken = Spoken::default();
        assert!(spoken.on_refused(V5, at(0)));
        for silence in [true, false] {
            spoken.on_no_answer(V311, silence, at(1));
            assert_eq!(next(spoken, 3599), V311);
        }
        assert_eq!(next(spoken, 3600), V5);
    }

    #[test]
    fn words_against_both_leave_nothing_and_words_against_one_the_other() {
        let mut spoken = Spoken::default();
        spoken.on_no_answer(V5, false, at(0));
        assert!(spoken.on_refused(V311, at(1)));
        assert_eq!(next(spoken, 2), V5);
        assert!(!spoken.on_refused(V5, at(2)));
        assert_eq!(next(spoken, 3), V5, "the next time both are asked for");
        assert!(spoken.on_refused(V5, at(3)));
        assert_eq!(next(spoken, 4), V311);
        assert!(!spoken.on_refused(V311, at(4)));
    }
}
