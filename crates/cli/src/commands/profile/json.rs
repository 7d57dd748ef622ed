//! Profiles and limits as JSON.

use evenkeel_profile::{LimitInfo, Obeyed, OnBreak, Plain, Profile};
use serde::Serialize;
use serde_json::{Number, Value};

use super::Tally;

/// Field names and meanings are part of the program's interface; docs/cli.md
/// lists them.
#[derive(Serialize)]
struct ProfileLine<'a> {
    v: u8,
    r#type: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'static str>,
    revised: &'a str,
    limits: usize,
    breakable: usize,
    obeyed: usize,
}

/// The same for a limit.
#[derive(Serialize)]
struct LimitLine<'a> {
    v: u8,
    r#type: &'static str,
    profile: &'a str,
    section: &'static str,
    name: &'static str,
    value: Value,
    text: String,
    source: &'a str,
    confidence: &'static str,
    on_break: Broken,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_break_v3: Option<Broken>,
    #[serde(flatten)]
    client: Client,
}

/// What the client does about it.
#[derive(Serialize)]
struct Client {
    client: &'static str,
    obeyed: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    obeyed_part: Option<&'static str>,
}

/// What the broker does.
#[derive(Serialize)]
struct Broken {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<u8>,
}

impl From<OnBreak> for Broken {
    fn from(on_break: OnBreak) -> Self {
        Self { action: on_break.name(), reason_code: on_break.reason_code() }
    }
}

/// A profile as one line of JSON, without the line end.
pub(super) fn profile(profile: &Profile) -> String {
    let Tally { limits, breakable, obeyed } = Tally::of(profile);
    text(&ProfileLine {
        v: 1,
        r#type: "profile",
        name: &profile.name,
        about: evenkeel_profile::about(&profile.name),
        revised: &profile.revised,
        limits,
        breakable,
        obeyed,
    })
}

/// A limit of a profile as one line of JSON, without the line end.
pub(super) fn limit(profile: &Profile, limit: &LimitInfo<'_>) -> String {
    let handling = limit.handling();
    let obeyed = handling.map_or(Obeyed::No, |handling| handling.obeyed);
    text(&LimitLine {
        v: 1,
        r#type: "limit",
        profile: &profile.name,
        section: limit.section,
        name: limit.name,
        value: value(&limit.value.plain()),
        text: limit.text(),
        source: limit.source,
        confidence: limit.confidence.name(),
        on_break: limit.on_break.into(),
        on_break_v3: limit.on_break_v3.map(Into::into),
        client: Client {
            client: handling.map_or("nothing", |handling| handling.action.name()),
            obeyed: obeyed.name(),
            obeyed_part: match obeyed {
                Obeyed::Partly(part) => Some(part),
                _ => None,
            },
        },
    })
}

/// As in TOML, times in seconds.
fn value(plain: &Plain) -> Value {
    match plain {
        Plain::Bool(value) => (*value).into(),
        Plain::Number(value) => (*value).into(),
        Plain::Time(time) if time.subsec_nanos() == 0 => time.as_secs().into(),
        Plain::Time(time) => Number::from_f64(time.as_secs_f64()).into(),
        Plain::Text(text) => text.as_str().into(),
        Plain::List(values) => values.iter().map(value).collect(),
        Plain::Table(parts) => Value::Object(
            parts.iter().map(|(key, part)| ((*key).to_owned(), value(part))).collect(),
        ),
        _ => Value::Null,
    }
}

fn text(line: &impl Serialize) -> String {
    // Strings and numbers serialize without a way to fail.
    serde_json::to_string(line).unwrap_or_default()
}
