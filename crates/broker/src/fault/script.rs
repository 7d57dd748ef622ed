//! The broker file: settings, rules and steps in TOML.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::Action;
use super::rule::{Rule, RuleError, Trigger, When};
use super::step::Step;
use crate::core::{Access, Behaviour, Config, Limits, Memory, Offer};
use crate::text::{Filter, PacketFilter, Time};

/// A broker file: settings, fault rules and steps in TOML.
///
/// ```
/// use evenkeel_broker::fault::Script;
/// let script = Script::parse(
///     r#"
///     [offer]
///     receive_maximum = 10
///
///     [[rule]]
///     name = "one lost ping response"
///     sent = "PINGRESP"
///     nth = 1
///     action = "drop"
///     "#,
/// )?;
/// assert_eq!(script.config.offer.receive_maximum, 10);
/// assert_eq!(script.rules.len(), 1);
/// # Ok::<(), evenkeel_broker::fault::ScriptError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The settings; what the file leaves out has its default.
    pub config: Config,
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// What happens to the whole broker, and when.
    pub steps: Vec<Step>,
}

impl Script {
    /// Reads a broker file.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let file: File = toml::from_str(text).map_err(ScriptError::Toml)?;
        let File { offer, limits, memory, access, behaviour, rule, step } = file;
        let mut rules = Vec::with_capacity(rule.len());
        for (index, entry) in rule.into_iter().enumerate() {
            let name = entry.when.name.clone();
            let rule = entry.into_rule().map_err(|problem| ScriptError::Rule {
                number: index + 1,
                name,
                problem,
            })?;
            rules.push(rule);
        }
        let config = Config { offer, limits, memory, access, behaviour, quota: None };
        Ok(Self { config, rules, steps: step })
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct File {
    offer: Offer,
    limits: Limits,
    memory: Memory,
    access: Access,
    behaviour: Behaviour,
    rule: Vec<Entry>,
    step: Vec<Step>,
}

/// A rule as written: its conditions, side by side with the action.
struct Entry {
    when: When,
    /// Which of `opened`, `sent` and `received` stand there.
    triggers: Vec<Trigger>,
    /// Whether `connection` and `connections` stand there.
    connection_keys: usize,
    action: Option<Action>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Name,
    Opened,
    Sent,
    Received,
    Client,
    Topic,
    LargerThan,
    MoreFiltersThan,
    Connection,
    Connections,
    After,
    Nth,
    Every,
    Times,
    Per,
    Starting,
    Lasting,
    Wait,
    Action,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with a rule")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let when = When::new(Trigger::Opened);
        let mut entry = Entry { when, triggers: Vec::new(), connection_keys: 0, action: None };
        while let Some(key) = map.next_key()? {
            entry.read(key, &mut map)?;
        }
        Ok(entry)
    }
}

impl Entry {
    fn read<'de, A: MapAccess<'de>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        let Self { when, triggers, connection_keys, action } = self;
        match key {
            Key::Name => when.name = Some(map.next_value()?),
            Key::Opened => {
                if map.next_value()? {
                    triggers.push(Trigger::Opened);
                }
            }
            Key::Sent => triggers.push(Trigger::Sent(map.next_value::<PacketFilter>()?.0)),
            Key::Received => triggers.push(Trigger::Received(map.next_value::<PacketFilter>()?.0)),
            Key::Client => when.client = Some(map.next_value()?),
            Key::Topic => when.topic = Some(map.next_value::<Filter>()?.0),
            Key::LargerThan => when.larger_than = Some(map.next_value()?),
            Key::MoreFiltersThan => when.more_filters_than = Some(map.next_value()?),
            Key::Connection => {
                let number = map.next_value()?;
                when.connections = Some((number, number));
                *connection_keys += 1;
            }
            Key::Connections => {
                when.connections = Some(map.next_value()?);
                *connection_keys += 1;
            }
            Key::After => when.count.after = map.next_value()?,
            Key::Nth => when.count.nth = Some(map.next_value()?),
            Key::Every => when.count.every = Some(map.next_value()?),
            Key::Times => when.count.times = Some(map.next_value()?),
            Key::Per => when.count.scope = map.next_value()?,
            Key::Starting => when.span.starting = map.next_value::<Time>()?.0,
            Key::Lasting => when.span.lasting = Some(map.next_value::<Time>()?.0),
            Key::Wait => when.wait = map.next_value::<Time>()?.0,
            Key::Action => *action = Some(map.next_value()?),
        }
        Ok(())
    }

    fn into_rule(self) -> Result<Rule, RuleProblem> {
        let Self { mut when, triggers, connection_keys, action } = self;
        let [trigger] = triggers[..] else { return Err(RuleProblem::Trigger) };
        if connection_keys > 1 {
            return Err(RuleProblem::Connections);
        }
        when.trigger = trigger;
        let rule = when.then(action.ok_or(RuleProblem::NoAction)?);
        rule.check().map_err(RuleProblem::Rule)?;
        Ok(rule)
    }
}

/// Why a text is no broker file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ScriptError {
    /// Not TOML, an unknown key, or a value of the wrong kind; names the line.
    Toml(toml::de::Error),
    /// A rule that says too little or too much.
    Rule {
        /// Its place in the file, from 1.
        number: usize,
        /// Its name, if it has one.
        name: Option<String>,
        /// What is wrong.
        problem: RuleProblem,
    },
}

/// What is wrong with a rule in a broker file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleProblem {
    /// Not exactly one of `opened`, `sent` and `received`.
    Trigger,
    /// Both `connection` and `connections`.
    Connections,
    /// No `action`.
    NoAction,
    /// A combination that could never apply.
    Rule(RuleError),
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml(error) => write!(f, "{}", error.to_string().trim_end()),
            Self::Rule { number, name, problem } => {
                write!(f, "rule {number}")?;
                if let Some(name) = name {
                    write!(f, " (\"{name}\")")?;
                }
                f.write_str(" does not work")?;
                if f.alternate() { write!(f, ": {problem}") } else { Ok(()) }
            }
        }
    }
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trigger => f.write_str(
                "needs exactly one of: sent = \"PACKET\", received = \"PACKET\", opened = true",
            ),
            Self::Connections => {
                f.write_str("has both connection and connections; keep one of them")
            }
            Self::NoAction => f.write_str("has no action; add one, such as action = \"drop\""),
            Self::Rule(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ScriptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its text is this one.
            Self::Toml(error) => error.source(),
            Self::Rule { problem, .. } => Some(problem),
        }
    }
}

/// Without a source: [`RuleProblem::Rule`] has the text of what it holds.
impl std::error::Error for RuleProblem {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evenkeel_codec::PacketType;

    use super::*;
    use crate::fault::{Announce, Happening, Stop};

    fn rule(text: &str) -> Rule {
        let script = Script::parse(&format!("[[rule]]\n{text}")).unwrap();
        script.rules.into_iter().next().unwrap()
    }

    #[test]
    fn every_action_can_be_written() {
        let ms = Duration::from_millis;
        let sent = || When::sent(PacketType::Publish);
        let cases = [
            (r#""drop""#, sent().drop()),
            (r#"{ delay = "600ms" }"#, sent().delay(ms(600))),
            (r#""duplicate""#, sent().duplicate()),
            ("{ corrupt = { offset = 1, mask = 0x80 } }", sent().corrupt(1, 0x80)),
            (
                r#"{ silence = { stop = "sending", lasts = "2s" } }"#,
                sent().silence(Stop::Sending, Some(ms(2000))),
            ),
            ("{ silence = {} }", sent().silence(Stop::Both, None)),
            (r#"{ dribble = { bytes = 10, every = "5ms" } }"#, sent().dribble(10, ms(5))),
            (r#""close""#, sent().close()),
            (r#""close_after""#, sent().close_after()),
            ("{ disconnect = { reason = 0x89 } }", sent().disconnect(0x89)),
            (r#"{ inject = "d0 00" }"#, sent().inject(&[0xd0, 0][..])),
            (r#"{ one_per = "30s" }"#, sent().one_per(ms(30_000))),
        ];
        for (text, expected) in cases {
            assert_eq!(rule(&format!("sent = \"publish\"\naction = {text}")), expected);
        }
        assert_eq!(
            rule("received = \"CONNECT\"\naction = { refuse = { code = 255 } }"),
            When::received(PacketType::Connect).refuse(255)
        );
        let values = Announce { server_keep_alive: Some(0), ..Announce::default() };
        assert_eq!(
            rule("sent = \"CONNACK\"\naction = { announce = { server_keep_alive = 0 } }"),
            When::sent(PacketType::ConnAck).announce(values)
        );
    }

    #[test]
    fn every_condition_can_be_written() {
        let text = r#"
            name = "poison"
            received = "PUBLISH"
            client = "pump-*"
            topic = "site/+/poison"
            larger_than = 100
            connections = [2, 5]
            after = 1
            nth = 2
            every = 3
            times = 4
            per = "connection"
            starting = "1s"
            lasting = "1m"
            action = "close"
        "#;
        let expected = When::received(PacketType::Publish)
            .named("poison")
            .client("pump-*")
            .topic("site/+/poison".try_into().unwrap())
            .larger_than(100)
            .connections(2..=5)
            .after(1)
            .nth(2)
            .every(3)
            .times(4)
            .per_connection()
            .starting(Duration::from_secs(1))
            .lasting(Duration::from_secs(60))
            .close();
        assert_eq!(rule(text), expected);
        let text = "received = \"any\"\nconnection = 3\nwait = \"1s\"\naction = \"close\"";
        let expected = When::any_received().connection(3).wait(Duration::from_secs(1)).close();
        assert_eq!(rule(text), expected);
        assert_eq!(rule("opened = true\naction = \"close\""), When::opened().close());
    }

    #[test]
    fn every_step_can_be_written() {
        let text = r#"
            [[step]]
            at = "5s"
            every = "20s"
            times = 3
            action = { restart = { down_for = "2s", keeps_sessions = true } }
            [[step]]
            at = "0s"
            action = { black_hole = "10s" }
            [[step]]
            at = "1m"
            action = { disconnect = { client = "pump-*", reason = 0x98 } }
            [[step]]
            at = "1m"
            action = { publish = { topic = "t", payload = "x", qos = 1, retain = true } }
        "#;
        let steps = Script::parse(text).unwrap().steps;
        assert_eq!(steps.len(), 4);
        let down_for = Duration::from_secs(2);
        let restart = Happening::Restart { down_for, keeps_sessions: true };
        let every = Some(Duration::from_secs(20));
        let at = Duration::from_secs(5);
        assert_eq!(steps[0], Step { at, every, times: Some(3), action: restart });
        assert_eq!(steps[1].action, Happening::BlackHole(Duration::from_secs(10)));
        let error = Script::parse("[[step]]\nat = \"1s\"\naction = \"reboot\"").unwrap_err();
        assert!(error.to_string().contains("expected one of `restart`"), "{error}");
    }

    #[test]
    fn errors_say_what_would_be_right() {
        let cases = [
            ("sent = \"PING\"\naction = \"drop\"", "PINGREQ, PINGRESP"),
            (
                "sent = \"PINGRESP\"\naction = \"dorp\"",
                "unknown variant `dorp`, expected one of `drop`",
            ),
            ("sent = \"PINGRESP\"\naction = { delay = 5 }", "expected a string"),
            ("sent = \"PINGRESP\"\naction = { delay = \"5\" }", "such as \"1.5s\""),
            ("sent = \"PINGRESP\"\ntimes = -1\naction = \"drop\"", "invalid value"),
            (
                "sent = \"PINGRESP\"\nclinet = \"a\"\naction = \"drop\"",
                "unknown field `clinet`, expected one of `name`",
            ),
            ("sent = \"PINGRESP\"", "rule 1 does not work: has no action"),
            ("action = \"drop\"", "rule 1 does not work: needs exactly one of"),
            (
                "name = \"x\"\nopened = true\naction = \"drop\"",
                "rule 1 (\"x\") does not work: drop needs a packet",
            ),
            ("sent = \"PUBLISH\"\ntopic = \"a/#/b\"\naction = \"drop\"", "# must stand alone"),
            ("sent = \"PUBLISH\"\nnth = 0\naction = \"drop\"", "count from 1"),
            ("sent = \"PUBLISH\"\naction = { inject = \"d0 0\" }", "two hexadecimal digits"),
            (
                "sent = \"PUBLISH\"\naction = { refuse = { code = 5 } }",
                "refuse needs received CONNECT",
            ),
            ("sent = \"PUBLISH\"\naction = { refuse = { code = 500 } }", "invalid value"),
            (
                "sent = \"PUBLISH\"\nconnection = 1\nconnections = [1, 2]\naction = \"drop\"",
                "keep one",
            ),
            ("sent = \"PUBLISH\"\naction = { silence = { stop = \"all\" } }", "`both`"),
            (
                "sent = \"PUBLISH\"\naction = { dribble = { bytes = 1, evry = \"1s\" } }",
                "available keys: bytes, every, lasts",
            ),
        ];
        for (text, part) in cases {
            let error = format!("{:#}", Script::parse(&format!("[[rule]]\n{text}")).unwrap_err());
            assert!(error.contains(part), "{text}\n=> {error}");
        }
        let error = Script::parse("[offer]\nmaximum_qos = 3").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("use 0, 1 or 2"), "{error}");
        let error = Script::parse("[limits]\nqueue = 3").unwrap_err().to_string();
        assert!(error.contains("queue_messages"), "{error}");
    }
}
