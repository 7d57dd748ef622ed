//! Texts with wildcards and variables, as resources and values of conditions
//! have them.

use std::fmt;

use super::Context;

/// What is special in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// `*` and `?` fit more than themselves.
    pub(super) wildcards: bool,
    /// `${..}` is replaced, as from version 2012-10-17 on.
    pub(super) variables: bool,
}

/// A text of a policy, before its variables have values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Unit(Unit),
    Variable(String),
}

/// A pattern whose variables have values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<Unit>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// This character alone.
    Letter(char),
    /// `?`: one character.
    One,
    /// `*`: characters, or none.
    Any,
}

/// What is wrong with the variables of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableProblem {
    /// `${` without `}`.
    Open,
    /// `${}`.
    NoName,
    /// A default value behind a comma.
    Default,
}

impl fmt::Display for VariableProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "a variable does not end; hint: ${iot:ClientId}, or ${$} for a dollar",
            Self::NoName => "a variable has no name; hint: ${iot:ClientId}",
            Self::Default => "a variable has a default value; hint: a statement for each case",
        })
    }
}

impl Pattern {
    pub(super) fn parse(text: &str, reading: Reading) -> Result<Self, VariableProblem> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if reading.variables
                && let Some(variable) = rest.strip_prefix("${")
            {
                let (name, after) = variable.split_once('}').ok_or(VariableProblem::Open)?;
                parts.push(Part::variable(name.trim())?);
                rest = after;
                continue;
            }
            parts.push(Part::Unit(match letter {
                '*' if reading.wildcards => Unit::Any,
                '?' if reading.wildcards => Unit::One,
                letter => Unit::Letter(letter),
            }));
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        }
        Ok(Self(parts))
    }

    /// True if it fits more than one text, variables aside.
    pub(super) fn has_wildcard(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Unit(Unit::One | Unit::Any)))
    }

    /// The pattern with its variables replaced; nothing if one has no value. A
    /// value has no wildcards, whatever a client has put into it.
    pub(super) fn resolve(&self, context: &Context) -> Option<Glob> {
        let mut units = Vec::new();
        for part in &self.0 {
            match part {
                Part::Unit(unit) => units.push(*unit),
                Part::Variable(name) => {
                    let value = context.get(name).first()?;
                    units.extend(value.chars().map(Unit::Letter));
                }
            }
        }
        Some(Glob(units))
    }
}

impl Part {
    fn variable(name: &str) -> Result<Self, VariableProblem> {
        match name {
            "" => Err(VariableProblem::NoName),
            "*" | "?" | "$" => Ok(Self::Unit(Unit::Letter(name.chars().next().unwrap_or('$')))),
            name if name.contains(',') => Err(VariableProblem::Default),
            name => Ok(Self::Variable(name.to_owned())),
        }
    }
}

impl Glob {
    /// True if the whole text fits. A `*` that fitted too little is tried again
    /// one character further, which takes at most text times pattern steps.
    pub(super) fn fits(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        let mut retry = None;
        loop {
            match (self.0.get(at), rest.clone().next()) {
                (Some(Unit::Any), _) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                }
                (Some(unit), Some(letter)) if unit.fits(letter) => {
                    at += 1;
                    rest.next();
                }
                (None, None) => return true,
                _ => {
                    let Some((behind, from)) = retry.as_mut() else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    at = *behind;
                    rest = from.clone();
                }
            }
        }
    }

    /// As [`Glob::fits`], with ASCII letters of either case.
    pub(super) fn fits_in_any_case(&self, text: &str) -> bool {
        let lower = self.0.iter().map(|unit| match unit {
            Unit::Letter(letter) => Unit::Letter(letter.to_ascii_lowercase()),
            other => *other,
        });
        Self(lower.collect()).fits(&text.to_ascii_lowercase())
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.0.iter().try_for_each(|unit| match unit {
            Unit::Letter(letter) => f.write_char(*letter),
            Unit::One => f.write_char('?'),
            Unit::Any => f.write_char('*'),
        })
    }
}

impl Unit {
    fn fits(self, letter: char) -> bool {
        match self {
            Self::Letter(own) => own == letter,
            Self::One | Self::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Reading = Reading { wildcards: true, variables: true };

    fn glob(text: &str) -> Glob {
        let context = Context::new().with("iot:ClientId", "pump-*");
        Pattern::parse(text, WHOLE).unwrap().resolve(&context).unwrap()
    }

    #[test]
    fn wildcards_cross_slashes_and_count_characters() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("*", "a/b/c", true),
            ("a/*/c", "a/b/x/c", true),
            ("a/*/c", "a/c", false),
            ("a?c", "abc", true),
            ("a?c", "aäc", true),
            ("a?c", "ac", false),
            ("a?", "abc", false),
            ("*ab", "aab", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "aba", false),
            ("**", "x", true),
            ("a", "A", false),
            ("a/+/#", "a/+/#", true),
            ("a/+/#", "a/b/c", false),
        ] {
            assert_eq!(glob(pattern).fits(text), fits, "{pattern} {text}");
        }
        assert!(glob("Ab*").fits_in_any_case("aBc"));
    }

    #[test]
    fn a_client_brings_no_wildcards() {
        assert!(glob("x/${iot:ClientId}").fits("x/pump-*"));
        assert!(!glob("x/${iot:ClientId}").fits("x/pump-17"));
        assert_eq!(glob("${iot:ClientId}?").to_string(), "pump-*?");
    }

    #[test]
    fn special_characters_stand_for_themselves_in_braces() {
        assert!(glob("a${*}${?}${$}{x}").fits("a*?${x}"));
        assert!(!glob("a${*}").fits("ab"));
    }

    #[test]
    fn variables_without_value_fit_nothing() {
        let pattern = Pattern::parse("${iot:Connection.Thing.ThingName}*", WHOLE).unwrap();
        assert_eq!(pattern.resolve(&Context::new()), None);
    }

    #[test]
    fn bad_variables_are_told() {
        for (text, problem) in [
            ("a${iot:ClientId", VariableProblem::Open),
            ("${ }", VariableProblem::NoName),
            ("${a, 'b'}", VariableProblem::Default),
        ] {
            assert_eq!(Pattern::parse(text, WHOLE), Err(problem), "{text}");
            assert!(problem.to_string().contains("hint: "));
            let old = Reading { variables: false, ..WHOLE };
            assert!(Pattern::parse(text, old).is_ok(), "{text} is plain in the old version");
        }
    }
}
