//! Values of limits taken apart, and as text for people.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt;
use core::time::Duration;

use crate::{
    AuthenticationKind, Ban, ConnectFloor, KeepAliveGrace, KeepAliveRange, LengthRange, List,
    ProtocolVersion, Rate, TopicPattern, TopicPrefixes,
};

/// A value of a limit taken apart, to be written as TOML, JSON or the like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plain {
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(u64),
    /// A time, in seconds in TOML.
    Time(Duration),
    /// A text.
    Text(String),
    /// Several values.
    List(Vec<Self>),
    /// Named parts.
    Table(Vec<(&'static str, Self)>),
}

/// What every value of a limit can do.
pub trait LimitValue: fmt::Debug {
    /// The value taken apart.
    fn plain(&self) -> Plain;
    /// The value for people; `unit` is what its number counts.
    fn text(&self, unit: &str) -> String;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl LimitValue for $number {
            fn plain(&self) -> Plain {
                Plain::Number((*self).into())
            }

            fn text(&self, unit: &str) -> String {
                with_unit(&grouped((*self).into()), unit)
            }
        }
    )*};
}

numbers!(u8 u16 u32);

impl LimitValue for bool {
    fn plain(&self) -> Plain {
        Plain::Bool(*self)
    }

    fn text(&self, _unit: &str) -> String {
        if *self { "yes" } else { "no" }.to_string()
    }
}

impl LimitValue for Duration {
    fn plain(&self) -> Plain {
        Plain::Time(*self)
    }

    fn text(&self, _unit: &str) -> String {
        time(*self)
    }
}

impl LimitValue for KeepAliveRange {
    fn plain(&self) -> Plain {
        Plain::Table(vec![
            ("minimum", self.minimum.plain()),
            ("maximum", self.maximum.plain()),
            ("zero_means", self.zero_means.plain()),
        ])
    }

    fn text(&self, _unit: &str) -> String {
        let Self { minimum, maximum, zero_means } = self;
        if *zero_means == 0 {
            format!("{minimum} to {maximum} s, 0: off")
        } else {
            format!("{minimum} to {maximum} s, 0: {zero_means} s")
        }
    }
}

impl LimitValue for KeepAliveGrace {
    fn plain(&self) -> Plain {
        let longest = self.longest.map(|longest| ("longest", Plain::Time(longest)));
        let percent = ("percent", self.percent.plain());
        Plain::Table(core::iter::once(percent).chain(longest).collect())
    }

    fn text(&self, _unit: &str) -> String {
        let percent = format!("{} %", self.percent);
        match self.longest {
            Some(longest) => format!("{percent}, at most {}", time(longest)),
            None => percent,
        }
    }
}

impl LimitValue for ConnectFloor {
    fn plain(&self) -> Plain {
        Plain::Table(vec![
            ("spacing", Plain::Time(self.spacing)),
            ("spacing_after_short", Plain::Time(self.spacing_after_short)),
            ("short", Plain::Time(self.short)),
        ])
    }

    fn text(&self, _unit: &str) -> String {
        let Self { spacing, spacing_after_short, short } = *self;
        let always = time(spacing);
        if spacing == spacing_after_short {
            return always;
        }
        format!("{always}; {} after less than {}", time(spacing_after_short), time(short))
    }
}

impl LimitValue for Ban {
    fn plain(&self) -> Plain {
        Plain::Table(vec![
            ("first", Plain::Time(self.first)),
            ("longest", Plain::Time(self.longest)),
        ])
    }

    fn text(&self, _unit: &str) -> String {
        format!("{}, later up to {}", time(self.first), time(self.longest))
    }
}

impl LimitValue for Rate {
    fn plain(&self) -> Plain {
        Plain::Table(vec![("amount", self.amount.plain()), ("period", Plain::Time(self.period))])
    }

    fn text(&self, unit: &str) -> String {
        let period = time(self.period);
        let period = period.strip_prefix("1 ").unwrap_or(&period);
        format!("{} per {period}", self.amount.text(unit))
    }
}

impl LimitValue for LengthRange {
    fn plain(&self) -> Plain {
        Plain::Table(vec![("minimum", self.minimum.plain()), ("maximum", self.maximum.plain())])
    }

    fn text(&self, unit: &str) -> String {
        format!("{} to {}", self.minimum, self.maximum.text(unit))
    }
}

impl LimitValue for Cow<'static, str> {
    fn plain(&self) -> Plain {
        Plain::Text(self.to_string())
    }

    fn text(&self, _unit: &str) -> String {
        self.to_string()
    }
}

macro_rules! words {
    ($($word:ty)*) => {$(
        impl LimitValue for $word {
            fn plain(&self) -> Plain {
                Plain::Text(self.to_string())
            }

            fn text(&self, _unit: &str) -> String {
                self.to_string()
            }
        }
    )*};
}

words!(ProtocolVersion AuthenticationKind);

impl LimitValue for TopicPattern {
    fn plain(&self) -> Plain {
        self.0.plain()
    }

    fn text(&self, unit: &str) -> String {
        self.0.text(unit)
    }
}

impl LimitValue for TopicPrefixes {
    fn plain(&self) -> Plain {
        list(&self.0)
    }

    fn text(&self, unit: &str) -> String {
        joined(&self.0, unit)
    }
}

impl<T: LimitValue + Clone> LimitValue for List<T> {
    fn plain(&self) -> Plain {
        list(&self.0)
    }

    fn text(&self, unit: &str) -> String {
        joined(&self.0, unit)
    }
}

fn list<T: LimitValue>(values: &[T]) -> Plain {
    Plain::List(values.iter().map(LimitValue::plain).collect())
}

fn joined<T: LimitValue>(values: &[T], unit: &str) -> String {
    let texts: Vec<String> = values.iter().map(|value| value.text(unit)).collect();
    texts.join(", ")
}

fn with_unit(number: &str, unit: &str) -> String {
    if unit.is_empty() { number.to_string() } else { format!("{number} {unit}") }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in the largest unit that leaves no rest.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    if time.subsec_nanos() > 0 || seconds == 0 {
        return format!("{} s", time.as_secs_f64());
    }
    let units = [(86_400, "days"), (3600, "h"), (60, "min"), (1, "s")];
    let fits = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length));
    let (length, unit) = fits.unwrap_or((1, "s"));
    let count = seconds / length;
    let unit = if count == 1 && unit == "days" { "day" } else { unit };
    format!("{} {unit}", grouped(count))
}
