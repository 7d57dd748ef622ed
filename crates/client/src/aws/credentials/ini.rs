//! The format of `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;

/// The settings of a profile. Names are in small letters.
pub(super) type Settings = BTreeMap<String, String>;

/// A line that is not understood, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    pub(super) line: usize,
    pub(super) problem: &'static str,
}

/// The sections of a file in their order, each with its title.
pub(super) fn parse(text: &str) -> Result<Vec<(String, Settings)>, BadLine> {
    let mut sections: Vec<(String, Settings)> = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let bad = |problem| BadLine { line: index + 1, problem };
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = content.strip_prefix('[') {
            let title = title.split_once(']').map(|(title, _)| title.trim());
            let title = title.ok_or_else(|| bad("begins with '[' and has no ']'"))?;
            sections.push((title.to_owned(), Settings::new()));
            continue;
        }
        let Some((_, settings)) = sections.last_mut() else {
            return Err(bad("stands before the first line [profile]"));
        };
        // An indented line belongs to the setting above, of which only other tools know such.
        if line.starts_with(char::is_whitespace) && !settings.is_empty() {
            continue;
        }
        let (name, value) = content.split_once('=').ok_or_else(|| bad("has no '='"))?;
        let name = name.trim_end().to_ascii_lowercase();
        if name.is_empty() {
            return Err(bad("has nothing before its '='"));
        }
        settings.insert(name, without_comment(value.trim_start()).to_owned());
    }
    Ok(sections)
}

/// A comment behind a value has white space before it.
fn without_comment(value: &str) -> &str {
    let is_mark =
        |(at, c): &(usize, char)| "#;".contains(*c) && value[..*at].ends_with(char::is_whitespace);
    let end = value.char_indices().find(is_mark).map_or(value.len(), |(at, _)| at);
    value[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_settings() {
        let text = "\u{feff}# comment\n; comment\n\n[default]\naws_access_key_id = id\r\n\
                    AWS_SECRET_ACCESS_KEY=a/b+c==#d\n  s3 =\n    x = y\n\n[ profile b ] # c\n\
                    empty =\nregion = eu-west-1 # here\nsecond = a ;b\n\n[default]\nc = d\n";
        let sections = parse(text).unwrap();
        let titles: Vec<_> = sections.iter().map(|(title, _)| title.as_str()).collect();
        assert_eq!(titles, ["default", "profile b", "default"]);
        let settings = |number: usize| -> Vec<(&str, &str)> {
            let all = sections[number].1.iter();
            all.map(|(name, value)| (name.as_str(), value.as_str())).collect()
        };
        let expected = [("aws_access_key_id", "id"), ("aws_secret_access_key", "a/b+c==#d")];
        assert_eq!(settings(0), expected);
        assert_eq!(settings(1), [("empty", ""), ("region", "eu-west-1"), ("second", "a")]);
        assert_eq!(settings(2), [("c", "d")]);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, line, problem) in [
            ("a = b", 1, "stands before the first line [profile]"),
            ("\n[default\na = b", 2, "begins with '[' and has no ']'"),
            ("[default]\n# c\nsecret", 3, "has no '='"),
            ("[default]\n = secret", 2, "has nothing before its '='"),
            ("[default]\n= secret", 2, "has nothing before its '='"),
        ] {
            assert_eq!(parse(text), Err(BadLine { line, problem }), "{text}");
        }
    }
}
