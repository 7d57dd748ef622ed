//! Profiles from what the parser of some format gives, without serde and std:
//! for the WebAssembly module, which has a parser on the other side.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::limit::default_source;
use crate::unit::{SIZES, TIMES, split};
use crate::{
    AuthenticationKind, Ban, Confidence, ConnectFloor, Inconsistency, KeepAliveGrace,
    KeepAliveRange, LengthRange, Limit, List, OnBreak, Profile, ProtocolVersion, Rate,
    TopicPattern, TopicPrefixes,
};

/// The name of the base without any limit.
pub(crate) const NO_BASE: &str = "none";

/// A value as JSON and TOML have it.
#[derive(Clone, Debug, PartialEq)]
pub enum Written<'a> {
    /// Yes or no.
    Bool(bool),
    /// Any number.
    Number(f64),
    /// A text.
    Text(&'a str),
    /// Several values.
    List(Vec<Self>),
    /// Named values.
    Table(Vec<(&'a str, Self)>),
}

/// Why a value is not a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenError(Box<Fault>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    /// Names with dots between; empty for the whole.
    path: String,
    wrong: Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// There is no such name; the known ones.
    Unknown(&'static [&'static str]),
    Missing,
    Wants(&'static str),
    Inconsistent(Inconsistency),
}

impl Profile {
    /// Reads a profile that has the form of a TOML file's, from
    /// whatever format it was written in.
    ///
    /// ```
    /// use evenkeel_profile::{Profile, Written::{Number, Table, Text}};
    ///
    /// let limit = Table(vec![("value", Number(20.0))]);
    /// let profile = Profile::from_written(&Table(vec![
    ///     ("name", Text("plant-7")),
    ///     ("based_on", Text("aws-iot-core")),
    ///     ("publish", Table(vec![("receive_maximum", limit)])),
    /// ]))?;
    /// assert_eq!(profile.receive_maximum(), Some(20));
    /// # Ok::<(), evenkeel_profile::WrittenError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A name no profile has, a value of the wrong type, an unknown base, or
    /// limits that contradict each other.
    pub fn from_written(from: &Written<'_>) -> Result<Self, WrittenError> {
        let known = &["name", "revised", "based_on", "connection", "publish", "subscribe"];
        let file = Table::of(from, known)?;
        let name = file.part("name")?;
        let base: Option<Cow<'static, str>> = file.optional("based_on")?;
        let mut profile = match base.as_deref() {
            None => crate::standard(),
            Some(NO_BASE) => Self::empty(),
            Some(base) => Self::built_in(base)
                .ok_or_else(|| WrittenError::unknown(&crate::BUILT_IN).at("based_on"))?,
        };
        profile.name = name;
        profile.revised = file.optional("revised")?.unwrap_or_default();
        file.section("connection", &mut profile.connection)?;
        file.section("publish", &mut profile.publish)?;
        file.section("subscribe", &mut profile.subscribe)?;
        profile.check().map_err(|error| WrittenError::new(Wrong::Inconsistent(error)))?;
        Ok(profile)
    }
}

/// What can be read from a written value.
pub(crate) trait Read: Sized {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError>;
}

/// Named values, all of them known.
struct Table<'a>(&'a [(&'a str, Written<'a>)]);

impl<'a> Table<'a> {
    fn any(from: &'a Written<'a>) -> Result<Self, WrittenError> {
        match from {
            Written::Table(parts) => Ok(Self(parts)),
            _ => Err(WrittenError::wants("a table, such as { value: 20, source: 'vendor page' }")),
        }
    }

    fn of(from: &'a Written<'a>, known: &'static [&'static str]) -> Result<Self, WrittenError> {
        let table = Self::any(from)?;
        match table.0.iter().find(|(name, _)| !known.contains(name)) {
            Some((name, _)) => Err(WrittenError::unknown(known).at(name)),
            None => Ok(table),
        }
    }

    fn find(&self, name: &str) -> Option<&'a Written<'a>> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, from)| from)
    }

    fn optional<T: Read>(&self, name: &str) -> Result<Option<T>, WrittenError> {
        match self.find(name) {
            Some(from) => T::read(from).map(Some).map_err(|error| error.at(name)),
            None => Ok(None),
        }
    }

    fn part<T: Read>(&self, name: &str) -> Result<T, WrittenError> {
        match self.find(name) {
            Some(from) => T::read(from).map_err(|error| error.at(name)),
            None => Err(WrittenError::new(Wrong::Missing).at(name)),
        }
    }

    /// Reads the limits of a section.
    fn section(&self, name: &str, limits: &mut dyn Slots) -> Result<(), WrittenError> {
        let Some(from) = self.find(name) else { return Ok(()) };
        for (limit, from) in Table::any(from).map_err(|error| error.at(name))?.0 {
            let set = match limits.slot(limit) {
                Some(slot) => slot.set(from),
                None => Err(WrittenError::unknown(limits.names())),
            };
            set.map_err(|error| error.at(limit).at(name))?;
        }
        Ok(())
    }
}

/// A limit that can be set: all types behind one, as most of the code is the same.
pub(crate) trait Slot {
    fn set(&mut self, from: &Written<'_>) -> Result<(), WrittenError>;
}

/// The limits of a section, by their names.
pub(crate) trait Slots {
    fn names(&self) -> &'static [&'static str];
    fn slot(&mut self, name: &str) -> Option<&mut dyn Slot>;
}

impl<T: Read> Slot for Option<Limit<T>> {
    fn set(&mut self, from: &Written<'_>) -> Result<(), WrittenError> {
        let Evidence { source, confidence, on_break, on_break_v3 } = Evidence::of(from)?;
        let value = Table::any(from)?.part("value")?;
        *self = Some(Limit { value, source, confidence, on_break, on_break_v3 });
        Ok(())
    }
}

/// What stands beside the value of a limit.
struct Evidence {
    source: Cow<'static, str>,
    confidence: Confidence,
    on_break: OnBreak,
    on_break_v3: Option<OnBreak>,
}

impl Evidence {
    fn of(from: &Written<'_>) -> Result<Self, WrittenError> {
        let known = &["value", "source", "confidence", "on_break", "on_break_v3"];
        let limit = Table::of(from, known)?;
        Ok(Self {
            source: limit.optional("source")?.unwrap_or(default_source()),
            confidence: limit.optional("confidence")?.unwrap_or_default(),
            on_break: limit.optional("on_break")?.unwrap_or_default(),
            on_break_v3: limit.optional("on_break_v3")?,
        })
    }
}

impl Read for bool {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        match from {
            Written::Bool(value) => Ok(*value),
            _ => Err(WrittenError::wants("true or false")),
        }
    }
}

/// `u32::MAX`.
const LARGEST: f64 = 4_294_967_295.0;

fn whole(from: &Written<'_>) -> Option<u32> {
    match *from {
        Written::Number(number) if (0.0..=LARGEST).contains(&number) => {
            Some(number as u32).filter(|whole| f64::from(*whole) == number)
        }
        _ => None,
    }
}

impl Read for u8 {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        let number = whole(from).and_then(|number| number.try_into().ok());
        number.ok_or_else(|| WrittenError::wants("a whole number up to 255"))
    }
}

impl Read for u16 {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        let number = whole(from).and_then(|number| number.try_into().ok());
        number.ok_or_else(|| WrittenError::wants("a whole number up to 65535"))
    }
}

impl Read for u32 {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        let number = match from {
            Written::Text(text) => size(text),
            _ => whole(from),
        };
        number.ok_or_else(|| {
            WrittenError::wants("a whole number below 2^32, or a size in B, KiB or MiB")
        })
    }
}

fn size(text: &str) -> Option<u32> {
    let (number, unit) = split(text);
    let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u32>().ok()?.checked_mul(*bytes)
}

impl Read for Duration {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        let seconds = match from {
            Written::Number(seconds) => Some(*seconds),
            Written::Text(text) => time(text),
            _ => None,
        };
        let time = seconds.and_then(|seconds| Self::try_from_secs_f64(seconds).ok());
        time.ok_or_else(|| {
            WrittenError::wants("a number of seconds, or a time in ms, s, min, h or days")
        })
    }
}

/// Seconds.
fn time(text: &str) -> Option<f64> {
    let (number, unit) = split(text);
    let (_, length) = TIMES.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let mut scale = 1.0;
    let digits = whole.bytes().chain(fraction.bytes().inspect(|_| scale *= 10.0));
    let mut value = 0.0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10.0 + f64::from(digit - b'0');
    }
    (!whole.is_empty() && !fraction.is_empty()).then(|| value / scale * length)
}

impl Read for Cow<'static, str> {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        text(from).map(|text| Cow::Owned(text.to_string()))
    }
}

fn text<'a>(from: &Written<'a>) -> Result<&'a str, WrittenError> {
    match from {
        Written::Text(text) => Ok(*text),
        _ => Err(WrittenError::wants("a text")),
    }
}

impl<T: Read + Clone> Read for List<T> {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        let Written::List(from) = from else { return Err(WrittenError::wants("a list")) };
        let mut values = Vec::with_capacity(from.len());
        for one in from {
            values.push(T::read(one)?);
        }
        Ok(Self(Cow::Owned(values)))
    }
}

impl Read for TopicPrefixes {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        List::read(from).map(|list| Self(list.0))
    }
}

impl Read for TopicPattern {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        Read::read(from).map(Self)
    }
}

macro_rules! tables {
    ($($table:ident { $($part:ident)* })*) => {$(
        impl Read for $table {
            fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
                let table = Table::of(from, &[$(stringify!($part)),*])?;
                Ok(Self { $($part: table.part(stringify!($part))?),* })
            }
        }
    )*};
}

tables! {
    KeepAliveRange { minimum maximum zero_means }
    ConnectFloor { spacing spacing_after_short short }
    Rate { amount period }
    LengthRange { minimum maximum }
    Ban { first longest }
}

impl Read for KeepAliveGrace {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        let table = Table::of(from, &["percent", "longest"])?;
        Ok(Self { percent: table.part("percent")?, longest: table.optional("longest")? })
    }
}

/// One of a few words.
macro_rules! words {
    ($($kind:ident { $($word:literal $variant:ident)* })*) => {$(
        impl Read for $kind {
            fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
                match text(from)? {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(WrittenError::unknown(&[$($word),*])),
                }
            }
        }
    )*};
}

words! {
    ProtocolVersion { "3.1" V31 "3.1.1" V311 "5" V5 }
    AuthenticationKind {
        "certificate" Certificate
        "password" Password
        "access-token" AccessToken
        "sas-token" SasToken
        "signed-web-socket" SignedWebSocket
        "custom-authorizer" CustomAuthorizer
    }
    Confidence {
        "documented" Documented
        "observed" Observed
        "disputed" Disputed
        "unconfirmed" Unconfirmed
    }
}

impl Read for OnBreak {
    fn read(from: &Written<'_>) -> Result<Self, WrittenError> {
        if let Written::Table(parts) = from
            && let [(name, code)] = &**parts
        {
            let code = u8::read(code).map_err(|error| error.at(name));
            return match *name {
                "rejects" => code.map(Self::Rejects),
                "disconnects-with" => code.map(Self::DisconnectsWith),
                _ => Err(WrittenError::unknown(&["rejects", "disconnects-with"])),
            };
        }
        match text(from)? {
            "refuses" => Ok(Self::Refuses),
            "disconnects" => Ok(Self::Disconnects),
            "throttles" => Ok(Self::Throttles),
            "ignores" => Ok(Self::Ignores),
            "clamps" => Ok(Self::Clamps),
            "unknown" => Ok(Self::Unknown),
            _ => Err(WrittenError::unknown(&[
                "{ rejects: code }",
                "refuses",
                "{ disconnects-with: code }",
                "disconnects",
                "throttles",
                "ignores",
                "clamps",
                "unknown",
            ])),
        }
    }
}

impl WrittenError {
    #[cold]
    fn new(wrong: Wrong) -> Self {
        Self(Box::new(Fault { path: String::new(), wrong }))
    }

    #[cold]
    fn wants(what: &'static str) -> Self {
        Self::new(Wrong::Wants(what))
    }

    #[cold]
    fn unknown(known: &'static [&'static str]) -> Self {
        Self::new(Wrong::Unknown(known))
    }

    /// What is wrong is in the part of this name.
    #[cold]
    fn at(mut self, name: &str) -> Self {
        let path = &mut self.0.path;
        if !path.is_empty() {
            path.insert(0, '.');
        }
        path.insert_str(0, name);
        self
    }
}

impl fmt::Display for WrittenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("profile")?;
        let Fault { path, wrong } = &*self.0;
        if !path.is_empty() {
            write!(f, ", {path}")?;
        }
        match wrong {
            Wrong::Unknown(known) => {
                f.write_str(": there is no such name; hint: it may be ")?;
                for (index, name) in known.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    f.write_str(name)?;
                }
                Ok(())
            }
            Wrong::Missing => f.write_str(": it is missing"),
            Wrong::Wants(what) => write!(f, ": {what} is wanted"),
            Wrong::Inconsistent(inconsistency) => write!(f, ": {inconsistency}"),
        }
    }
}

impl core::error::Error for WrittenError {}
