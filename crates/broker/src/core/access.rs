//! Users, denied topics and the challenges of enhanced authentication.

use std::collections::BTreeMap;
use std::fmt;

use evenkeel_codec::{Connect, ReasonCode, Text, TopicFilter};
use serde::Deserialize;

use super::ids::ConnectionId;
use super::service::{Act, Admission, Arrival, Gate, Permit};
use super::time::Time;
use crate::text;

/// Who may connect, and which topics are denied.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Names and passwords; absent, every client is let in.
    #[serde(skip)]
    pub users: Option<Users>,
    /// Whether clients without a user name are let in beside [`Access::users`].
    pub anonymous: bool,
    /// Topics nobody may publish or subscribe to; the first that fits counts.
    pub denials: Vec<Denial>,
    /// The enhanced authentication method on offer; absent, there is none.
    pub challenge: Option<Challenge>,
}

impl Access {
    /// True if this pair may connect.
    fn admits(&self, username: Option<&str>, password: Option<&[u8]>) -> bool {
        match (&self.users, username) {
            (None, _) => true,
            (Some(_), None) => self.anonymous,
            (Some(users), Some(name)) => users.check(name, password.unwrap_or_default()),
        }
    }

    fn denial_of_publish(&self, topic: &str) -> Option<&Denial> {
        self.denials.iter().find(|denial| denial.publish && denial.covers(topic))
    }

    fn denial_of_subscribe(&self, pattern: &str) -> Option<&Denial> {
        self.denials.iter().find(|denial| denial.subscribe && denial.covers(pattern))
    }

    /// What these settings say to a CONNECT.
    pub(crate) fn judge(&self, connect: &Connect) -> Admission {
        let will = connect.will.as_deref();
        if will.is_some_and(|will| self.denial_of_publish(&will.topic).is_some()) {
            return Admission::Refuse { reason: ReasonCode::NOT_AUTHORIZED, why: "will topic" };
        }
        let username = connect.username.as_ref().map(Text::as_str);
        if self.admits(username, connect.password.as_deref()) {
            return Admission::Welcome;
        }
        let reason = ReasonCode::BAD_USER_NAME_OR_PASSWORD;
        Admission::Refuse { reason, why: "user name or password" }
    }
}

/// The gate of a broker that nobody has extended, and the second one of any other.
impl Gate for Access {
    fn admit(&mut self, _: Time, _: ConnectionId, _: &Arrival, connect: &Connect) -> Admission {
        self.judge(connect)
    }

    fn may(&self, _: Time, _: ConnectionId, act: Act<'_>) -> Permit {
        let denial = match act {
            Act::Publish { topic, .. } => self.denial_of_publish(topic),
            Act::Subscribe(filter) => self.denial_of_subscribe(filter.pattern()),
            Act::Receive(_) => None,
        };
        match denial {
            None => Permit::Allow,
            Some(denial) if denial.disconnect => Permit::Disconnect(ReasonCode(denial.reason)),
            Some(denial) => Permit::Refuse(ReasonCode(denial.reason)),
        }
    }
}

/// User names with their passwords, for tests: kept and compared as plain text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Users(BTreeMap<String, Vec<u8>>);

impl Users {
    /// Reads `name:password` lines; empty lines and those with `#` in front are skipped.
    ///
    /// The name ends at the first colon; the password is all that follows,
    /// spaces included, and may be empty.
    ///
    /// ```
    /// use evenkeel_broker::Users;
    /// let users = Users::parse("# for the bench\nalice:s3cret\nbob:\n")?;
    /// assert_eq!(users.len(), 2);
    /// let error = Users::parse("alice s3cret").unwrap_err();
    /// assert_eq!(error.to_string(), "line 1: no colon; write name:password");
    /// # Ok::<(), evenkeel_broker::UsersError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let mut users = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let error = |problem| UsersError { line: index + 1, problem };
            let (name, password) =
                line.split_once(':').ok_or_else(|| error(UsersProblem::NoColon))?;
            if name.is_empty() {
                return Err(error(UsersProblem::NoName));
            }
            if users.insert(name.to_owned(), password.as_bytes().to_vec()).is_some() {
                return Err(error(UsersProblem::Twice));
            }
        }
        Ok(Self(users))
    }

    /// Adds a user, or changes the password of one.
    pub fn set(&mut self, name: impl Into<String>, password: impl Into<Vec<u8>>) {
        self.0.insert(name.into(), password.into());
    }

    /// Removes a user; false if there was none.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// The number of users.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn check(&self, name: &str, password: &[u8]) -> bool {
        self.0.get(name).is_some_and(|expected| expected == password)
    }
}

impl fmt::Debug for Users {
    /// Shows the names; never a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why a text is no user file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsersError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: UsersProblem,
}

/// What is wrong with a line of a user file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsersProblem {
    /// Nothing parts the name from the password.
    NoColon,
    /// The line begins with the colon.
    NoName,
    /// An earlier line has the same name.
    Twice,
}

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            UsersProblem::NoColon => "no colon; write name:password",
            UsersProblem::NoName => "no name before the colon; write name:password",
            UsersProblem::Twice => "the name stands in an earlier line; keep one of them",
        };
        write!(f, "line {}: {problem}", self.line)
    }
}

impl std::error::Error for UsersError {}

/// Topics that nobody may use, and what happens to who tries.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// Which topics, and which filters asked for within these.
    #[serde(deserialize_with = "text::topic_filter")]
    pub filter: TopicFilter,
    /// Denies publishing.
    #[serde(default = "yes")]
    pub publish: bool,
    /// Denies subscribing.
    #[serde(default = "yes")]
    pub subscribe: bool,
    /// Ends the connection, as AWS IoT Core does, in place of a reason code in
    /// the acknowledgement.
    #[serde(default)]
    pub disconnect: bool,
    /// The reason code of the acknowledgement or DISCONNECT (MQTT 5).
    #[serde(default = "not_authorized")]
    pub reason: u8,
}

const fn yes() -> bool {
    true
}

const fn not_authorized() -> u8 {
    ReasonCode::NOT_AUTHORIZED.0
}

impl Denial {
    /// Denies publishing and subscribing with Not authorized.
    pub const fn new(filter: TopicFilter) -> Self {
        let reason = ReasonCode::NOT_AUTHORIZED.0;
        Self { filter, publish: true, subscribe: true, disconnect: false, reason }
    }

    fn covers(&self, asked: &str) -> bool {
        text::covers(&self.filter, asked)
    }
}

/// An enhanced authentication made for tests of a client's AUTH path.
///
/// The server sends a challenge, the client answers with its bytes in reverse
/// order, as often as `rounds` says. It proves nothing about anybody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Challenge {
    /// The method's name; other methods are refused.
    pub method: String,
    /// Challenges before the connection is accepted; 0 accepts at once.
    pub rounds: u32,
}

impl Default for Challenge {
    fn default() -> Self {
        Self { method: "EVENKEEL-TEST".into(), rounds: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_never_show_their_passwords() {
        let mut users = Users::parse("alice:s3cret:with:colons\r\n\n#x:y\n").unwrap();
        users.set("bob", "hunter2");
        assert_eq!(format!("{users:?}"), r#"{"alice", "bob"}"#);
        let access = Access { users: Some(users), ..Access::default() };
        assert!(access.admits(Some("alice"), Some(b"s3cret:with:colons")));
        assert!(!access.admits(Some("alice"), Some(b"s3cret")));
        assert!(!access.admits(Some("carol"), None));
        assert!(!access.admits(None, None));
        assert!(Access::default().admits(None, None));
        assert!(!format!("{access:?}").contains("s3cret"));
    }

    #[test]
    fn bad_user_lines_are_named() {
        let texts = [("a:b\n:c", "no name before"), ("a:b\na:c", "earlier line")];
        for (text, part) in texts {
            let error = Users::parse(text).unwrap_err();
            assert!(error.to_string().starts_with("line 2: "), "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn a_denial_covers_filters_within_it() {
        let denial = Denial::new("a/+/c".try_into().unwrap());
        assert!(denial.covers("a/b/c") && denial.covers("a/+/c"));
        assert!(!denial.covers("a/#") && !denial.covers("a/b"));
        let denial = Denial::new("a/#".try_into().unwrap());
        assert!(denial.covers("a") && denial.covers("a/#") && denial.covers("a/b/+"));
        assert!(!denial.covers("b/a") && !denial.covers("#"));
    }
}
