//! The conditions of a statement.

use core::net::IpAddr;

use super::super::date;
use super::Context;
use super::pattern::{Glob, Pattern};

/// One key that must compare with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) operator: Operator,
    pub(super) key: String,
    pub(super) values: Vec<Pattern>,
}

/// How a key's values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    over: Over,
    pub(super) test: Test,
    negated: bool,
    if_exists: bool,
}

/// Which of a key's values must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// The operator has no prefix.
    Key,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// The comparison of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Text,
    TextInAnyCase,
    Bool,
    Number(Order),
    Date(Order),
    Address,
    /// Whether the key has a value at all.
    Null,
}

/// Which numbers or dates fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The names of operators, without prefix and suffix. `*Like` differs from
/// `*Equals` in its patterns alone; ARNs are compared by patterns under both.
const OPERATORS: [(&str, Test, bool); 27] = [
    ("StringEquals", Test::Text, false),
    ("StringNotEquals", Test::Text, true),
    ("StringEqualsIgnoreCase", Test::TextInAnyCase, false),
    ("StringNotEqualsIgnoreCase", Test::TextInAnyCase, true),
    ("StringLike", Test::Text, false),
    ("StringNotLike", Test::Text, true),
    ("ArnEquals", Test::Text, false),
    ("ArnNotEquals", Test::Text, true),
    ("ArnLike", Test::Text, false),
    ("ArnNotLike", Test::Text, true),
    ("Bool", Test::Bool, false),
    ("NumericEquals", Test::Number(Order::Equal), false),
    ("NumericNotEquals", Test::Number(Order::Equal), true),
    ("NumericLessThan", Test::Number(Order::Less), false),
    ("NumericLessThanEquals", Test::Number(Order::LessOrEqual), false),
    ("NumericGreaterThan", Test::Number(Order::Greater), false),
    ("NumericGreaterThanEquals", Test::Number(Order::GreaterOrEqual), false),
    ("DateEquals", Test::Date(Order::Equal), false),
    ("DateNotEquals", Test::Date(Order::Equal), true),
    ("DateLessThan", Test::Date(Order::Less), false),
    ("DateLessThanEquals", Test::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Test::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Test::Date(Order::GreaterOrEqual), false),
    // Both sides are base64, of which there is one form.
    ("BinaryEquals", Test::Text, false),
    ("IpAddress", Test::Address, false),
    ("NotIpAddress", Test::Address, true),
    ("Null", Test::Null, false),
];

impl Operator {
    /// The operator of this name, such as `ForAnyValue:StringLikeIfExists`.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (over, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Over::All, rest),
            Some(("ForAnyValue", rest)) => (Over::Any, rest),
            Some(_) => return None,
            None => (Over::Key, name),
        };
        let (plain, if_exists) = match rest.strip_suffix("IfExists") {
            Some(plain) => (plain, true),
            None => (rest, false),
        };
        let (_, test, negated) = OPERATORS.iter().find(|(known, ..)| *known == plain)?;
        let fits = *test != Test::Null || (over == Over::Key && !if_exists);
        fits.then_some(Self { over, test: *test, negated: *negated, if_exists })
    }

    /// True if `*` and `?` in its values are wildcards.
    pub(super) fn has_wildcards(name: &str) -> bool {
        name.contains("Like") || name.contains("Arn")
    }

    /// What its values must look like, for the reader of an error; nothing if
    /// this one is good.
    pub(super) fn objection(self, value: &str) -> Option<&'static str> {
        let is_good = match self.test {
            Test::Text | Test::TextInAnyCase => true,
            Test::Bool | Test::Null => as_bool(value).is_some(),
            Test::Number(_) => as_number(value).is_some(),
            Test::Date(_) => date::of_policy(value).is_some(),
            Test::Address => network(value).is_some(),
        };
        let wanted = match self.test {
            Test::Bool | Test::Null => "true or false",
            Test::Number(_) => "a number",
            Test::Date(_) => "a date, such as 2026-11-29T12:00:00Z, or seconds since 1970",
            _ => "an address or a network, such as 10.0.0.0/8",
        };
        (!is_good).then_some(wanted)
    }
}

impl Condition {
    /// True if it holds for a connection. One with a variable that has no value
    /// does not.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let values: Option<Vec<Glob>> =
            self.values.iter().map(|value| value.resolve(context)).collect();
        let Some(values) = values else { return false };
        let found = context.get(&self.key);
        let operator = self.operator;
        if operator.test == Test::Null {
            return values.iter().any(|wanted| Test::Bool.fits(wanted, &is_null(found)));
        }
        let fits_one =
            |found: &String| values.iter().any(|wanted| operator.test.fits(wanted, found));
        let passes = |found: &String| fits_one(found) != operator.negated;
        match operator.over {
            Over::All => found.iter().all(passes),
            Over::Any if found.is_empty() => operator.if_exists,
            Over::Any => found.iter().any(passes),
            Over::Key if found.is_empty() => operator.if_exists || operator.negated,
            Over::Key => found.iter().any(fits_one) != operator.negated,
        }
    }
}

fn is_null(found: &[String]) -> String {
    found.is_empty().to_string()
}

impl Test {
    fn fits(self, wanted: &Glob, found: &str) -> bool {
        match self {
            Self::Text => wanted.fits(found),
            Self::TextInAnyCase => wanted.fits_in_any_case(found),
            Self::Bool | Self::Null => {
                let wanted = as_bool(&wanted.to_string());
                wanted.is_some() && wanted == as_bool(found)
            }
            Self::Number(order) => match (as_number(found), as_number(&wanted.to_string())) {
                (Some(found), Some(wanted)) => order.fits(found, wanted),
                _ => false,
            },
            Self::Date(order) => {
                match (date::of_policy(found), date::of_policy(&wanted.to_string())) {
                    (Some(found), Some(wanted)) => order.fits(found, wanted),
                    _ => false,
                }
            }
            Self::Address => match (found.parse(), network(&wanted.to_string())) {
                (Ok(found), Some(network)) => network.holds(found),
                _ => false,
            },
        }
    }
}

impl Order {
    fn fits(self, found: f64, wanted: f64) -> bool {
        match self {
            Self::Equal => found == wanted,
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
            Self::Greater => found > wanted,
            Self::GreaterOrEqual => found >= wanted,
        }
    }
}

fn as_bool(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

fn as_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Addresses that have their first bits in common.
struct Network {
    address: IpAddr,
    bits: u32,
}

fn network(text: &str) -> Option<Network> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(width), |bits| bits.parse().ok())?;
    (bits <= width).then_some(Network { address, bits })
}

impl Network {
    fn holds(&self, found: IpAddr) -> bool {
        let differ = match (self.address, found.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                u128::from(own.to_bits() ^ other.to_bits()) << 96
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => own.to_bits() ^ other.to_bits(),
            _ => return false,
        };
        differ.leading_zeros() >= self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Reading;
    use super::*;

    fn condition(name: &str, key: &str, values: &[&str]) -> Condition {
        let reading = Reading { wildcards: Operator::has_wildcards(name), variables: true };
        let values = values.iter().map(|value| Pattern::parse(value, reading).unwrap());
        let operator = Operator::named(name).unwrap();
        Condition { operator, key: key.to_owned(), values: values.collect() }
    }

    fn context() -> Context {
        Context::new()
            .with("iot:ConnectAttributes", "PersistentConnect")
            .with("iot:ConnectAttributes", "LastWill")
            .with("iot:ClientId", "Pump")
            .with("iot:Connection.Thing.IsAttached", "true")
            .with("aws:SourceIp", "10.1.2.3")
            .with("iot:Connection.Thing.Attributes[level]", "7.5")
            .with("aws:CurrentTime", "2026-11-29T12:00:00Z")
            .with("aws:EpochTime", "1795953600")
    }

    #[test]
    fn each_operator_on_both_sides() {
        let attribute = "iot:Connection.Thing.Attributes[level]";
        for (name, key, values, holds) in [
            ("StringEquals", "iot:ClientId", &["x", "Pump"][..], true),
            ("StringEquals", "iot:ClientId", &["pump"], false),
            ("StringEquals", "iot:ClientId", &["P*"], false),
            ("StringNotEquals", "iot:ClientId", &["pump"], true),
            ("StringNotEquals", "iot:ClientId", &["x", "Pump"], false),
            ("StringEqualsIgnoreCase", "iot:ClientId", &["pUMP"], true),
            ("StringEqualsIgnoreCase", "iot:ClientId", &["pumps"], false),
            ("StringNotEqualsIgnoreCase", "iot:ClientId", &["pUMP"], false),
            ("StringNotEqualsIgnoreCase", "iot:ClientId", &["pumps"], true),
            ("StringLike", "iot:ClientId", &["P?m*"], true),
            ("StringLike", "iot:ClientId", &["p*"], false),
            ("StringNotLike", "iot:ClientId", &["P*"], false),
            ("StringNotLike", "iot:ClientId", &["p*"], true),
            ("ArnLike", "iot:ClientId", &["P*"], true),
            ("ArnNotEquals", "iot:ClientId", &["P*"], false),
            ("Bool", "iot:Connection.Thing.IsAttached", &["TRUE"], true),
            ("Bool", "iot:Connection.Thing.IsAttached", &["false"], false),
            ("NumericEquals", attribute, &["7.50"], true),
            ("NumericEquals", attribute, &["7"], false),
            ("NumericNotEquals", attribute, &["7"], true),
            ("NumericLessThan", attribute, &["7.6"], true),
            ("NumericLessThan", attribute, &["7.5"], false),
            ("NumericLessThanEquals", attribute, &["7.5"], true),
            ("NumericLessThanEquals", attribute, &["7.4"], false),
            ("NumericGreaterThan", attribute, &["7.4"], true),
            ("NumericGreaterThan", attribute, &["7.5"], false),
            ("NumericGreaterThanEquals", attribute, &["7.5"], true),
            ("NumericGreaterThanEquals", attribute, &["7.6"], false),
            ("NumericLessThan", "iot:ClientId", &["7"], false),
            ("DateEquals", "aws:CurrentTime", &["2026-11-29T13:00:00+01:00"], true),
            ("DateEquals", "aws:CurrentTime", &["2026-11-29"], false),
            ("DateEquals", "aws:EpochTime", &["2026-11-29T12:00:00Z"], true),
            ("DateNotEquals", "aws:CurrentTime", &["2026-11-29"], true),
            ("DateNotEquals", "aws:CurrentTime", &["1795953600"], false),
            ("DateLessThan", "aws:CurrentTime", &["2026-11-29T12:00:01Z"], true),
            ("DateLessThan", "aws:CurrentTime", &["2026-11-29T12:00:00Z"], false),
            ("DateLessThanEquals", "aws:CurrentTime", &["2026-11-29T12:00:00Z"], true),
            ("DateLessThanEquals", "aws:CurrentTime", &["2026-11-29T11:59:59Z"], false),
            ("DateGreaterThan", "aws:CurrentTime", &["2026-11-29T11:59:59Z"], true),
            ("DateGreaterThan", "aws:CurrentTime", &["2026-11-29T12:00:00Z"], false),
            ("DateGreaterThanEquals", "aws:CurrentTime", &["2026-11-29T12:00:00Z"], true),
            ("DateGreaterThanEquals", "aws:CurrentTime", &["2026-11-29T12:00:01Z"], false),
            ("DateLessThan", "iot:ClientId", &["2030"], false),
            ("NumericGreaterThan", "aws:EpochTime", &["1795953599"], true),
            ("BinaryEquals", "iot:ClientId", &["Pump"], true),
            ("BinaryEquals", "iot:ClientId", &["pump"], false),
            ("IpAddress", "aws:SourceIp", &["10.0.0.0/8"], true),
            ("IpAddress", "aws:SourceIp", &["10.1.2.3"], true),
            ("IpAddress", "aws:SourceIp", &["10.1.2.4"], false),
            ("IpAddress", "aws:SourceIp", &["11.0.0.0/8", "::/0"], false),
            ("IpAddress", "aws:SourceIp", &["11.0.0.0/0"], true),
            ("NotIpAddress", "aws:SourceIp", &["10.0.0.0/8"], false),
            ("NotIpAddress", "aws:SourceIp", &["11.0.0.0/8"], true),
            ("Null", "iot:ClientId", &["false"], true),
            ("Null", "iot:ClientId", &["true"], false),
            ("Null", "iot:DomainName", &["true"], true),
            ("Null", "iot:DomainName", &["false"], false),
        ] {
            let condition = condition(name, key, values);
            assert_eq!(condition.holds(&context()), holds, "{name} {key} {values:?}");
        }
    }

    #[test]
    fn several_values_and_none() {
        let key = "iot:ConnectAttributes";
        for (name, values, both, none) in [
            ("ForAllValues:StringEquals", &["PersistentConnect"][..], false, true),
            ("ForAllValues:StringEquals", &["LastWill", "PersistentConnect"], true, true),
            ("ForAnyValue:StringEquals", &["PersistentConnect"], true, false),
            ("ForAnyValue:StringEquals", &["Other"], false, false),
            ("ForAnyValue:StringEqualsIfExists", &["Other"], false, true),
            ("ForAllValues:StringNotEquals", &["PersistentConnect"], false, true),
            ("ForAllValues:StringNotEquals", &["Other"], true, true),
            ("ForAnyValue:StringNotEquals", &["PersistentConnect"], true, false),
            ("StringEquals", &["LastWill"], true, false),
            ("StringEqualsIfExists", &["Other"], false, true),
            ("StringNotEquals", &["Other"], true, true),
            ("StringNotEquals", &["LastWill"], false, true),
        ] {
            let condition = condition(name, key, values);
            assert_eq!(condition.holds(&context()), both, "{name} {values:?} of both");
            assert_eq!(condition.holds(&Context::new()), none, "{name} {values:?} of none");
        }
    }

    #[test]
    fn a_variable_without_value_holds_never() {
        for name in ["StringEquals", "StringNotEquals", "StringNotEqualsIfExists"] {
            let condition = condition(name, "iot:ClientId", &["${iot:DomainName}"]);
            assert!(!condition.holds(&context()), "{name}");
        }
        let condition = condition("StringEquals", "iot:ClientId", &["${iot:ClientId}"]);
        assert!(condition.holds(&context()));
    }

    #[test]
    fn what_is_no_operator() {
        for name in ["stringEquals", "ForSomeValues:Bool", "NullIfExists", "ForAnyValue:Null", ""] {
            assert_eq!(Operator::named(name), None, "{name}");
        }
    }

    #[test]
    fn values_must_have_the_form_of_their_operator() {
        for (name, good, bad) in [
            ("Bool", "False", "yes"),
            ("Null", "true", "null"),
            ("NumericEquals", "-1e3", "inf"),
            ("DateLessThan", "2026-11-29T12:00Z", "tomorrow"),
            ("DateEquals", "1795953600", "29.11.2026"),
            ("IpAddress", "fe80::/10", "10.0.0.0/33"),
            ("NotIpAddress", "1.2.3.4/0", "1.2.3"),
        ] {
            let operator = Operator::named(name).unwrap();
            assert_eq!(operator.objection(good), None, "{name}");
            assert!(operator.objection(bad).is_some(), "{name}");
        }
    }
}
